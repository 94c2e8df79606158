"""How a question is put, by a small rule: people type sentences, keywords and headings, and a model may serve one of
them badly.

* ``heading``: the question is a section's own heading.
* ``question``: it ends in a question mark, or opens with an English question word or auxiliary verb.
* ``keywords``: at most six words, and no full stop at the end.
* ``sentence``: the rest, such as "my spider stops after the first page".
"""

from __future__ import annotations

import re
from typing import Literal

Style = Literal["heading", "question", "keywords", "sentence"]

_OPENS = re.compile(
    r"(how|what|why|when|where|which|who|whom|whose|can|could|do|does|did|is|are|am|was|were|will|would|should|shall|may|"
    r"must|has|have|isn't|aren't|can't|don't|doesn't)\b",
    re.IGNORECASE,
)
_MARKS = ("?", "？", "؟", "⁇")
_FEW = 6  # words


def style_of(text: str, is_heading: bool = False) -> Style:
    """The style of a question; ``is_heading`` is known, not guessed."""
    if is_heading:
        return "heading"
    line = text.strip()
    if line.endswith(_MARKS) or _OPENS.match(line):
        return "question"
    return "keywords" if len(line.split()) <= _FEW and not line.endswith((".", "!", "。")) else "sentence"
