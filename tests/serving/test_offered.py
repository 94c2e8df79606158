"""The passages that annotators choose from, and the full-text search that finds some of them."""

from __future__ import annotations

import threading
from datetime import datetime, timezone

import pytest
from gradio_client import Client
from hypothesis import given, strategies as st

from curation import MOST_OFFERED, Home, ReleaseError, Turn
from serving import BotSettings, ServingSettings
from serving.bot.offered import offered_passages, with_offered
from serving.releases.retriever import Retriever, load_release
from serving.releases.store import ReleaseStore
from serving.retrieval.fulltext import FullText, build_fulltext
from serving.retrieval.index import ChunkIndex, build_index
from serving.retrieval.space import SearchSpace
from tests.serving.conftest import MakeRelease
from tests.serving.pages import make_chunks
from tests.serving.running import running_bot

HOW = "How do I run several tasks at the same time?"
CHUNKS = {chunk.id: chunk for chunk in make_chunks()}


@pytest.fixture
def retriever(home: Home, make_release: MakeRelease, settings: ServingSettings) -> Retriever:
    make_release()
    return load_release(ReleaseStore(home), None, settings)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> FullText:
    folder = tmp_path_factory.mktemp("words") / "index"
    import numpy as np

    build_index(folder, make_chunks(), SearchSpace.plain(np.eye(len(CHUNKS), 40, dtype=np.float32)))
    assert FullText.open(folder).search("proxy", 3) == [], "there is none before it is built"
    build_fulltext(folder)
    build_fulltext(folder)
    assert len(ChunkIndex.open(folder).search(np.eye(1, 40, dtype=np.float32)[0], 5)) == 5
    return FullText.open(folder)


def nothing(*_: object) -> list[str]:
    return []


def sections(found: tuple[str, ...] | list[str]) -> list[str]:
    return [CHUNKS[chunk_id].section[-1] for chunk_id in found]


def test_full_text_finds_the_chunks_that_have_the_words(words: FullText) -> None:
    assert sections(words.search("plugins.disabled", 1)) == ["Turning a plugin off"]
    assert sections(words.search("SOCKS?", 1)) == ["Using a proxy"]
    assert sections(words.search("uninstall", 1)) == ["Uninstalling"]
    found = words.search("tasks", 3)
    assert len(found) == 3 and found == words.search("tasks", 3)
    assert words.search("zzyzx", 3) == words.search("tasks", 0) == []


@pytest.mark.parametrize(
    "question",
    ["", " ", "the", '"open', "tasks AND (", "+-*:^~\\", "\x00", "\ud800 tasks", "x" * 9_000, "a " * 9_000],
)
def test_no_syntax_is_wrong(words: FullText, question: str) -> None:
    assert len(words.search(question, 5)) <= 5


@given(st.text(max_size=80))
def test_whatever_is_asked_finds_chunks_or_nothing(words: FullText, question: str) -> None:
    assert set(words.search(question, 4)) <= set(CHUNKS)


def test_ten_are_offered_what_the_bot_used_first(
    retriever: Retriever, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FullText, "search", nothing)
    cited = tuple(hit.chunk.id for hit in retriever.search(HOW))
    assert len(cited) == 4
    offered = offered_passages(retriever, HOW, cited)
    assert offered[:4] == cited
    assert len(set(offered)) == MOST_OFFERED == 10
    dense = [hit.chunk.id for hit in retriever.search(HOW, 10)]
    assert set(offered) == set(dense), "without full-text search the nearest ones"
    assert len(offered_passages(retriever, "Who painted the Sistine Chapel?", ())) == 10


def test_the_sections_of_a_refusal_keep_their_numbers(retriever: Retriever) -> None:
    seen = (*tuple(CHUNKS)[-1:], tuple(CHUNKS)[2])
    turn = Turn(
        conversation_id="c",
        turn=0,
        question=HOW,
        answer="I don't know.",
        offered=seen,
        refused=True,
        release_id="r",
        created_at=datetime.now(timezone.utc),
    )
    assert with_offered(retriever, turn).offered[:2] == seen


def test_full_text_brings_what_dense_search_misses(
    retriever: Retriever, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = f"{HOW} doctor"
    doctor = next(chunk.id for chunk in CHUNKS.values() if chunk.section[-1] == "How do I report a bug?")
    cited = tuple(hit.chunk.id for hit in retriever.search(question))
    with monkeypatch.context() as without:
        without.setattr(FullText, "search", nothing)
        assert doctor not in offered_passages(retriever, question, cited)
    after = offered_passages(retriever, question, cited)
    assert doctor in after and after[:4] == cited and len(set(after)) == 10


def test_more_sources_than_can_be_offered_and_fewer_chunks(retriever: Retriever) -> None:
    cited = tuple(CHUNKS)[:14]
    assert offered_passages(retriever, HOW, cited) == cited[:10]
    gone = ("f" * 32, *tuple(CHUNKS)[:2])
    assert offered_passages(retriever, HOW, gone)[:3] == gone, "an older release's chunk keeps its place"


def test_a_release_that_cannot_be_searched_keeps_nothing_back(
    retriever: Retriever, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ReleaseError("The index is gone.")

    turn = Turn(
        conversation_id="c",
        turn=0,
        question=HOW,
        answer="So.",
        release_id="r",
        created_at=datetime.now(timezone.utc),
    )
    monkeypatch.setattr(retriever, "search", broken)
    assert with_offered(retriever, turn) == turn


def test_what_was_meant_is_what_annotators_choose_for(retriever: Retriever) -> None:
    turn = Turn(
        conversation_id="c",
        turn=0,
        question="tsaks?",
        meant=HOW,
        answer="So.",
        release_id="r",
        created_at=datetime.now(timezone.utc),
    )
    assert with_offered(retriever, turn).offered == offered_passages(retriever, HOW, ())


def test_the_bot_answers_before_it_looks_for_more_and_what_is_sent_has_ten(
    home: Home, make_release: MakeRelease, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_release()
    answered = threading.Event()
    search = FullText.search
    too_early: list[str] = []

    def after_the_answer(self: FullText, question: str, k: int, *without: object) -> list[str]:
        if not answered.wait(30):
            too_early.append(question)
        return search(self, question, k, *without)

    monkeypatch.setattr(FullText, "search", after_the_answer)
    sent: list[Turn] = []
    arrived = threading.Event()

    def send(turns: list[Turn]) -> None:
        sent.extend(turns)
        if len(sent) == 2:
            arrived.set()

    with running_bot(home, ServingSettings(bot=BotSettings(port=0)), None, send) as bot:
        client = Client(bot.url, verbose=False)
        for question in (HOW, "Who won the chess world championship in 1972?"):
            assert client.predict(question, api_name="/chat")
        answered.set()
        assert arrived.wait(60)
    assert not too_early
    first, refused = sorted(sent, key=lambda turn: turn.turn)
    assert first.offered[:4] == first.cited and not refused.cited
    assert [len(set(turn.offered)) for turn in (first, refused)] == [10, 10]
