"""What the documentation lacks, from what people decided about conversations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from curation import Corpus, Decision, StateError
from serving import Embedder, EmbeddingSettings, find_gaps, open_questions
from tests.training.corrected import corrected
from tests.training.material import MODEL, conversation, make_chunks, triplet
from training.ledger.store import write_ledger
from training.prepare.collect import collect

CHUNKS = make_chunks()
LAMP, KETTLE = CHUNKS[0], CHUNKS[4]
SHIPPING = (
    "Do you ship a lamp to Canada?",
    "How much is the shipping to Canada?",
    "Can a lamp be shipped to Canada?",
)
MUSIC = ("Which violin sounds best?", "What violin has the best sound?")


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder(MODEL, EmbeddingSettings(precision="float32", threads=1))


def ledger(decisions: Sequence[Decision], folder: Path) -> Path:
    path = folder / "lineage.parquet"
    write_ledger(path, collect(decisions, Corpus(documents=[], chunks=CHUNKS)))
    return path


def refused(question: str, verdict: str = "accepted") -> Decision:
    """The bot said that it does not know, and cited nothing."""
    said = conversation(LAMP, question, "accepted" if verdict == "accepted" else "rejected")
    metadata = {name: value for name, value in said.metadata.items() if name not in ("chunk_id", "offered")}
    return said.model_copy(update={"metadata": metadata})


def out_of_bounds(question: str) -> Decision:
    said = conversation(LAMP, question, "rejected")
    votes = [
        vote.model_copy(update={"value": "yes"}) if vote.question == "out_of_guardrails" else vote
        for vote in said.votes
    ]
    return said.model_copy(update={"votes": tuple(votes), "values": {"out_of_guardrails": "yes"}})


def test_each_way_in_which_a_source_may_be_missing(tmp_path: Path) -> None:
    decisions = [
        refused("Is there a refund?"),
        refused("Is there a guarantee?", "rejected"),
        conversation(LAMP, "Where is the shop?", "rejected", [KETTLE], best="none"),
        conversation(LAMP, "How heavy is it?", "rejected"),
        corrected(LAMP, "Who repairs it?", "Nobody does.", best="none"),
        corrected(LAMP, "Who sells it?", "We do.", best="1"),
        conversation(LAMP, "How is a lamp cleaned?"),
        conversation(LAMP, "How is a kettle repaired?", "rejected", [KETTLE], best="2"),
        conversation(LAMP, "Nobody knows", "undecided"),
        out_of_bounds("Are you in love?"),
        triplet(LAMP, "Nonsense?", "rejected"),
    ]
    found = {one.text: one.lack for one in open_questions(ledger(decisions, tmp_path))}
    assert found == {
        "Is there a refund?": "refused",
        "Is there a guarantee?": "refused",
        "Where is the shop?": "named none",
        "How heavy is it?": "wrong, and no source named",
        "Who repairs it?": "named none",
    }


def test_like_questions_are_one_gap_and_the_largest_comes_first(tmp_path: Path, embedder: Embedder) -> None:
    decisions = [refused(text) for text in (*MUSIC, *SHIPPING, f" {SHIPPING[0].upper()}")]
    questions = open_questions(ledger(decisions, tmp_path))
    first, second = find_gaps(questions, embedder.queries)
    assert (first.questions, second.questions) == (4, 2)
    assert set(first.examples) <= {*SHIPPING, SHIPPING[0].upper()} and len(first.examples) == 3
    assert set(second.examples) == set(MUSIC)
    assert first.lacks == {"refused": 4} and len(first.records) == 4


def test_nothing_asked_and_one_thing_asked(tmp_path: Path) -> None:
    assert open_questions(tmp_path / "none.parquet") == []

    def embed(texts: Sequence[str]) -> npt.NDArray[np.float32]:
        return np.eye(8, dtype=np.float32)[[len(text) % 8 for text in texts]]

    assert find_gaps([], embed) == []
    questions = open_questions(ledger([refused("a" * number) for number in range(1, 9)], tmp_path))
    assert [gap.questions for gap in find_gaps(questions[:1], embed)] == [1]
    assert len(find_gaps(questions, embed)) == 8


def test_a_damaged_ledger_is_named(tmp_path: Path) -> None:
    path = tmp_path / "lineage.parquet"
    path.write_text("no table")
    with pytest.raises(StateError, match=r"lineage\.parquet"):
        open_questions(path)
