"""Extractive question answering: the part of a context that answers a question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from training.tasks.examples import Example
from training.tasks.frameworks.heads.head import batches, run

_LONGEST = 64  # tokens of an answer


class Answer:
    """A start and an end in the context. A long context is read in pieces that overlap by a quarter."""

    auto = "AutoModelForQuestionAnswering"

    def model_options(self) -> dict[str, Any]:
        return {}

    def encode(self, tokenizer: Any, examples: Sequence[Example], length: int) -> dict[str, list[Any]]:
        columns = [one.columns for one in examples]
        pairs = [(one["question"], one["context"]) for one in columns]
        encoded = _pieces(tokenizer, pairs, length)
        starts, ends = [], []
        for row, origin in enumerate(encoded["overflow_to_sample_mapping"]):
            first = columns[origin]["start"]
            limits = (first, first + len(columns[origin]["answer"]))
            start, end = _tokens(_context(encoded, row), limits)
            starts.append(start)
            ends.append(end)
        kept = {name: value for name, value in encoded.items() if name in tokenizer.model_input_names}
        return {**kept, "start_positions": starts, "end_positions": ends}

    def collator(self, tokenizer: Any, model: Any) -> Any:
        from transformers import DataCollatorWithPadding

        return DataCollatorWithPadding(tokenizer)

    def predict(self, model: Any, tokenizer: Any, inputs: Sequence[Any], length: int) -> list[Any]:
        found = []
        for batch in batches(list(inputs)):
            pairs = [(one["question"], one["context"]) for one in batch]
            encoded = _pieces(tokenizer, pairs, length)
            output = run(model, tokenizer, encoded)
            best: list[tuple[float, int, int, float]] = [(float("-inf"), 0, 0, 0.0)] * len(batch)
            for row, origin in enumerate(encoded["overflow_to_sample_mapping"]):
                logits = output.start_logits[row].float(), output.end_logits[row].float()
                best[origin] = max(best[origin], _best(logits, _context(encoded, row)))
            for (_, context), (_, start, end, score) in zip(pairs, best, strict=True):
                found.append({"answer": context[start:end], "start": start, "end": end, "score": score})
        return found


def _pieces(tokenizer: Any, pairs: Sequence[tuple[str, str]], length: int) -> Any:
    questions = [_cut(tokenizer, question, length // 2) for question, _ in pairs]
    return tokenizer(
        questions,
        [context for _, context in pairs],
        truncation="only_second",
        max_length=length,
        stride=length // 4,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )


def _cut(tokenizer: Any, text: str, tokens: int) -> str:
    """The first ``tokens`` of a text: a question must leave room for its context."""
    offsets = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    return text if len(offsets) <= tokens else text[: offsets[tokens - 1][1]]


def _context(encoded: Any, row: int) -> list[tuple[int, int, int]]:
    """The tokens of the context in a row: place, and first and last character."""
    return [
        (place, start, end)
        for place, (part, (start, end)) in enumerate(
            zip(encoded.sequence_ids(row), encoded["offset_mapping"][row], strict=True)
        )
        if part == 1
    ]


def _tokens(context: Sequence[tuple[int, int, int]], limits: tuple[int, int]) -> tuple[int, int]:
    """The first and the last token of an answer; 0 and 0 where this piece does not hold all of it."""
    inside = [place for place, start, end in context if start < limits[1] and limits[0] < end]
    if not inside or context[0][1] > limits[0] or context[-1][2] < limits[1]:
        return 0, 0
    return inside[0], inside[-1]


def _best(logits: tuple[Any, Any], context: Sequence[tuple[int, int, int]]) -> tuple[float, int, int, float]:
    """The likeliest answer of a piece: its logit, its characters and its probability."""
    import torch

    places = [place for place, _, _ in context]
    if not places:
        return float("-inf"), 0, 0, 0.0
    start, end = (one[places] for one in logits)
    sums = start[:, None] + end[None, :]
    possible = torch.ones_like(sums).triu().tril(_LONGEST - 1).bool()
    sums = sums.masked_fill(~possible, float("-inf"))
    first, last = divmod(int(sums.argmax()), len(places))
    score = float(logits[0].softmax(-1)[places[first]] * logits[1].softmax(-1)[places[last]])
    return float(sums[first, last]), context[first][1], context[last][2], score
