"""A canary: which conversations it answers, and that nobody is answered by one that is broken."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given, strategies as st

from curation import BusyError, Home
from serving.bot.live import LiveRelease
from serving.releases.canary import Canary
from serving.releases.garbage import find_garbage
from serving.releases.retriever import ReleaseLoader
from serving.releases.store import ReleaseStore
from serving.settings import ServingSettings
from tests.serving.conftest import MakeRelease

NOW = datetime(2026, 11, 30, tzinfo=timezone.utc)
CONVERSATIONS = [f"{number:032x}" for number in range(2_000)]


def canary(release: str, share: float) -> Canary:
    return Canary(release=release, share=share, since=NOW)


@given(
    release=st.integers(1, 9_999).map(lambda number: f"r{number:04d}-00000000"),
    shares=st.tuples(st.floats(0.01, 0.5), st.floats(0.01, 0.5)).map(sorted),
)
def test_a_larger_share_keeps_the_conversations_of_a_smaller_one(release: str, shares: list[float]) -> None:
    some, more = ({one for one in CONVERSATIONS if canary(release, share).takes(one)} for share in shares)
    assert some <= more
    for share, taken in zip(shares, (some, more), strict=True):
        assert abs(len(taken) / len(CONVERSATIONS) - share) < 0.07


def test_a_conversation_stays_with_its_release_until_the_canary_ends(
    home: Home, make_release: MakeRelease
) -> None:
    served, other = make_release("ONE"), make_release("TWO", promote=False)
    store = ReleaseStore(home)
    live = LiveRelease(store, ReleaseLoader(store, ServingSettings()))

    def answered_by() -> dict[str, str]:
        live.check()
        live.canary.look(live.release_id)
        return {one: live.retriever_for(one).release.id for one in CONVERSATIONS}

    assert set(answered_by().values()) == {served.id}
    store.marks.set_canary(canary(other.id, 0.2))
    begun = answered_by()
    assert 0.15 < list(begun.values()).count(other.id) / len(begun) < 0.25
    assert live.release_id == served.id and answered_by() == begun
    with pytest.raises(BusyError, match="canary"):
        store.remove(other.id)
    assert other.id not in find_garbage(store, 1).releases
    store.promote(other.id)
    assert set(answered_by().values()) == {other.id}
    store.promote(served.id)
    assert set(answered_by().values()) == {served.id}, "it was promoted: that ended it"


def test_a_broken_canary_answers_nobody_and_it_is_said_why(home: Home, make_release: MakeRelease) -> None:
    served, other = make_release("ONE"), make_release("TWO", promote=False)
    store = ReleaseStore(home)
    (store.folder(other.id) / "model" / "config.json").unlink()
    store.marks.set_canary(canary(other.id, 0.5))
    live = LiveRelease(store, ReleaseLoader(store, ServingSettings()))
    live.canary.look(live.release_id)
    assert {live.retriever_for(one).release.id for one in CONVERSATIONS} == {served.id}
    assert "config.json is missing" in store.marks.read().failed[other.id].why


def test_damaged_marks_leave_all_as_it_is_and_are_told_of_once(
    home: Home, make_release: MakeRelease, caplog: pytest.LogCaptureFixture
) -> None:
    make_release("ONE")
    other = make_release("TWO", promote=False)
    store = ReleaseStore(home)
    store.marks.failed(other.id, "as it was before")
    store.marks.set_canary(canary(other.id, 0.5))
    live = LiveRelease(store, ReleaseLoader(store, ServingSettings()))
    live.canary.look(live.release_id)
    assert live.canary.release_id == other.id and not store.marks.read().failed, "it can be served now"
    store.marks.path.write_text("{")
    for _ in range(3):
        live.canary.look(live.release_id)
    assert live.canary.release_id == other.id
    assert caplog.text.count("is damaged") == 1


def test_what_another_machine_serves_is_no_canary_here(home: Home, make_release: MakeRelease) -> None:
    make_release("ONE")
    other = make_release("TWO", promote=False)
    store = ReleaseStore(home)
    store.marks.set_canary(canary(other.id, 0.5))
    store.follow(other.id, "person")
    assert store.marks.read().canary is None
