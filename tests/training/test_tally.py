"""Decisions are counted once each, by what is the same of many."""

from __future__ import annotations

from tests.training.material import make_chunks, triplet
from training.ledger.lineage import trace
from training.ledger.lineage_record import LineageRow
from training.ledger.tally import tally
from training.prepare.conflicts import settle
from training.prepare.examples import collect
from training.prepare.split import Dropped, drop_repeated
from training.settings import DedupSettings

CHUNKS = make_chunks()


def test_reasons_are_counted_without_the_record_that_they_name() -> None:
    decisions = [
        *(triplet(CHUNKS[row], f"How {row}?") for row in range(2)),
        *(triplet(CHUNKS[row], f"HOW {row}?", "rejected") for row in range(2)),
        *(triplet(CHUNKS[5], text) for text in ("Why?", "why?", "WHY?")),
    ]
    found = collect(decisions, CHUNKS)
    settled = settle(found.examples, found.refusals, decisions, {})
    kept, dropped = drop_repeated(settled.examples, {}, DedupSettings(semantic=False))
    counted = tally(trace(decisions, kept, [], dropped, settled.unused, set()))
    assert counted.roles == {"unused": 4, "train": 1, "dropped": 2}
    assert counted.dropped == {"same question": 2}
    assert counted.unused == {"conflict: another record was decided the other way": 4}
    assert list(counted.reasons.values()) == [4, 2]


def test_a_question_of_a_test_set_is_named_as_one() -> None:
    decision = triplet(CHUNKS[0], "How?")
    gone = Dropped(
        dataset="triplets",
        record_id=decision.record_id,
        query="How?",
        chunk_id=CHUNKS[0].id,
        reason="same question as in a test set",
        similarity=1.0,
        kept_record_id="visitors: q1",
        kept="How?",
    )
    rows = trace([decision], [], [], [gone], [], set())
    assert tally(rows).dropped == {"same question as in a test set": 1}
    # A lineage of an earlier version does not say which record stayed.
    old = LineageRow(dataset="triplets", record_id="x", role="dropped", reason="same question as r2: How?")
    assert tally([old]).dropped == {"same question": 1}
