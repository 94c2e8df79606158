"""Accepted questions in the index, through changes of the documents."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from curation import Corpus, Decision, FormerChunk, Home
from serving import ReleaseStore, load_release, reindex
from tests.training import rounds
from tests.training.material import conversation, judged_chunk, make_chunks, triplet
from tests.training.prepare.made_up import edited, replaced
from training import RetrainSummary
from training.judge.gate import GateVerdict, judge
from training.retrain import RetrainOptions, retrain_from_annotations
from training.settings import INDEX_ONLY

CHUNKS = make_chunks()
LAMP, KETTLE = CHUNKS[0], CHUNKS[4]
ASKED = triplet(LAMP, "How do I wash my light?")
ALL = Corpus(documents=[], chunks=CHUNKS)


@pytest.fixture
def home(bootstrapped: Home, tmp_path: Path) -> Home:
    return rounds.copied(bootstrapped, tmp_path / "home")


def bring(home: Home, model: Path, decisions: list[Decision], corpus: Corpus = ALL) -> RetrainSummary:
    """One round that trains nothing."""
    return retrain_from_annotations(
        home,
        corpus,
        rounds.training(),
        rounds.serving(model),
        lambda: decisions,
        RetrainOptions(highest=INDEX_ONLY),
    )


def leads(home: Home, model: Path) -> list[tuple[str, str]]:
    """Each accepted question of the served release and the chunk that it leads to."""
    index = load_release(ReleaseStore(home), None, rounds.serving(model)).index
    return [(one.text, one.chunk_id) for one in index.questions()]


def test_a_question_comes_back_with_its_page(home: Home, tiny_model: Path) -> None:
    bring(home, tiny_model, [ASKED])
    before = leads(home, tiny_model)
    assert before == [("How do I wash my light?", LAMP.id)]
    without = Corpus(documents=[], chunks=CHUNKS[1:], former={LAMP.id: FormerChunk(chunk=LAMP)})
    reindex(home, without, rounds.serving(tiny_model))
    assert leads(home, tiny_model) == []
    reindex(home, ALL, rounds.serving(tiny_model))
    assert leads(home, tiny_model) == before


def test_a_question_follows_an_edit_unless_its_chunk_had_been_rejected(home: Home, tiny_model: Path) -> None:
    new = edited(LAMP)
    after = Corpus(documents=[], chunks=[new, *CHUNKS[1:]], former=replaced([(LAMP, new)]))
    other = triplet(KETTLE, "How do I wash my boiler?")
    for refused in (False, True):
        decisions = [ASKED, *([judged_chunk(LAMP, "rejected")] if refused else [])]
        reindex(home, ALL, rounds.serving(tiny_model))
        bring(home, tiny_model, decisions)
        reindex(home, after, rounds.serving(tiny_model))
        expected = [] if refused else [("How do I wash my light?", new.id)]
        assert leads(home, tiny_model) == expected
        bring(home, tiny_model, [*decisions, other], after)
        found = [lead for lead in leads(home, tiny_model) if lead[0] == "How do I wash my light?"]
        assert found == expected, "the next round says the same"


def test_another_base_model_in_the_settings_is_not_that_of_an_index_alone(
    home: Home, tiny_model: Path, tmp_path: Path
) -> None:
    shutil.copytree(tiny_model, tmp_path / "newer")
    bring(home, tmp_path / "newer", [ASKED])
    before, after = ReleaseStore(home).list()
    assert (after.base_model, after.embedding) == (before.base_model, before.embedding)


def test_where_all_would_make_it_worse_only_what_people_asked_leads(
    home: Home, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Generated questions may be poor. What people asked the bot is brought to it all the same."""
    judged: list[GateVerdict] = []

    def refuse_the_first(*given: Any) -> GateVerdict:
        judged.append(judge(*given).model_copy(update={"promoted": bool(judged)}))
        return judged[-1]

    monkeypatch.setattr("training.runs.steps.judge", refuse_the_first)
    bring(home, tiny_model, [ASKED, conversation(KETTLE, "Why is my boiler so loud?")])
    served = ReleaseStore(home).current()
    assert len(judged) == 2 and served.index.asked == "people"
    assert leads(home, tiny_model) == [("Why is my boiler so loud?", KETTLE.id)]
    reindex(home, Corpus(documents=[], chunks=CHUNKS[:40]), rounds.serving(tiny_model))
    assert leads(home, tiny_model) == [("Why is my boiler so loud?", KETTLE.id)]
