"""Text2text: a text from a text, by an encoder-decoder model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from training.tasks.examples import Example
from training.tasks.frameworks.heads.head import batches


class Rewrite:
    """Targets of at most ``longest`` tokens."""

    auto = "AutoModelForSeq2SeqLM"

    def __init__(self, longest: int) -> None:
        self.longest = longest

    def model_options(self) -> dict[str, Any]:
        return {}

    def encode(self, tokenizer: Any, examples: Sequence[Example], length: int) -> dict[str, list[Any]]:
        encoded = tokenizer([one.columns["text"] for one in examples], truncation=True, max_length=length)
        targets = [one.columns["target"] for one in examples]
        labels = tokenizer(text_target=targets, truncation=True, max_length=self.longest)["input_ids"]
        kept = {name: encoded[name] for name in ("input_ids", "attention_mask")}
        return {**kept, "labels": labels}

    def collator(self, tokenizer: Any, model: Any) -> Any:
        from transformers import DataCollatorForSeq2Seq

        return DataCollatorForSeq2Seq(tokenizer, model=model)

    def predict(self, model: Any, tokenizer: Any, inputs: Sequence[Any], length: int) -> list[Any]:
        import torch

        found: list[Any] = []
        for batch in batches(list(inputs)):
            encoded = tokenizer(
                list(batch), truncation=True, max_length=length, padding=True, return_tensors="pt"
            )
            with torch.inference_mode():
                made = model.generate(
                    input_ids=encoded["input_ids"].to(model.device),
                    attention_mask=encoded["attention_mask"].to(model.device),
                    max_new_tokens=self.longest,
                )
            found += [{"text": text} for text in tokenizer.batch_decode(made, skip_special_tokens=True)]
        return found
