"""Two releases' passages in one answer: who put which there, and what counts as a vote."""

from __future__ import annotations

import random
from datetime import datetime, timezone

from hypothesis import given, strategies as st

from curation import Chunk, Home, Turn
from serving.bot.chat import ChatService
from serving.bot.interleaving import team_draft
from serving.bot.live import LiveRelease
from serving.releases.canary import Canary
from serving.releases.retriever import ReleaseLoader
from serving.releases.store import ReleaseStore
from serving.retrieval.index import Hit
from serving.settings import BotSettings, ServingSettings
from tests.serving.conftest import MakeRelease
from tests.serving.pages import make_chunks

NOW = datetime(2026, 11, 30, tzinfo=timezone.utc)
CHUNK = make_chunks()[0]
HOW = "How do I run several tasks at the same time?"

rankings = st.lists(st.integers(0, 12), unique=True, max_size=8)


def hit(number: int) -> Hit:
    chunk: Chunk = CHUNK.model_copy(update={"id": str(number)})
    return Hit(chunk=chunk, score=0.5)


@given(ours=rankings, theirs=rankings, k=st.integers(1, 8), seed=st.integers())
def test_both_pick_by_turns_what_they_rank_best(
    ours: list[int], theirs: list[int], k: int, seed: int
) -> None:
    found = team_draft([*map(hit, ours)], [*map(hit, theirs)], k, random.Random(seed))
    picked = [(int(one.chunk.id), is_ours) for one, is_ours in found]
    numbers = [number for number, _ in picked]
    assert len(set(numbers)) == len(numbers) <= k
    alike = [one for one, is_ours in picked if is_ours is None]
    assert alike == ours[: len(alike)] == theirs[: len(alike)]
    for place, (number, is_ours) in enumerate(picked):
        if is_ours is not None:
            assert number == next(one for one in (ours if is_ours else theirs) if one not in numbers[:place])
    of_ours = [is_ours for _, is_ours in picked if is_ours is not None]
    rounds = [of_ours[start : start + 2] for start in range(0, len(of_ours), 2)]
    assert all(len(set(one)) == len(one) for one in rounds), "each picks once in a round"
    assert len(found) == k or not ({*ours} - {*numbers} and {*theirs} - {*numbers})


def test_an_interleaved_turn_names_both_releases_and_what_its_visitor_preferred(
    home: Home, make_release: MakeRelease
) -> None:
    served, other = make_release("ONE"), make_release("TWO", promote=False)
    store = ReleaseStore(home)
    store.marks.set_canary(Canary(release=other.id, share=0.5, since=NOW, interleave=True))
    live = LiveRelease(store, ReleaseLoader(store, ServingSettings()))
    turns: list[Turn] = []
    service = ChatService(live, None, turns.append, BotSettings())

    def ask(question: str, conversation: int) -> tuple[Turn, str]:
        *_, last = service.reply(question, (), f"{conversation:032x}.0")
        return turns[-1], last.turn

    live.canary.look(live.release_id)
    asked = [ask(HOW, number) for number in range(40)]
    mixed = [(turn, name) for turn, name in asked if turn.drafted]
    assert 8 <= len(mixed) <= 32
    assert {turn.release_id for turn, _ in asked} == {served.id}
    assert all("TWO" not in turn.answer for turn, _ in asked if not turn.drafted)
    begun = set()
    for turn, name in mixed:
        assert turn.rival == other.id and sorted(turn.drafted) == sorted([served.id, other.id] * 2)
        assert "ONE" in turn.answer and "TWO" in turn.answer and not turn.preferred
        first, *rest = turn.drafted
        last = {served.id: other.id, other.id: served.id}[first]
        begun.add(first)
        assert service.rate(name, "up") and turns[-1].preferred == f"{first} over {last}"
        assert service.rate(name, "down") and turns[-1].preferred == f"{last} over {first}"
        for number, release in enumerate(rest, 2):
            if release == first:
                assert service.rate(name, opened=number) and not turns[-1].preferred, "one vote for each"
        assert service.rate(name, opened=50) and not turns[-1].preferred, "there is no such passage"
    assert begun == {served.id, other.id}, "a coin says who begins"
    strange, _ = ask("Who painted the ceiling of the Sistine Chapel?", int(mixed[0][1][:32], 16))
    assert strange.refused and not strange.drafted
