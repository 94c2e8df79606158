"""Finding what a text has become among many that share its heading: the same answer as pair by pair, in a moment."""

from __future__ import annotations

import random
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from curation import Chunk
from training.prepare.dedup import jaccard, shingles
from training.prepare.overlap import similarities
from training.prepare.whereabouts import trace_chunks
from training.settings import DedupSettings

NEAR = DedupSettings(semantic=False, threshold=0.95)


def _introduction(number: int, text: str) -> Chunk:
    whole = f"Introduction\n\n{text}"
    path = f"page-{number}.md"
    return Chunk(
        id=Chunk.make_id(path, ("Introduction",), whole),
        document_id=path,
        source="folder:/pages",
        path=path,
        section=("Introduction",),
        text=whole,
        tokens=200,
        position=0,
    )


def test_many_sections_of_one_name_are_traced_in_a_moment() -> None:
    """Each text is compared with all others: 150 took 6 s, 600 a hundred."""
    chance = random.Random(0)
    words = ["".join(chance.choices("abcdefghijkl", k=6)) for _ in range(4000)]
    chunks = [_introduction(number, " ".join(chance.sample(words, 100))) for number in range(800)]
    gone = {f"old-{number}": f"{chunk.text} and more" for number, chunk in enumerate(chunks)}
    started = time.process_time()
    found = trace_chunks(gone, chunks, {chunk.id for chunk in chunks}, {}, lambda place: False, NEAR)
    assert time.process_time() - started < 10
    assert [found[key].version for key in gone] == [chunk.id for chunk in chunks]


@given(
    st.lists(st.text("abc ", max_size=30), max_size=60), st.lists(st.text("abc ", max_size=30), max_size=60)
)
@settings(max_examples=50, deadline=None)
def test_the_similarities_of_many_are_those_of_each_pair(left: list[str], right: list[str]) -> None:
    expected = [[jaccard(shingles(one), shingles(other)) for other in right] for one in left]
    assert [row.tolist() for row in similarities(left, right)] == expected
    more = [[jaccard(shingles(one), shingles(other)) for other in right * 50] for one in left]
    assert [row.tolist() for row in similarities(left, right * 50)] == more
