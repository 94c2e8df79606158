"""Every chunk that was ever there is found, or its successor, however the documents are edited."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from curation.documents.corpus import Corpus
from curation.documents.edits import former_chunks
from curation.documents.ingest import drop_source, ingest
from curation.home import Home
from curation.records.chunk import Chunk
from curation.settings import ChunkSettings
from tests.curation.counting import minilm
from tests.curation.making import chunk_of

WATER = (
    "Water the beans every morning before the sun is high, and never when the ground is still wet from rain."
)
SEED = "Put each seed into a hole as deep as your thumb is long and cover it with loose earth from the bed."
FROST = (
    "Cover all young plants with a sheet when frost is expected and take it off again when the day gets warm."
)
MARKET = (
    "Whoever sells at the market needs a stall, a scale that was checked this year and bags made of paper."
)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    return tmp_path / "docs"


def page(*sections: tuple[str, str]) -> str:
    """A page whose sections are long enough to be chunks of their own."""
    parts = [
        f"## {heading}\n\n{' '.join([text] * math.ceil(80 / len(text.split())))}"
        for heading, text in sections
    ]
    return "\n\n".join(["# Garden", *parts]) + "\n"


def read(home: Home, docs: Path, **files: str) -> Corpus:
    """Ingest a folder that holds exactly ``files``."""
    for path in docs.iterdir():
        path.unlink()
    for name, text in files.items():
        (docs / f"{name}.md").write_text(text)
    ingest([str(docs)], home, ChunkSettings(), minilm())
    return Corpus.load(home)


def the(corpus: Corpus, heading: str, path: str = "a.md") -> Chunk:
    (found,) = (one for one in corpus.chunks if one.path == path and one.section[-1] == heading)
    return found


def successor(corpus: Corpus, chunk: Chunk) -> str:
    """The section of today's chunk in the place of ``chunk``; "" when nothing took its place."""
    assert corpus.former[chunk.id].chunk == chunk
    now = corpus.former[chunk.id].replaced_by
    return f"{corpus.by_id[now].path} {corpus.by_id[now].section[-1]}" if now else ""


def test_nothing_is_former_at_first(home: Home, docs: Path) -> None:
    assert read(home, docs, a=page(("Water", WATER))).former == {}
    assert not home.former_chunks.exists()


def test_three_edits_in_a_row_lead_to_the_chunk_of_today(home: Home, docs: Path) -> None:
    versions = []
    for text in (WATER, WATER.replace("morning", "evening"), MARKET, f"{MARKET} Twice."):
        corpus = read(home, docs, a=page(("Water", text), ("Seed", SEED)))
        versions.append(the(corpus, "Water"))
    assert len(set(versions)) == 4
    assert {key: one.replaced_by for key, one in corpus.former.items()} == {
        old.id: versions[-1].id for old in versions[:-1]
    }


def test_an_edit_undone(home: Home, docs: Path) -> None:
    first = the(read(home, docs, a=page(("Water", WATER))), "Water")
    second = the(read(home, docs, a=page(("Water", SEED))), "Water")
    corpus = read(home, docs, a=page(("Water", WATER)))
    assert the(corpus, "Water") == first
    assert {key: one.replaced_by for key, one in corpus.former.items()} == {second.id: first.id}


def test_a_file_is_moved_with_small_edits(home: Home, docs: Path) -> None:
    before = read(home, docs, a=page(("Water", WATER), ("Seed", SEED)), b=page(("Market", MARKET)))
    moved = page(("Water", WATER.replace("morning", "evening")), ("Seed", SEED))
    corpus = read(home, docs, c=moved, b=page(("Market", MARKET)))
    assert successor(corpus, the(before, "Water")) == "c.md Water"
    assert successor(corpus, the(before, "Seed")) == "c.md Seed"


def test_a_section_is_renamed(home: Home, docs: Path) -> None:
    before = read(home, docs, a=page(("Water", WATER), ("Seed", SEED)))
    corpus = read(home, docs, a=page(("When to water", WATER), ("Seed", SEED)))
    assert successor(corpus, the(before, "Water")) == "a.md When to water"


def test_a_section_is_split_in_two(home: Home, docs: Path) -> None:
    """Where the heading stays, its chunk follows; where both are new, the one that has most of the text."""
    whole = f"{WATER} {SEED}"
    before = read(home, docs, a=page(("Plants", whole)), b=page(("Plants", f"{WATER} {SEED} {FROST}")))
    corpus = read(
        home,
        docs,
        a=page(("Plants", WATER), ("Seed", SEED)),
        b=page(("Most", f"{SEED} {FROST}"), ("Little", WATER)),
    )
    assert successor(corpus, the(before, "Plants")) == "a.md Plants"
    assert successor(corpus, the(before, "Plants", "b.md")) == "b.md Most"


def test_of_several_chunks_in_the_section_the_most_alike_follows(home: Home, docs: Path) -> None:
    texts = [" ".join([text] * 9) for text in (WATER, SEED, FROST)]
    before = read(home, docs, a="# Garden\n\n" + "\n\n".join(texts))
    assert len(before.chunks) == 3
    edited = [text.replace("the", "this") for text in texts]
    corpus = read(home, docs, a="# Garden\n\n" + "\n\n".join(reversed(edited)))
    for old in before.chunks:
        now = corpus.by_id[corpus.former[old.id].replaced_by]
        assert now.body.split()[0] == old.body.split()[0]


def test_a_paragraph_that_moved_to_another_section_is_followed_there(home: Home, docs: Path) -> None:
    before = read(home, docs, a=page(("Water", f"{WATER} {WATER} {WATER} {WATER}"), ("Seed", SEED)))
    corpus = read(home, docs, a=page(("Water", MARKET), ("Seed", f"{SEED} {WATER}")))
    assert successor(corpus, the(before, "Water")) == "a.md Seed"


def test_what_is_gone_has_no_successor_until_it_comes_back(home: Home, docs: Path) -> None:
    both = page(("Water", WATER), ("Seed", SEED))
    before = read(home, docs, a=both, b=page(("Frost", FROST)))
    corpus = read(home, docs, a=page(("Water", WATER), ("Market", MARKET)))
    assert successor(corpus, the(before, "Seed")) == ""
    assert successor(corpus, the(before, "Frost", "b.md")) == ""
    corpus = read(home, docs, a=page(("Water", WATER), ("Seeds", SEED)), b=page(("Frost", FROST)))
    assert successor(corpus, the(before, "Seed")) == "a.md Seeds"
    assert the(before, "Frost", "b.md").id not in corpus.former


def test_a_source_is_dropped_and_read_again(home: Home, docs: Path) -> None:
    before = read(home, docs, a=page(("Water", WATER), ("Seed", SEED)))
    drop_source(str(docs), home)
    assert {one.replaced_by for one in Corpus.load(home).former.values()} == {""}
    assert Corpus.load(home).former.keys() == before.by_id.keys()
    corpus = read(home, docs, a=page(("Water", WATER), ("Seed", f"{SEED} Wait.")))
    assert list(corpus.former) == [the(before, "Seed").id]
    assert successor(corpus, the(before, "Seed")) == "a.md Seed"


def test_an_ingest_without_changes_writes_nothing(home: Home, docs: Path) -> None:
    read(home, docs, a=page(("Water", WATER)))
    read(home, docs, a=page(("Water", SEED)))
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in home.corpus.glob("*.parquet")}
    assert len(before) == 3
    read(home, docs, a=page(("Water", SEED)))
    assert before == {
        path: (path.stat().st_mtime_ns, path.read_bytes()) for path in home.corpus.glob("*.parquet")
    }


def test_the_table_goes_when_nothing_is_former_any_more(home: Home, docs: Path) -> None:
    read(home, docs, a=page(("Water", WATER)), b=page(("Seed", SEED)))
    read(home, docs, a=page(("Water", WATER)))
    assert home.former_chunks.exists()
    assert read(home, docs, a=page(("Water", WATER)), b=page(("Seed", SEED))).former == {}
    assert not home.former_chunks.exists()


states = st.lists(
    st.builds(
        chunk_of,
        st.sampled_from("ab"),
        st.sampled_from([("X",), ("Y",)]),
        st.sampled_from([WATER, f"{WATER} Now.", SEED, FROST]),
    ),
    max_size=5,
    unique_by=lambda one: one.id,
)


@settings(deadline=None)
@given(st.lists(states, min_size=2, max_size=5))
def test_whatever_is_edited_each_chunk_is_there_or_leads_to_one_that_is(edits: list[list[Chunk]]) -> None:
    corpus, ever = Corpus([], []), {}
    for chunks in edits:
        new = Corpus([], chunks)
        new.former = former_chunks(corpus, new)
        ever |= new.by_id
        assert new.former.keys() | new.by_id.keys() == ever.keys()
        assert new.former.keys().isdisjoint(new.by_id)
        assert {one.replaced_by for one in new.former.values()} <= {"", *new.by_id}
        assert all(one.chunk == ever[key] for key, one in new.former.items())
        assert former_chunks(new, new) == new.former
        for one in new.former.values():
            near = [now for now in chunks if now.id not in corpus.by_id and now.text == one.chunk.text]
            assert one.replaced_by or not near, "the same text came somewhere"
        corpus = new
