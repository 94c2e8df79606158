"""Token classification with SpanMarker (Aarsen 2023): markers around each possible span say what it is."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from training.tasks.examples import Example, TrainingData
from training.tasks.frameworks.arguments import loading, make_arguments, trained
from training.tasks.frameworks.framework import Framework, Prediction, Setup, texts_in, untrained
from training.tasks.frameworks.heads.tag import Tag
from training.tasks.frameworks.snippets import on_disk
from training.tasks.frameworks.tables import as_datasets
from training.tasks.shapes import TaskKind

_TASK: TaskKind = "token_classification"
_OWN = ("max_length", "entity_max_length")
_ENCODER = "encoder"  # the subfolder that holds the configuration and the tokenizer of what was trained from
_WORD = re.compile(r"\w+|[^\w\s]")
_SNIPPET = """\
from span_marker import SpanMarkerConfig, SpanMarkerModel

folder = PLACE
config = SpanMarkerConfig.from_pretrained(folder)
config.encoder["_name_or_path"] = f"{folder}/encoder"
print(SpanMarkerModel.from_pretrained(folder, config=config).predict("A text"))"""


class SpanMarker(Framework):
    """Parameters: those of transformers.TrainingArguments, ``max_length`` (tokens that are read of a text)
    and ``entity_max_length`` (words of the longest span, by default 8)."""

    name = "span_marker"
    tasks: ClassVar[Collection[TaskKind]] = (_TASK,)
    packages: ClassVar[Mapping[str, str]] = {
        "span_marker": "pip install 'clayloop[span-marker]', in an environment of its own"
    }
    distributions: ClassVar[Collection[str]] = ("span-marker",)
    library: ClassVar[str] = "span-marker"

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.config = {"num_train_epochs": 3, "learning_rate": 5e-5, "per_device_train_batch_size": 4}
        self._model: Any = None

    def prepare(self, data: TrainingData) -> Any:
        """A datasets.Dataset of words with BIO tags, or a DatasetDict with train and test."""
        return as_datasets(data, partial(_table, Tag(data.labels)))

    def train(self, data: TrainingData, folder: Path) -> None:
        import datasets
        import span_marker
        import transformers

        tags = Tag(data.labels)
        arguments = make_arguments(transformers.TrainingArguments, self.setup, self.config, _OWN, folder)
        model = self._load(tags)
        shown = datasets.are_progress_bars_disabled()
        datasets.disable_progress_bars()  # SpanMarker shows one for each of its small steps
        try:
            trained(span_marker.Trainer(model=model, args=arguments, train_dataset=_table(tags, data.train)))
        finally:
            if not shown:
                datasets.enable_progress_bars()
        self._model = model.eval()
        self._save(folder)

    def predict(self, inputs: Sequence[Any]) -> list[Prediction]:
        if self._model is None:
            raise untrained(self.name)
        from datasets import Dataset

        found = self._model.predict(Dataset.from_dict({"tokens": texts_in(inputs)}))
        return [[_span(one) for one in spans] for spans in found]

    def snippet(self, place: str) -> str:
        return on_disk(_SNIPPET, place)

    def _load(self, tags: Tag) -> Any:
        """Raises SettingsError where the encoder cannot be loaded."""
        import span_marker

        source = self.model_source()
        options = {"entity_max_length": int(self.config.get("entity_max_length", 8))}
        if "max_length" in self.config:
            options["model_max_length"] = int(self.config["max_length"])
        with loading(source):
            return span_marker.SpanMarkerModel.from_pretrained(source, labels=tags.labels, **options)

    def _save(self, folder: Path) -> None:
        """SpanMarker looks for the encoder where it was trained from; here it is beside the model."""
        model = self._model
        model.config.encoder["_name_or_path"] = _ENCODER
        model.save_pretrained(str(folder), safe_serialization=True)
        model.encoder.config.save_pretrained(str(folder / _ENCODER))
        model.tokenizer.tokenizer.save_pretrained(str(folder / _ENCODER))


def _table(tags: Tag, examples: Sequence[Example]) -> Any:
    from datasets import Dataset

    rows = []
    for one in examples:
        words = [match.span() for match in _WORD.finditer(one.columns["text"])]
        rows.append(
            {
                "id": one.record,
                "tokens": [one.columns["text"][start:end] for start, end in words],
                "ner_tags": [tags.number(limits, one.columns["spans"]) for limits in words],
            }
        )
    return Dataset.from_list(rows)


def _span(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "start": found["char_start_index"],
        "end": found["char_end_index"],
        "label": found["label"],
        "score": found["score"],
        "text": found["span"],
    }
