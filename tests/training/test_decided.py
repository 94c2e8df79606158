"""What visitors asked and people decided says where the bot stops answering."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curation import Corpus, Home
from serving import ReleaseStore, decided_questions, reindex
from tests.training import rounds
from tests.training.material import conversation, make_chunks
from tests.training.test_accepted_questions import bring
from tests.training.test_gaps import out_of_bounds, refused
from training.prepare.collect import collect

CHUNKS = make_chunks()
LAMP, KETTLE = CHUNKS[0], CHUNKS[4]


def test_which_questions_the_documents_answer() -> None:
    decisions = [
        conversation(LAMP, "How is a lamp cleaned?"),
        conversation(LAMP, "How is a kettle cleaned?", "rejected", [KETTLE], best="2"),
        conversation(LAMP, "Where is the shop?", "rejected", [KETTLE], best="none"),
        refused("Is there a refund?"),
        out_of_bounds("Are you in love?"),
        # what says nothing of that
        refused("Is there a guarantee?", "rejected"),
        conversation(LAMP, "How heavy is it?", "rejected"),
        conversation(LAMP, "Nobody knows", "undecided"),
        conversation(LAMP, "Is it safe?"),
        refused("is it  safe?"),
    ]
    rows = collect(decisions, Corpus(documents=[], chunks=CHUNKS))
    found = decided_questions(row.model_dump() for row in rows)
    assert found.answered == ("How is a lamp cleaned?", "How is a kettle cleaned?")
    assert found.unanswered == ("Where is the shop?", "Is there a refund?", "Are you in love?")


@pytest.fixture
def home(bootstrapped: Home, tmp_path: Path) -> Home:
    return rounds.copied(bootstrapped, tmp_path / "home")


def test_a_release_is_calibrated_by_what_visitors_asked_and_keeps_that(home: Home, tiny_model: Path) -> None:
    store = ReleaseStore(home)
    before = store.current().retrieval.min_score
    strange = "What does it cost to send the {} on a journey around the world?"
    decisions = [conversation(one, one.section[-1]) for one in CHUNKS]
    decisions += [
        refused(strange.format(thing)) for thing in ("cat", "dog", "king", "queen", "horse", "child", "band")
    ]
    bring(home, tiny_model, decisions)
    after = store.current()
    assert after.retrieval.min_score > before
    run = home.runs / str(after.run_id)
    judged = json.loads((run / "judge" / "evaluation.json").read_text(encoding="utf-8"))
    seen = judged["candidate_refusals"]["threshold"]  # without what is held out in its index
    assert seen == pytest.approx(after.retrieval.min_score, abs=0.02)
    reindex(home, Corpus(documents=[], chunks=CHUNKS[:44]), rounds.serving(tiny_model))
    assert store.current().id != after.id
    assert store.current().retrieval.min_score == pytest.approx(after.retrieval.min_score, abs=0.05)
    assert store.current().retrieval.min_score > before
