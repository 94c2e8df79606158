"""When two texts count as exactly the same."""

from __future__ import annotations

import unicodedata


def normalise(text: str) -> str:
    """What makes two texts exactly the same: Unicode NFKC, case folded, runs of white space as one space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
