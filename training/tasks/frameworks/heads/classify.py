"""Text classification: one label for a text, or several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from training.tasks.examples import Example, labels_in
from training.tasks.frameworks.heads.head import batches, run

THRESHOLD = 0.5  # a label of several is given from this probability


class Classify:
    """One of ``labels``, or where ``multi`` any number of them."""

    auto = "AutoModelForSequenceClassification"

    def __init__(self, labels: Sequence[str], multi: bool) -> None:
        self.labels = list(labels)
        self.multi = multi

    def model_options(self) -> dict[str, Any]:
        return {
            "num_labels": len(self.labels),
            "id2label": dict(enumerate(self.labels)),
            "label2id": {label: place for place, label in enumerate(self.labels)},
            "problem_type": "multi_label_classification" if self.multi else "single_label_classification",
            "ignore_mismatched_sizes": True,
        }

    def encode(self, tokenizer: Any, examples: Sequence[Example], length: int) -> dict[str, list[Any]]:
        encoded = tokenizer([one.columns["text"] for one in examples], truncation=True, max_length=length)
        given = [labels_in(one.columns) for one in examples]
        if self.multi:
            labels: list[Any] = [[float(label in one) for label in self.labels] for one in given]
        else:
            labels = [self.labels.index(one) for (one,) in given]
        return {**encoded, "labels": labels}

    def collator(self, tokenizer: Any, model: Any) -> Any:
        from transformers import DataCollatorWithPadding

        return DataCollatorWithPadding(tokenizer)

    def predict(self, model: Any, tokenizer: Any, inputs: Sequence[Any], length: int) -> list[Any]:
        found: list[Any] = []
        for batch in batches(list(inputs)):
            encoded = tokenizer(list(batch), truncation=True, max_length=length)
            logits = run(model, tokenizer, encoded).logits.float()
            scores = logits.sigmoid() if self.multi else logits.softmax(-1)
            found += [as_prediction(self.labels, row, self.multi) for row in scores.tolist()]
        return found


def as_prediction(labels: Sequence[str], scores: Sequence[float], multi: bool) -> dict[str, Any]:
    """The best label and its probability, or all from one half on."""
    if not multi:
        best = max(range(len(labels)), key=lambda place: scores[place])
        return {"label": labels[best], "score": scores[best]}
    kept = [(label, score) for label, score in zip(labels, scores, strict=True) if score >= THRESHOLD]
    return {"label": [label for label, _ in kept], "score": [score for _, score in kept]}
