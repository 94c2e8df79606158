"""What a thinking model puts before its answer: never an answer, never a query."""

from __future__ import annotations

import re

_TAGS = ("<think>", "<thinking>", "<reasoning>")
_THOUGHTS = re.compile(r"\s*<(think|thinking|reasoning)>(.*?)(?:</\1>|\Z)", re.DOTALL)


def without_thoughts(text: str) -> tuple[str, str]:
    """The answer in ``text``, and what the model thought before it (``<think>…</think>``)."""
    found = _THOUGHTS.match(text)
    return (text[found.end() :].lstrip(), found.group(2).strip()) if found else (text, "")


def may_be_thoughts(text: str) -> bool:
    """Whether ``text``, as far as it has come, may still be nothing but thoughts."""
    start = text.lstrip()
    if any(tag.startswith(start) for tag in _TAGS):
        return True
    found = _THOUGHTS.match(text)
    return found is not None and not text[found.end() :].strip()
