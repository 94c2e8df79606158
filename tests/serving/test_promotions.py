"""The log of promotions: a line before the pointer moves, whole whatever is killed or damaged."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings as examples, strategies as st

from curation import Home, StateError
from serving.releases.promotions import BOOTSTRAP, PERSON, REINDEX, PromotionLog
from serving.releases.record import NotPromotedError
from serving.releases.store import ReleaseStore
from tests.serving.promoter import JOURNAL, POINTS, kill_promotion
from tests.serving.test_releases import DRAFT, stage

RUN = "20260101-000000-aaaaaa"
R1, R2, R3 = (f"r000{number}-00000000" for number in (1, 2, 3))


@pytest.fixture
def store(home: Home) -> ReleaseStore:
    return ReleaseStore(home)


@pytest.fixture
def made(store: ReleaseStore) -> list[str]:
    """Three releases, the first of them served."""
    made = [store.publish(stage(store, content=str(number)), DRAFT).id for number in range(3)]
    store.promote(made[0], by=BOOTSTRAP)
    return made


def test_each_promotion_is_a_line_that_says_who_and_instead_of_what(
    store: ReleaseStore, made: list[str]
) -> None:
    first, second, _ = made
    store.promote(second, expected=first, by=RUN)
    store.promote(second, expected=first, by=RUN)  # served already: nothing happens
    store.promote(first)
    store.promote(first)  # once more: a person's word
    lines = store.promotions.lines()
    assert [(line.sequence, line.release, line.before, line.by) for line in lines] == [
        (1, first, None, BOOTSTRAP),
        (2, second, first, RUN),
        (3, first, second, PERSON),
        (4, first, first, PERSON),
    ]


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("went_back", [False, True])
def test_killed_at_any_point_it_is_finished_later_unless_somebody_went_back(
    home: Home, store: ReleaseStore, made: list[str], point: str, went_back: bool
) -> None:
    first, second, third = made
    kill_promotion(home, second, first, RUN, point)
    assert store.current_id() == (second if point == "after the pointer" else first)
    is_begun = point in ("after the line", "after the pointer")
    assert not store.promotions.is_overruled(RUN, second)
    if not went_back:
        store.promote(second, expected=first, by=RUN)
        assert store.current_id() == second
        assert [line.release for line in store.promotions.lines()] == [first, second]
        store.promote(third)  # on instead of back
        with pytest.raises(NotPromotedError):
            store.promote(second, expected=third, by=RUN)
        return
    store.promote(first)
    assert store.promotions.is_overruled(RUN, None) == is_begun
    if is_begun:
        with pytest.raises(NotPromotedError) as told:
            store.promote(second, expected=first, by=RUN)
        assert told.value.overruled
        assert store.current_id() == first
        with pytest.raises(NotPromotedError):  # made again, under another id
            store.promote(third, expected=first, by=RUN)
    lines = store.promotions.lines()
    assert [line.sequence for line in lines] == list(range(1, len(lines) + 1))


@pytest.mark.parametrize("point", POINTS)
def test_who_indexes_anew_speaks_against_no_promotion_that_never_came(
    home: Home, store: ReleaseStore, made: list[str], point: str
) -> None:
    first, second, third = made
    kill_promotion(home, second, first, RUN, point)
    store.promote(third, by=REINDEX)
    assert store.promotions.is_overruled(RUN, second) == (point == "after the pointer")


def test_on_a_disk_without_room_for_the_line_the_pointer_stays(
    store: ReleaseStore, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int, content: bytes) -> None:
        os.write(descriptor, content[:7])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(JOURNAL, "write_all", full)
        with pytest.raises(StateError, match="No space left"):
            store.promote(made[1])
    assert store.current_id() == made[0]
    assert len(store.promotions.lines()) == 1
    store.promote(made[1])
    assert [line.sequence for line in store.promotions.lines()] == [1, 2]


def test_where_a_release_comes_from_is_followed_through_new_documents(tmp_path: Path) -> None:
    log = PromotionLog(tmp_path / "promotions.jsonl")
    for release, before, by in ((R1, None, BOOTSTRAP), (R2, R1, RUN), (R3, R2, REINDEX)):
        log.append(release, before, by)
    first, second, _ = log.lines()
    assert log.origin(R3) == second
    assert not second.is_by_hand
    log.append(R1, R3, PERSON)
    log.append(R2, R1, REINDEX)
    assert log.origin(R2) == log.lines()[3]
    assert log.lines()[3].is_by_hand
    assert not first.is_by_hand, "the first one was no choice"
    assert not log.is_overruled(REINDEX, "r0009-00000000"), "not a run, whose releases would all be one"


@given(cut=st.integers(0, 2000), junk=st.binary(max_size=12).filter(lambda found: b"\n" not in found))
@examples(max_examples=40, deadline=None)
def test_whatever_is_left_of_the_end_the_whole_lines_count_and_the_next_one_does(
    cut: int, junk: bytes
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        log = PromotionLog(Path(folder) / "promotions.jsonl")
        for release, before in ((R1, None), (R2, R1), (R3, R2)):
            log.append(release, before, RUN)
        content = log.path.read_bytes()
        left = content[:cut]
        log.path.write_bytes(left + junk)
        whole = [line.release for line in log.lines()]
        assert whole == [R1, R2, R3][: left.count(b"\n")]
        log.append(R1, None, PERSON)
        assert [line.release for line in log.lines()] == [*whole, R1]
        assert log.lines()[-1].sequence == len(whole) + 1


def test_the_line_is_there_before_the_pointer_moves(
    store: ReleaseStore, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    monkeypatch.setattr(
        "serving.releases.store.write_text", lambda *_: seen.append(store.promotions.lines()[-1].release)
    )
    store.promote(made[1])
    assert seen == [made[1]]
