"""The second grain: pieces of a long chunk, each a vector of its own that leads to the chunk.

A chunk of 256 tokens is about several things at once, and its vector is near to none of them. A piece under
the chunk's heading line says one of them.
"""

from __future__ import annotations

from curation import SECTION_SEPARATOR, Chunk, Measure, TokenCounter, split_prose


def pieces(chunk: Chunk, limit: int, counter: TokenCounter) -> list[str]:
    """``chunk`` cut into texts of at most ``limit`` tokens of ``counter``, each below the heading line.

    A chunk of at most ``limit`` tokens is its own only piece. The heading line is cut to its innermost
    sections where it takes more than half of a piece.
    """
    if chunk.tokens <= limit:
        return [chunk.text]
    measure = Measure(counter)
    room = max(limit - measure.special, 1)
    heading = _heading(chunk, room // 2, measure)
    if heading:
        room -= measure(heading) + measure.joint
    parts = split_prose(chunk.body, room, measure)
    return [f"{heading}\n\n{part}" if heading else part for part in map(str.strip, parts) if part]


def _heading(chunk: Chunk, limit: int, measure: Measure) -> str:
    """As much of the chunk's heading line as fits, whole sections from the innermost outwards."""
    heading = chunk.text.removesuffix(chunk.body).strip()
    while measure(heading) > limit:
        _, _, heading = heading.partition(SECTION_SEPARATOR)
    return heading
