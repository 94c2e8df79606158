"""Corrections become curated answers: served, switched off, withdrawn, stale, and many of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sentence_transformers import SentenceTransformer

from curation import Chunk, Corpus, Decision, FormerChunk, Home
from serving import (
    Embedder,
    ReleaseStore,
    Retriever,
    answer_rows,
    load_release,
    read_answers,
    reindex,
    switch,
)
from tests.training import rounds
from tests.training.corrected import WRITTEN, corrected, taken_back
from tests.training.material import make_chunks, triplet
from tests.training.prepare.made_up import edited, replaced
from training.report.text import RetrainSummary
from training.retrain import RetrainOptions, load_ahead, retrain_from_annotations
from training.settings import INDEX_ONLY

CHUNKS = make_chunks()
LAMP, KETTLE, FENCE = CHUNKS[0], CHUNKS[4], CHUNKS[8]
QUESTION = "Can I wash the lamp?"
ANSWER = "Never with water: unplug the lamp, and use a dry brush."
OPTIONS = RetrainOptions(highest=INDEX_ONLY)


@pytest.fixture
def home(bootstrapped: Home, tmp_path: Path) -> Home:
    return rounds.copied(bootstrapped, tmp_path / "home")


def corpus_of(chunks: Sequence[Chunk], former: dict[str, FormerChunk] | None = None) -> Corpus:
    return Corpus(documents=[], chunks=chunks, former=former)


def bring(
    home: Home, model: Path, decisions: Sequence[Decision], corpus: Corpus | None = None
) -> RetrainSummary:
    """One round that trains nothing."""
    return retrain_from_annotations(
        home,
        corpus or corpus_of(CHUNKS),
        rounds.training(),
        rounds.serving(model),
        lambda: list(decisions),
        OPTIONS,
    )


def served(home: Home, model: Path) -> Retriever:
    return load_release(ReleaseStore(home), None, rounds.serving(model))


def fates(home: Home) -> dict[str, tuple[str, str]]:
    store = ReleaseStore(home)
    rows = answer_rows(store.folder(store.current().id) / "lineage.parquet")
    return {row["record_id"]: (row["fate"], row["reason"]) for row in rows}


def test_a_correction_is_found_first_by_its_question_and_takes_no_documents_place(
    home: Home, tiny_model: Path
) -> None:
    decision = corrected(LAMP, QUESTION, ANSWER, best="1")
    other = corrected(KETTLE, "Is the kettle mine?", "No.", "annotator")
    summary = bring(home, tiny_model, [decision, other])
    assert summary.outcome == "promoted", summary.verdict
    assert [fate for fate, _ in fates(home).values()] == ["served", "served"]
    bot = served(home, tiny_model)
    first, second = bot.search(QUESTION, 2)
    answer = bot.answers[first.chunk.id]
    assert (answer.question, answer.text, answer.author, answer.at) == (
        QUESTION,
        ANSWER,
        "maintainer",
        WRITTEN,
    )
    assert first.asked is not None and first.asked.record_id == decision.record_id
    assert second.chunk.id == LAMP.id and second.asked is not None, "the source keeps its lead"
    (source,) = answer.sources
    assert (source.chunk_id, source.path, source.heading) == (LAMP.id, LAMP.path, LAMP.heading)
    assert not answer.is_stale
    assert {one.author for one in bot.answers.values()} == {"maintainer", "annotator"}
    assert bot.release.index.rows == len(CHUNKS) and bot.release.index.answers == 2
    assert [one.id for one in bot.index.documents()] == [one.id for one in corpus_of(CHUNKS).chunks]
    assert [hit.chunk.id for hit in bot.search(QUESTION, 1, only_documents=True)] == [LAMP.id]


def test_nothing_new_makes_no_release_and_what_is_withdrawn_is_gone(home: Home, tiny_model: Path) -> None:
    decision = corrected(LAMP, QUESTION, ANSWER)
    bring(home, tiny_model, [decision])
    assert bring(home, tiny_model, [decision]).outcome == "nothing-new"
    assert bring(home, tiny_model, [taken_back(decision)]).outcome == "promoted"
    bot = served(home, tiny_model)
    assert not bot.answers and bot.release.index.answers == 0
    assert not read_answers(ReleaseStore(home).folder(bot.release.id))
    assert bot.search(QUESTION, 1)[0].chunk.id in {one.id for one in CHUNKS}


def test_an_answer_that_is_switched_off_leaves_with_the_next_round_and_comes_back(
    home: Home, tiny_model: Path
) -> None:
    decision = corrected(LAMP, QUESTION, ANSWER)
    bring(home, tiny_model, [decision])
    assert switch(home, decision.record_id, on=False) and not switch(home, decision.record_id, on=False)
    assert bring(home, tiny_model, [decision]).outcome == "promoted"
    assert not served(home, tiny_model).answers
    fate, reason = fates(home)[decision.record_id]
    assert fate == "unused" and "switched off" in reason
    assert bring(home, tiny_model, [decision]).outcome == "nothing-new"
    assert switch(home, decision.record_id, on=True)
    assert bring(home, tiny_model, [decision]).outcome == "promoted"
    assert len(served(home, tiny_model).answers) == 1


def test_contradicting_corrections_are_not_served_and_one_without_a_source_is(
    home: Home, tiny_model: Path
) -> None:
    again = corrected(LAMP, f"{QUESTION} ", "With soap.")
    without = corrected(FENCE, "Who owns the fence?", "The town does.", best="none")
    bring(home, tiny_model, [corrected(LAMP, QUESTION, ANSWER), again, without])
    (answer,) = served(home, tiny_model).answers.values()
    assert (answer.text, answer.sources, answer.is_stale) == ("The town does.", (), False)
    assert [fate for fate, _ in fates(home).values()].count("conflict") == 2


def test_an_answer_whose_source_was_edited_is_stale_until_somebody_answers_again(
    home: Home, tiny_model: Path
) -> None:
    decision = corrected(LAMP, QUESTION, ANSWER, best="1")
    bring(home, tiny_model, [decision])
    new = edited(LAMP)
    changed = corpus_of([new, *CHUNKS[1:]], replaced([(LAMP, new)]))
    release = reindex(home, changed, rounds.serving(tiny_model))
    assert release is not None and release.index.answers == 1
    bot = served(home, tiny_model)
    (answer,) = bot.answers.values()
    assert answer.is_stale and answer.sources[0].chunk_id == new.id
    assert bot.search(QUESTION, 1)[0].chunk.id == answer.chunk_id, "it stays, and its question leads to it"
    assert bring(home, tiny_model, [decision], changed).outcome == "nothing-new"

    assert answer.stale_since is not None
    later = answer.stale_since + timedelta(minutes=1)
    confirmed = corrected(LAMP, QUESTION, ANSWER, at=later, best="1")
    assert confirmed.fingerprint == decision.fingerprint, "the same answer, sent again"
    assert bring(home, tiny_model, [confirmed], changed).outcome == "promoted"
    (answer,) = served(home, tiny_model).answers.values()
    assert not answer.is_stale and answer.seen == new.id
    assert bring(home, tiny_model, [confirmed], changed).outcome == "nothing-new"

    gone = corpus_of(CHUNKS[1:], {one.id: FormerChunk(chunk=one) for one in (LAMP, new)})
    assert reindex(home, gone, rounds.serving(tiny_model)) is not None
    (answer,) = served(home, tiny_model).answers.values()
    assert answer.is_stale and answer.sources[0].path == LAMP.path


def test_thousands_of_corrections_cost_little_each(home: Home, tiny_model: Path) -> None:
    # 10,000 took 45 s beside busy neighbours and the same the second time: docs/measurements.
    many = [
        corrected(CHUNKS[number % 48], f"How is the lamp number {number} washed?", f"With brush {number}.")
        for number in range(2_000)
    ]
    started = time.process_time()
    bring(home, tiny_model, many)
    assert time.process_time() - started < 30
    bot = served(home, tiny_model)
    assert len(bot.answers) == len(many)
    found = bot.search("How is the lamp washed?", 10, only_documents=True)
    assert len({hit.chunk.id for hit in found} & {one.id for one in CHUNKS}) == 10


def test_what_was_loaded_ahead_is_embedded_once_for_all_rounds(
    home: Home, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = [triplet(one, f"What about {one.heading}?") for one in CHUNKS[:9]]
    bring(home, tiny_model, first)
    Embedder.forget_shared()
    load_ahead(home, corpus_of(CHUNKS), rounds.training(), rounds.serving(tiny_model))
    asked = Counter[str]()
    whole = SentenceTransformer.encode_query

    def counted(self: SentenceTransformer, texts: list[str], **rest: Any) -> Any:
        asked.update(text for text in texts if not text[-1].isdigit())  # those tell how long it takes
        return whole(self, texts, **rest)

    monkeypatch.setattr(SentenceTransformer, "encode_query", counted)
    bring(home, tiny_model, [*first, corrected(LAMP, QUESTION, ANSWER)])
    bring(home, tiny_model, [*first, corrected(LAMP, QUESTION, ANSWER), corrected(KETTLE, "Mine?", "No.")])
    assert set(asked) == {QUESTION, "Mine?"}, "all else was known"
    assert max(asked.values()) <= 2, "by the base model and by the served one"
