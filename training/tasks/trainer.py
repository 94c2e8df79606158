"""The trainer: from an Argilla dataset and a task to a trained model, in a few lines."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from curation import (
    SILENT,
    HubRepo,
    Progress,
    SettingsError,
    StateError,
    first_line,
    push_folder,
)
from training.tasks.card import CARD_FILE, Facts, check_card_texts, model_card
from training.tasks.examples import Split, TrainingData, make_data
from training.tasks.frameworks.framework import Framework, Setup, failures_told
from training.tasks.frameworks.registry import find_framework
from training.tasks.reading import Source, open_source
from training.tasks.records import as_records
from training.tasks.selection import Selection, make_selection
from training.tasks.task import TrainingTask

log = logging.getLogger(__name__)

_LINEAGE_FILE = "lineage.parquet"  # which record and which users each example comes from
_RECORD_FILE = "training.json"  # how the model was trained
_CARD_OPTION = "model_card_kwargs"


@dataclass(frozen=True)
class TrainedModel:
    """What a training made: where it is, from how many examples, and how it does on the held-out ones (no
    metrics where nothing was held out)."""

    folder: Path
    trained_on: int
    held_out: int
    metrics: Mapping[str, float]


@dataclass
class ArgillaTrainer:
    """Trains ``task`` on ``dataset`` with ``framework``.

    ``dataset`` is an rg.Dataset, what ``dataset.records(query)`` yields, or a folder that Dataset.to_disk
    wrote. Names are checked at once; records are read and libraries loaded when they are first needed.

    ``model`` is a folder, a Hugging Face name, package:NAME or a loaded model (then with its ``tokenizer``).
    ``train_size`` is the share of the records to train on (None: all), ``seed`` chooses them. ``filter_by``
    (rg.Query, rg.Filter, conditions, a dictionary or text), ``sort_by`` and ``max_records`` choose records
    before. ``lang`` is a language's code, for spaCy. ``framework_kwargs`` are options of the framework, and
    ``model_card_kwargs``. ``gpu_id`` -1 is the CPU. A label that nobody gave is an error, unless
    ``all_labels`` is False: the model then never finds it.
    """

    dataset: Any = field(repr=False)
    task: TrainingTask
    framework: str
    model: Any = None
    tokenizer: Any = None
    train_size: float | None = None
    seed: int = 42
    filter_by: Any = None
    sort_by: Any = None
    max_records: int | None = None
    lang: str | None = None
    framework_kwargs: Mapping[str, Any] = field(default_factory=dict, repr=False)  # may hold an API key
    gpu_id: int | None = None
    all_labels: bool = True
    progress: Progress = field(default=SILENT, repr=False)

    def __post_init__(self) -> None:
        self._source: Source = open_source(self.dataset)
        self.task = self.task.checked(self._source.schema)
        selection = make_selection(self.filter_by, self.sort_by, self.max_records)
        self._selection: Selection = selection.checked(self._source.schema)
        self._split = Split(1.0 if self.train_size is None else self.train_size, self.seed)
        options = dict(self.framework_kwargs)
        self._card_texts = check_card_texts(options.pop(_CARD_OPTION, {}))
        if self.lang is not None:
            options["lang"] = self.lang
        kind = find_framework(self.framework, self.task.kind)
        if unknown := sorted(set(options) - set(kind.option_names)):
            known = ", ".join(sorted({*kind.option_names, _CARD_OPTION}))
            raise SettingsError(
                f"The framework {self.framework!r} does not know {unknown[0]!r}.", f"It knows {known}."
            )
        setup = Setup(self.task.kind, self.model, self.tokenizer, self.seed, self.gpu_id, options)
        self._framework: Framework = kind(setup)
        self._changed: dict[str, Any] = {}
        self._trained: TrainedModel | None = None
        self._facts: Facts | None = None

    @cached_property
    def data(self) -> TrainingData:
        """The examples: read, unified and split when first needed. Raises SettingsError or StateError where
        nothing can be learned."""
        rows = self._source.rows(self._selection, self.progress)
        return make_data(self._source.schema, rows, self.task, self._split, self.all_labels)

    def update_config(self, **values: Any) -> None:
        """Change parameters of the training, by the library's own names."""
        self._framework.update_config(**values)
        self._changed.update(values)

    def prepare_for_training(self) -> Any:
        """The examples in the form that the framework's own trainer takes."""
        return self._framework.prepare(self.data)

    def dataset_to(self, framework: str) -> Any:
        """The same examples in the form that the trainer of another ``framework`` takes."""
        other = replace(self, framework=framework, framework_kwargs={})
        return other._framework.prepare(self.data)

    def train(self, output_dir: str | Path) -> TrainedModel:
        """Train, evaluate on what is held out, and save model, model card and lineage in ``output_dir``.

        The folder is replaced as a whole at the end. Raises StateError when it holds something else.
        """
        folder = _check_target(Path(output_dir).expanduser().resolve())
        data = self.data
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
                made = Path(scratch) / "model"
                made.mkdir()
                with failures_told(self.framework, self._changed):
                    self._framework.train(data, made)
                metrics, unmeasured = self._evaluate(data)
                self._facts = self._facts_of(data, metrics, unmeasured)
                (made / CARD_FILE).write_text(model_card(self._facts, folder.name), encoding="utf-8")
                _write_lineage(made, data, self._facts.as_json())
                if folder.exists():
                    folder.rename(Path(scratch) / "before")
                made.rename(folder)
        except OSError as error:
            raise StateError(
                f"Cannot write {error.filename or folder}: {error.strerror or error}.",
                "Check the free space (df) and the permissions of the folder.",
            ) from error
        self._trained = TrainedModel(folder, len(data.train), len(data.held_out), metrics)
        return self._trained

    def predict(self, inputs: Any, as_argilla_records: bool = False) -> Any:
        """What the trained model finds: for one input its answer, for a list a list.

        With ``as_argilla_records`` a list of rg.Record with suggestions, to log into the dataset.
        """
        if self.task.kind == "sentence_similarity":
            if as_argilla_records:
                raise SettingsError("Similarities are no suggestions.", "Leave out as_argilla_records.")
            return self._framework.predict(inputs)
        chat = self.task.kind == "chat_completion" and bool(inputs) and isinstance(inputs[0], Mapping)
        several = isinstance(inputs, (list, tuple)) and not chat
        asked = list(inputs) if several else [inputs]
        found = self._framework.predict(asked) if asked else []
        if as_argilla_records:
            question = self.task.question(self._source.schema)
            return as_records(self.task, question, asked, found, self._framework.model_name)
        return found if several else found[0]

    def generate_model_card(self, output_dir: str | Path) -> str:
        """The card of the last training as Markdown, for a model in ``output_dir``. Raises StateError before
        the training."""
        if self._facts is None:
            raise StateError("There is no model to describe yet.", "Call train(output_dir=…) first.")
        return model_card(self._facts, Path(output_dir).name)

    def push_to_huggingface(
        self, repo_id: str, generate_card: bool = True, token: str | None = None, private: bool | None = None
    ) -> str:
        """Upload the trained model; returns its address. ``token`` is by default that of `hf auth login`. Who
        taught it what stays here.

        Raises StateError when the Hub cannot be reached or refuses: the model stays on disk, and the error
        says where.
        """
        if self._trained is None or self._facts is None:
            raise StateError("There is no model to upload yet.", "Call train(output_dir=…) first.")
        folder = self._trained.folder
        card, before = folder / CARD_FILE, (folder / CARD_FILE).read_text(encoding="utf-8")
        kept_here = [_LINEAGE_FILE, *([] if generate_card else [CARD_FILE])]
        repo = HubRepo(repo_id, "model", private, token)
        try:
            if generate_card:
                card.write_text(model_card(self._facts, repo_id), encoding="utf-8")
            return push_folder(repo, folder, "Trained with clayloop", ignore=kept_here)
        except StateError as error:
            card.write_text(before, encoding="utf-8")
            raise StateError(
                f"The model was not uploaded. {error.message} It is on disk, in {folder}.",
                f"{error.hint} Or give token=; then call push_to_huggingface again.",
            ) from error

    def _evaluate(self, data: TrainingData) -> tuple[dict[str, float], str]:
        """The metrics, or why there are none: what was trained is kept in any case."""
        if not data.held_out:
            return {}, "nothing was held out; train with train_size below 1"
        try:
            return self._framework.evaluate(data, data.held_out), ""
        except Exception as error:
            log.exception("The trained model could not be measured")
            return {}, f"{type(error).__name__}: {first_line(error)}"

    def _facts_of(self, data: TrainingData, metrics: Mapping[str, float], unmeasured: str) -> Facts:
        return Facts(
            dataset=self._source.schema.dataset,
            task=self.task,
            framework=self._framework,
            data=data,
            selection=self._selection.describe(),
            split=self._split,
            metrics=metrics,
            unmeasured=unmeasured,
            texts=self._card_texts,
        )


def prepare_for_training(
    dataset: Any, framework: str, task: TrainingTask, train_size: float | None = None, **options: Any
) -> Any:
    """The examples of ``task`` as ``framework``'s own trainer takes them, without training. ``options`` are
    those of ArgillaTrainer."""
    return ArgillaTrainer(dataset, task, framework, train_size=train_size, **options).prepare_for_training()


def _write_lineage(folder: Path, data: TrainingData, described: Mapping[str, Any]) -> None:
    """Record, users (Argilla's ids) and side of each example, and how the model was trained."""
    import pyarrow as pa

    from curation import write_json, write_table  # pyarrow, too: to import the trainer takes no time

    sides = [("train", one) for one in data.train] + [("held out", one) for one in data.held_out]
    table = pa.table(
        {
            "record": [one.record for _, one in sides],
            "users": pa.array([list(one.users) for _, one in sides], pa.list_(pa.string())),
            "side": [side for side, _ in sides],
        }
    )
    write_table(folder / _LINEAGE_FILE, table)
    write_json(folder / _RECORD_FILE, described)


def _check_target(folder: Path) -> Path:
    """Raises StateError for a folder that holds anything but an earlier training."""
    if folder.is_file():
        raise StateError(f"{folder} is a file.", "Give the path of a folder for the model.")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / _RECORD_FILE).exists():
        raise StateError(
            f"{folder} holds files that are no model trained here.",
            "Give an empty or new folder: its contents are replaced.",
        )
    return folder
