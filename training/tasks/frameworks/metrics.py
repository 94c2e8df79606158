"""How well predictions meet what annotators said, on records that were held out."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from typing import Any

from training.tasks.examples import Example, TrainingData, labels_in


def score(data: TrainingData, examples: Sequence[Example], predictions: Sequence[Any]) -> dict[str, float]:
    """Metrics by name, those of the task; always between 0 and 1, higher is better."""
    columns = [one.columns for one in examples]
    if data.kind == "text_classification":
        return _classes(data, examples, predictions)
    if data.kind == "token_classification":
        return _spans([one["spans"] for one in columns], predictions)
    name, column = ("answer", "answer") if data.kind == "question_answering" else ("text", "target")
    pairs = [(one[name], wanted[column]) for one, wanted in zip(predictions, columns, strict=True)]
    return {
        "exact match": _mean([_plain(found) == _plain(wanted) for found, wanted in pairs]),
        "token F1": _mean([_token_f1(found, wanted) for found, wanted in pairs]),
    }


def _classes(data: TrainingData, examples: Sequence[Example], predictions: Sequence[Any]) -> dict[str, float]:
    """Beside the share of texts whose labels are all right: what the most frequent labels would reach."""
    from sklearn.metrics import f1_score

    wanted = [frozenset(labels_in(one.columns)) for one in examples]
    found = [_as_set(one["label"]) for one in predictions]
    usual = Counter(frozenset(labels_in(one.columns)) for one in data.train).most_common(1)[0][0]
    true, guess = (
        [[int(label in one) for label in data.labels] for one in several] for several in (wanted, found)
    )
    return {
        "accuracy": _mean([one == other for one, other in zip(found, wanted, strict=True)]),
        "macro F1": float(f1_score(true, guess, average="macro", zero_division=0)),
        "micro F1": float(f1_score(true, guess, average="micro", zero_division=0)),
        "accuracy of the most frequent label": _mean([one == usual for one in wanted]),
    }


def _as_set(label: Any) -> frozenset[str]:
    return frozenset(label) if isinstance(label, list) else frozenset([label])


def _spans(wanted: Sequence[Any], found: Sequence[Any]) -> dict[str, float]:
    """A span counts if its limits and label are right (as in CoNLL-2003)."""
    right = total = given = 0
    for expected, predicted in zip(wanted, found, strict=True):
        one, other = _span_set(expected), _span_set(predicted)
        right, total, given = right + len(one & other), total + len(one), given + len(other)
    return {
        "span precision": right / given if given else 0.0,
        "span recall": right / total if total else 0.0,
        "span F1": 2 * right / (given + total) if given + total else 0.0,
    }


def _span_set(spans: Any) -> set[tuple[int, int, str]]:
    return {(span["start"], span["end"], span["label"]) for span in spans}


def _plain(text: str) -> str:
    """As SQuAD compares answers: lower case, without punctuation, articles and further white space."""
    lowered = "".join(one for one in text.casefold() if one not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", lowered).split())


def _token_f1(found: str, wanted: str) -> float:
    one, other = _plain(found).split(), _plain(wanted).split()
    shared = sum((Counter(one) & Counter(other)).values())
    if not one or not other:
        return float(one == other)
    return 2 * shared / (len(one) + len(other))


def _mean(values: Sequence[float | bool]) -> float:
    return sum(values) / len(values) if values else 0.0
