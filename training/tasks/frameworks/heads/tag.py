"""Token classification: labelled spans of a text, one label a token (BIO)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from training.tasks.examples import Example
from training.tasks.frameworks.heads.head import batches, run

_IGNORED = -100  # what the loss leaves out


class Tag:
    """Spans with one of ``labels``. A text longer than the model reads is read in pieces."""

    auto = "AutoModelForTokenClassification"

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = ["O", *(f"{part}-{label}" for label in labels for part in "BI")]

    def model_options(self) -> dict[str, Any]:
        return {
            "num_labels": len(self.labels),
            "id2label": dict(enumerate(self.labels)),
            "label2id": {label: place for place, label in enumerate(self.labels)},
            "ignore_mismatched_sizes": True,
        }

    def encode(self, tokenizer: Any, examples: Sequence[Example], length: int) -> dict[str, list[Any]]:
        encoded = _pieces(tokenizer, [one.columns["text"] for one in examples], length)
        offsets, origins = encoded.pop("offset_mapping"), encoded.pop("overflow_to_sample_mapping")
        encoded["labels"] = [
            [self.number(limits, examples[origin].columns["spans"]) for limits in row]
            for row, origin in zip(offsets, origins, strict=True)
        ]
        return dict(encoded)

    def collator(self, tokenizer: Any, model: Any) -> Any:
        from transformers import DataCollatorForTokenClassification

        return DataCollatorForTokenClassification(tokenizer)

    def predict(self, model: Any, tokenizer: Any, inputs: Sequence[Any], length: int) -> list[Any]:
        found: list[list[dict[str, Any]]] = []
        for batch in batches(list(inputs)):
            encoded = _pieces(tokenizer, list(batch), length)
            offsets, origins = encoded.pop("offset_mapping"), encoded.pop("overflow_to_sample_mapping")
            scores = run(model, tokenizer, encoded).logits.float().softmax(-1).tolist()
            tokens: list[list[tuple[int, int, str, float]]] = [[] for _ in batch]
            for row, origin, piece in zip(offsets, origins, scores, strict=True):
                for (start, end), one in zip(row, piece, strict=False):
                    if start < end:
                        best = max(range(len(one)), key=one.__getitem__)
                        tokens[origin].append((start, end, self.labels[best], one[best]))
            found += [_spans(text, several) for text, several in zip(batch, tokens, strict=True)]
        return found

    def number(self, limits: Sequence[int], spans: Sequence[Mapping[str, Any]]) -> int:
        """That of the label of the token between two characters; special tokens have none."""
        start, end = limits
        if start == end:
            return _IGNORED
        for span in spans:
            if start < span["end"] and span["start"] < end:
                return self.labels.index(f"{'B' if start <= span['start'] else 'I'}-{span['label']}")
        return 0


def _pieces(tokenizer: Any, texts: Sequence[str], length: int) -> Any:
    return tokenizer(
        list(texts),
        truncation=True,
        max_length=length,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )


def _spans(text: str, tokens: Sequence[tuple[int, int, str, float]]) -> list[dict[str, Any]]:
    """Tokens that belong together, with the mean of their probabilities."""
    found: list[dict[str, Any]] = []
    before = "O"
    for start, end, tag, score in tokens:
        label = tag[2:]
        if tag != "O" and tag[0] == "I" and before[2:] == label:
            found[-1]["end"] = end
            found[-1]["scores"].append(score)
        elif tag != "O":
            found.append({"start": start, "end": end, "label": label, "scores": [score]})
        before = tag
    for one in found:
        scores = one.pop("scores")
        one.update(score=sum(scores) / len(scores), text=text[one["start"] : one["end"]])
    return found
