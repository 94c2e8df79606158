"""When two texts, or two sections, count as the same."""

from __future__ import annotations

import unicodedata

from curation import Chunk


def normalise(text: str) -> str:
    """What makes two texts exactly the same: Unicode NFKC, case folded, runs of white space as one space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def section_of(chunk: Chunk) -> str:
    """The name of the chunk's section, its file's path first: what stays when its text is edited."""
    return "\t".join((chunk.path, *chunk.section))
