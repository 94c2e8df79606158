"""Training with transformers' own trainer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, ClassVar

from curation import SettingsError
from training.tasks.examples import Example, TrainingData
from training.tasks.frameworks.arguments import load_model, make_arguments, trained
from training.tasks.frameworks.framework import Framework, Prediction, Setup, texts_in, untrained
from training.tasks.frameworks.heads.answer import Answer
from training.tasks.frameworks.heads.classify import Classify
from training.tasks.frameworks.heads.head import Head
from training.tasks.frameworks.heads.rewrite import Rewrite
from training.tasks.frameworks.heads.tag import Tag
from training.tasks.frameworks.snippets import snippet
from training.tasks.shapes import TaskKind

_LONGEST = 512  # tokens that are read, unless the model reads fewer
_LONGEST_TARGET = 128


class Transformers(Framework):
    """Parameters: those of transformers.TrainingArguments, ``max_length`` (tokens that are read of a text)
    and, for text2text, ``max_target_length`` (tokens that are written)."""

    name = "transformers"
    tasks: ClassVar[Collection[TaskKind]] = (
        "text_classification",
        "token_classification",
        "question_answering",
        "text2text",
    )

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.config = {"num_train_epochs": 3, "learning_rate": 5e-5, "per_device_train_batch_size": 8}
        self.model: Any = None
        self.tokenizer: Any = None
        self._head: Head | None = None

    def train(self, data: TrainingData, folder: Path) -> None:
        import transformers
        from datasets import Dataset

        kind = transformers.TrainingArguments
        arguments = make_arguments(kind, self.setup, self.config, self._own(), folder)
        head = self._choose_head(data)
        self.model, self.tokenizer = load_model(self, head.auto, **head.model_options())
        if arguments.use_cpu:
            self.model.to("cpu")
        length = self._length()

        def encoded(examples: Sequence[Example]) -> Any:
            return Dataset.from_dict(head.encode(self.tokenizer, examples, length))

        trainer = transformers.Trainer(
            self._to_train(self.model),
            arguments,
            train_dataset=encoded(data.train),
            eval_dataset=encoded(data.held_out) if data.held_out else None,
            data_collator=head.collator(self.tokenizer, self.model),
            processing_class=self.tokenizer,
        )
        self.model = self._trained(trained(trainer)).eval()
        self._head = head
        self.model.save_pretrained(str(folder))
        self.tokenizer.save_pretrained(str(folder))

    def predict(self, inputs: Sequence[Any]) -> list[Prediction]:
        if self._head is None:
            raise untrained(self.name)
        for one in inputs:
            self._check_input(one)
        return self._head.predict(self.model, self.tokenizer, inputs, self._length())

    def snippet(self, place: str) -> str:
        return snippet(self.setup.kind, place)

    def default_model(self) -> str:
        if self.setup.kind == "text2text":
            raise SettingsError(
                "text2text needs an encoder-decoder model, and none was named.",
                'Give model= a folder or a Hugging Face name, for example "google/flan-t5-small".',
            )
        return super().default_model()

    def _own(self) -> set[str]:
        """The names in the configuration that are not for TrainingArguments."""
        return {"max_length", *(["max_target_length"] if self.setup.kind == "text2text" else [])}

    def _to_train(self, model: Any) -> Any:
        """What the trainer gets: the model itself."""
        return model

    def _trained(self, model: Any) -> Any:
        """The plain model behind what was trained."""
        return model

    def _choose_head(self, data: TrainingData) -> Head:
        if data.kind == "text_classification":
            return Classify(data.labels, data.multi)
        if data.kind == "token_classification":
            return Tag(data.labels)
        if data.kind == "question_answering":
            return Answer()
        return Rewrite(int(self.config.get("max_target_length", _LONGEST_TARGET)))

    def _length(self) -> int:
        """Tokens that are read of a text."""
        most = int(self.config.get("max_length", _LONGEST))
        places = getattr(self.model.config, "max_position_embeddings", None) or most
        return int(min(most, places, self.tokenizer.model_max_length))

    def _check_input(self, one: Any) -> None:
        if self.setup.kind == "question_answering":
            if not isinstance(one, dict) or {"question", "context"} - set(one):
                raise SettingsError(
                    f"{one!r} is no question with its context.",
                    'Give {"question": "Where?", "context": "…"}, or a list of them.',
                )
        else:
            texts_in([one])
