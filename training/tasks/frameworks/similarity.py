"""The forms in which sentences come, and what each form is trained with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from curation import SettingsError
from training.tasks.examples import Example, TrainingData
from training.tasks.shapes import SENTENCES

Form = Literal["pairs", "scored pairs", "classified pairs", "triplets", "classes"]


@dataclass(frozen=True)
class Loss:
    """A loss by its name in sentence-transformers, and how batches are made for it."""

    name: str
    sampler: str = "batch_sampler"  # the plain one


BI_ENCODER: Mapping[Form, Loss] = {
    "pairs": Loss("MultipleNegativesRankingLoss", "no_duplicates"),
    "scored pairs": Loss("CosineSimilarityLoss"),
    "classified pairs": Loss("SoftmaxLoss"),
    "triplets": Loss("TripletLoss"),
    "classes": Loss("BatchAllTripletLoss", "group_by_label"),
}
CROSS_ENCODER: Mapping[Form, Loss] = {
    "pairs": Loss("MultipleNegativesRankingLoss", "no_duplicates"),
    "scored pairs": Loss("BinaryCrossEntropyLoss"),
    "classified pairs": Loss("CrossEntropyLoss"),
}


@dataclass(frozen=True)
class Sentences:
    """Examples in one form. ``labels`` are the classes, in the order of their numbers."""

    form: Form
    labels: tuple[str, ...]

    def table(self, examples: Sequence[Example]) -> dict[str, list[Any]]:
        """A column for each sentence, and ``label``: a number or a class's place."""
        columns = [one.columns for one in examples]
        made: dict[str, list[Any]] = {
            name: [one[name] for one in columns] for name in SENTENCES if name in columns[0]
        }
        if self.form in ("classified pairs", "classes"):
            made["label"] = [self.labels.index(str(one["label"])) for one in columns]
        elif self.form == "scored pairs":
            made["label"] = [float(one["label"]) for one in columns]
        return made


def sentences_of(data: TrainingData) -> Sentences:
    """The form of the examples. Raises SettingsError where they have several, or scores that are none."""
    examples = data.examples
    first = set(examples[0].columns)
    for one in examples:
        if set(one.columns) != first:
            raise SettingsError(
                f"Record {one.record!r} has {_listed(one.columns)}, record {examples[0].record!r} has "
                f"{_listed(first)}.",
                "All examples of a training have the same columns.",
            )
    if "sentence-3" in first:
        return Sentences("triplets", ())
    if "label" not in first:
        return Sentences("pairs", ())
    labels = [one.columns["label"] for one in examples]
    if any(isinstance(label, float) for label in labels) and "sentence-2" in first:
        for one in examples:
            _check_score(one)
        return Sentences("scored pairs", ())
    form: Form = "classified pairs" if "sentence-2" in first else "classes"
    return Sentences(form, data.labels or tuple(str(one) for one in sorted(set(labels), key=str)))


def pairs_of(inputs: Any) -> list[tuple[str, str]]:
    """Pairs of texts from [one, [other, …]], [[one, other], …] or one pair. Raises SettingsError."""
    given = list(inputs) if isinstance(inputs, (list, tuple)) else []
    if len(given) == 2 and isinstance(given[0], str):
        others = [given[1]] if isinstance(given[1], str) else given[1]
        given = [[given[0], other] for other in others]
    if not given or not all(
        isinstance(pair, (list, tuple)) and len(pair) == 2 and all(isinstance(one, str) for one in pair)
        for pair in given
    ):
        raise SettingsError(
            "Sentence similarity is predicted for pairs of texts.",
            'Give ["text", ["other", "other"]] or [["text", "other"], ["text", "other"]].',
        )
    return [(one, other) for one, other in given]


def _check_score(one: Example) -> None:
    label = one.columns["label"]
    if isinstance(label, str) or not 0 <= float(label) <= 1:
        raise SettingsError(
            f"Record {one.record!r}: the label {label!r} is no similarity.",
            "A similarity lies between 0 (nothing in common) and 1 (the same); classes are texts or whole "
            "numbers.",
        )


def _listed(names: Any) -> str:
    return ", ".join(sorted(names))
