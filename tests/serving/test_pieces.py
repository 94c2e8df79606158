"""The second grain of the index."""

from __future__ import annotations

import pytest

from curation import Chunk
from serving import EmbeddingSettings, ModelTokenCounter
from serving.retrieval.pieces import pieces

COUNTER = ModelTokenCounter(EmbeddingSettings().model)
HEADING = "Guide > Caching > Where it lies"
LINES = [f"Line {number} tells where the cache of step {number} lies on your disk." for number in range(12)]


def make_chunk(body: str, section: tuple[str, ...] = ("Guide", "Caching", "Where it lies")) -> Chunk:
    heading = " > ".join(section)
    text = f"{heading}\n\n{body}" if heading else body
    return Chunk(
        id="one",
        document_id="page",
        source="docs",
        path="cache.md",
        section=section,
        text=text,
        tokens=COUNTER.count(text),
        position=0,
    )


def test_a_short_chunk_is_its_own_only_piece() -> None:
    chunk = make_chunk(LINES[0])
    assert pieces(chunk, chunk.tokens, COUNTER) == [chunk.text]
    assert len(pieces(chunk, chunk.tokens - 1, COUNTER)) == 2


@pytest.mark.parametrize("joint", ["\n", "\n\n", " "])
@pytest.mark.parametrize("limit", [64, 128])
def test_pieces_hold_the_whole_body_under_its_heading(joint: str, limit: int) -> None:
    chunk = make_chunk(joint.join(LINES))
    found = pieces(chunk, limit, COUNTER)
    assert 1 < len(found) <= len(LINES)
    assert max(COUNTER.counts(found)) <= limit
    assert all(piece.startswith(f"{HEADING}\n\nLine") for piece in found)
    bodies = [piece.removeprefix(f"{HEADING}\n\n") for piece in found]
    assert " ".join(bodies).split() == chunk.body.split()


def test_a_long_heading_leaves_room_for_the_body() -> None:
    section = ("A very long name of a chapter " * 8, "Where it lies")
    found = pieces(make_chunk("\n".join(LINES), section), 64, COUNTER)
    assert max(COUNTER.counts(found)) <= 64
    assert all(piece.startswith("Where it lies\n\nLine") for piece in found)
    endless = pieces(make_chunk("\n".join(LINES), ("endless " * 80,)), 64, COUNTER)
    assert max(COUNTER.counts(endless)) <= 64
    assert all(piece.startswith("Line") for piece in endless)


def test_a_chunk_without_heading_has_pieces_without_heading() -> None:
    found = pieces(make_chunk("\n".join(LINES), ()), 64, COUNTER)
    assert len(found) > 1 and all(piece.startswith("Line") for piece in found)
