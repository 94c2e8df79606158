"""What a task is to transformers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, TypeVar

from training.tasks.examples import Example

BATCH = 32
T = TypeVar("T")


class Head(Protocol):
    """A task for transformers' trainer."""

    auto: str  # the auto class that loads the model

    def model_options(self) -> dict[str, Any]:
        """What the auto class is told beside the model's name."""

    def encode(self, tokenizer: Any, examples: Sequence[Example], length: int) -> dict[str, list[Any]]:
        """Token ids and labels, at most ``length`` tokens a row."""

    def collator(self, tokenizer: Any, model: Any) -> Any:
        """What makes batches of the rows."""

    def predict(self, model: Any, tokenizer: Any, inputs: Sequence[Any], length: int) -> list[Any]:
        """An answer for each input."""


def batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]


def run(model: Any, tokenizer: Any, encoded: Any) -> Any:
    """The model's output, on the CPU, for rows that the tokenizer made (padded here)."""
    import torch

    names = [name for name in tokenizer.model_input_names if name in encoded]
    padded = tokenizer.pad({name: encoded[name] for name in names}, return_tensors="pt")
    with torch.inference_mode():
        return model(**{name: value.to(model.device) for name, value in padded.items()})
