from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from curation.errors import StateError
from curation.home import Home
from curation.records.triplet import Triplet
from curation.synthesis.triplets import load_triplets, save_triplets

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def triplet(positive: str, chunk_id: str = "c") -> Triplet:
    return Triplet(
        id=Triplet.make_id(chunk_id, positive, ""),
        chunk_id=chunk_id,
        anchor="a",
        positive=positive,
        origin="heading",
    )


def test_none_yet(home: Home) -> None:
    assert load_triplets(home) == []


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.builds(
            Triplet,
            id=TEXT,
            chunk_id=TEXT,
            anchor=TEXT,
            positive=TEXT,
            negative=TEXT,
            origin=st.sampled_from(["sentence-pair", "multiple-queries", "heading"]),
            model=TEXT,
            path=TEXT,
            section=TEXT,
        ),
        unique_by=lambda made: made.id,
        max_size=8,
    )
)
def test_what_is_saved_is_loaded_in_the_same_order(triplets: list[Triplet]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        save_triplets(home, triplets)
        assert load_triplets(home) == triplets


def test_an_id_is_kept_once(home: Home) -> None:
    save_triplets(home, [triplet("one"), triplet("two"), triplet("one")])
    assert [made.positive for made in load_triplets(home)] == ["one", "two"]


def test_a_failed_save_leaves_the_old_table(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    save_triplets(home, [triplet("one")])

    def full(*unused: object, **also_unused: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pyarrow.parquet.write_table", full)
    with pytest.raises(StateError, match="No space left"):
        save_triplets(home, [triplet("two")])
    assert [made.positive for made in load_triplets(home)] == ["one"]
    assert [path.name for path in home.corpus.iterdir()] == ["triplets.parquet"]


def test_a_damaged_table_is_named(home: Home) -> None:
    home.corpus.mkdir(parents=True)
    home.triplets.write_bytes(b"PAR1 nothing")
    with pytest.raises(StateError, match=r"triplets\.parquet"):
        load_triplets(home)
