"""Counting tokens exactly as the embedding model will, and fast."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from serving.retrieval.models import tokenizer_file

_BATCH = 256


class ModelTokenCounter:
    """Counts with the model's own fast tokenizer. Nothing is truncated, so a long text counts in full.

    ``model`` is what EmbeddingSettings.model takes. Raises SettingsError for a model without fast tokenizer.
    """

    def __init__(self, model: str | Path) -> None:
        from tokenizers import Tokenizer

        self._use(Tokenizer.from_file(str(tokenizer_file(model))))

    @classmethod
    def shared(cls, model: str | Path) -> ModelTokenCounter:
        """The one of this process for what the file says: releases of one base model have the same tokenizer,
        and while one is read no other thread runs."""
        return _of_content(tokenizer_file(model).read_bytes())

    @classmethod
    def of(cls, tokenizer: Any) -> ModelTokenCounter:
        """Counts with a copy of ``tokenizer`` (a ``tokenizers.Tokenizer``)."""
        counter = cls.__new__(cls)
        counter._use(type(tokenizer).from_str(tokenizer.to_str()))
        return counter

    def _use(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def count(self, text: str) -> int:
        """Tokens in ``text``, the special ones that the model adds included."""
        return len(self.ids(text))

    def ids(self, text: str) -> list[int]:
        """The tokens of ``text`` as the model takes them, the special ones included."""
        found: list[int] = self._tokenizer.encode(printable(text)).ids
        return found

    def counts(self, texts: Sequence[str]) -> list[int]:
        """``count`` of each of ``texts``, on all cores that the tokenizers library uses."""
        return [len(ids) for ids in self._ids(texts)]

    def frequencies(self, texts: Sequence[str]) -> Counter[int]:
        """How often each token, by its number, comes in all ``texts``, without special ones."""
        found: Counter[int] = Counter()
        for ids in self._ids(texts, special=False):
            found.update(ids)
        return found

    def vocabulary(self) -> list[str]:
        """All tokens by their number; where the model has none, an empty text."""
        numbers = self._tokenizer.get_vocab(with_added_tokens=True)
        words = [""] * (max(numbers.values()) + 1)
        for word, number in numbers.items():
            words[number] = word
        return words

    def added(self) -> set[int]:
        """The special tokens that every text gets, by their numbers."""
        return set(self._tokenizer.encode("").ids)

    def _ids(self, texts: Sequence[str], special: bool = True) -> Iterator[list[int]]:
        for start in range(0, len(texts), _BATCH):
            batch = [printable(text) for text in texts[start : start + _BATCH]]
            for encoding in self._tokenizer.encode_batch_fast(batch, add_special_tokens=special):
                yield encoding.ids

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Start and end of each token of ``text`` in characters, in order, without special tokens."""
        encoding = self._tokenizer.encode(printable(text), add_special_tokens=False)
        return [(int(start), int(end)) for start, end in encoding.offsets]


@lru_cache(2)
def _of_content(content: bytes) -> ModelTokenCounter:
    from tokenizers import Tokenizer

    counter = ModelTokenCounter.__new__(ModelTokenCounter)
    counter._use(Tokenizer.from_buffer(content))
    return counter


def printable(text: str) -> str:
    """``text`` with question marks for lone surrogates, which no tokenizer takes. It stays as long."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "".join("?" if "\ud800" <= character <= "\udfff" else character for character in text)
    return text
