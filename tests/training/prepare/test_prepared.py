"""The whole preparation: every decision gets one fate, and it is read from disk as it was written."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from curation import SILENT, Decision, DedupSettings, Home, StateError, Verdict, normalise
from serving import LINEAGE_FILE, Release, ReleaseStore, ServingSettings
from tests.training import rounds
from tests.training.material import conversation, judged_chunk, triplet
from tests.training.prepare.made_up import (
    CHUNKS,
    FREE,
    HELD,
    SHARE,
    corpus_of,
    edited,
    prepared,
    replaced,
)
from training.ledger.rows import LedgerRow, tally
from training.ledger.selection import Selected, Selection, select
from training.ledger.store import LedgerOrigin, write_ledger
from training.prepare.prepared import LEDGER_FILE, Prepared, RunContext, prepare
from training.settings import TrainingSettings

# Every fourth chunk has been edited since it was judged, and every eleventh removed.
_NOW = {
    chunk.id: None if row % 11 == 0 else edited(chunk)
    for row, chunk in enumerate(CHUNKS)
    if row % 4 == 0 or row % 11 == 0
}
TODAY = [one for chunk in CHUNKS if (one := _NOW.get(chunk.id, chunk))]
CORPUS = corpus_of(TODAY, replaced((chunk, _NOW[chunk.id]) for chunk in CHUNKS if chunk.id in _NOW))

_DECISION = st.tuples(
    st.integers(0, len(CHUNKS) - 1),
    st.sampled_from(["chunk", "triplet", "heading", "talk", "named 1", "named 2", "none", "number 9"]),
    st.sampled_from(["accepted", "rejected", "undecided"]),
    st.sampled_from(["How do I wash it?", "how do I wash it", "Where is it?", "Who won?", " ", "Why so?"]),
    st.sampled_from(["", "Who won?", "What is for dinner?"]),
)
_Drawn = tuple[int, str, Verdict, str, str]


def _decision(number: int, drawn: _Drawn) -> Decision:
    at, kind, verdict, query, negative = drawn
    chunk, other = CHUNKS[at], CHUNKS[(at + 1) % len(CHUNKS)]
    if kind == "chunk":
        return judged_chunk(TODAY[at % len(TODAY)], verdict)
    if kind in ("triplet", "heading"):
        origin = kind if kind == "heading" else "sentence-pair"
        made = triplet(chunk, query, verdict, origin=origin, negative=negative)
    else:
        best = kind.split()[-1] if kind != "talk" else ""
        made = conversation(chunk, query, verdict, [other], best)
    return made.model_copy(update={"record_id": f"record-{number}"})


def _decisions(drawn: list[_Drawn]) -> list[Decision]:
    made = [_decision(number, one) for number, one in enumerate(drawn)]
    return list({(one.dataset, one.record_id): one for one in made}.values())


_SERVED = Release.model_construct(id="r0001-00000000", files={})  # type: ignore[call-arg]


class _OneRelease(ReleaseStore):
    """Holds a release that was made from no decision, without a folder."""

    def get(self, release_id: str) -> Release:
        return _SERVED


def _context(home: Home, dedup: DedupSettings, serving: ServingSettings | None = None) -> RunContext:
    """Of a home whose served release was made from no decision."""
    return RunContext(
        home=home,
        corpus=CORPUS,
        settings=TrainingSettings(dedup=dedup),
        serving=serving or ServingSettings(),
        store=_OneRelease(home),
        served=_SERVED,
        progress=SILENT,
    )


def _fates(ledger: list[LedgerRow]) -> list[tuple[str, str, str, str]]:
    return sorted((*row.key, row.teaches, row.fate) for row in ledger)


@given(st.lists(_DECISION, max_size=40), st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_row_gets_one_fate_and_every_decision_has_rows_of_its_own(
    home: Home, drawn: list[_Drawn], near: bool
) -> None:
    decisions = _decisions(drawn)
    context = _context(home, DedupSettings(semantic=False, near=near))
    found = prepare(Selected(decisions=decisions), context, {"own: 1": "Where is it?"})
    assert not [row for row in found.ledger if row.fate == "open"]
    rows_of: dict[tuple[str, str], list[LedgerRow]] = {}
    for row in found.ledger:
        rows_of.setdefault(row.key, []).append(row)
    assert list(rows_of) == [(one.dataset, one.record_id) for one in decisions], "in their order"
    for decision, rows in zip(decisions, rows_of.values(), strict=True):
        assert [row.teaches for row in rows] in (
            ["chunk"],
            ["example"],
            ["refusal"],
            ["nothing"],
            ["example", "refusal"],
        )
        assert {row.fingerprint for row in rows} == {decision.fingerprint}
        assert {(row.verdict, row.votes) for row in rows} == {(decision.verdict, decision.votes)}
    for row in found.ledger:
        if row.fate in ("unused", "duplicate", "conflict", "removed"):
            assert row.reason
        if row.fate in ("conflict", "negative"):
            assert (row.other_dataset, row.other) in rows_of
        assert row.fate not in ("train", "holdout") or row.teaches == "example"
        assert row.fate != "negative" or (row.teaches == "refusal" and row.negative_kind)
        assert row.fate not in ("indexed", "removed") or row.teaches == "chunk"
    assert sum(tally(found.ledger).fates.values()) == len(decisions)
    indexed = {chunk.id for chunk in found.chunks}
    rejected = {one.record_id for one in decisions if one.dataset == "chunks" and one.verdict == "rejected"}
    assert indexed == {chunk.id for chunk in TODAY} - rejected
    assert {row.version for row in found.holdout} <= indexed
    asked = {normalise(row.query) for row in found.holdout} | {"where is it?"}
    assert not asked & {normalise(row.query) for row in found.train}


@given(st.lists(_DECISION, max_size=30), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_order_of_decisions_decides_only_which_of_several_that_are_the_same_stays(
    home: Home, drawn: list[_Drawn], chance: random.Random
) -> None:
    decisions = _decisions(drawn)
    context = _context(home, DedupSettings(semantic=False, near=False))
    first = prepare(Selected(decisions=decisions), context, {})
    second = prepare(Selected(decisions=chance.sample(decisions, len(decisions))), context, {})
    for one, other in ((first, second), (second, first)):
        said = {(normalise(row.query), other.groups.get(row.chunk_id, "")) for row in other.train}
        assert {(normalise(row.query), other.groups.get(row.chunk_id, "")) for row in one.train} == said
        assert len(one.train) == len(other.train)
        assert len(one.holdout) == len(other.holdout)
    settled = ("conflict", "indexed", "removed")
    assert [row for row in _fates(first.ledger) if row[3] in settled] == [
        row for row in _fates(second.ledger) if row[3] in settled
    ]
    assert first.chunks == second.chunks
    assert tally(first.ledger).fates.get("train") == tally(second.ledger).fates.get("train")


def test_what_a_selection_leaves_out_is_in_the_ledger_too(home: Home) -> None:
    decisions = [triplet(CHUNKS[1], "Where is it?"), triplet(CHUNKS[2], "Who is it?")]
    selected = select(decisions, Selection(without_records=(decisions[1].record_id,)))
    found = prepare(selected, _context(home, DedupSettings(semantic=False)), {})
    assert [(row.record_id, row.fate) for row in found.ledger][1:] == [(decisions[1].record_id, "left-out")]


def test_what_the_served_release_asked_is_read_from_its_ledger(home: Home) -> None:
    context = _context(home, DedupSettings(semantic=False))
    chunk = next(one for one in HELD if one.id not in _NOW)
    new, old = triplet(chunk, "Where is it now?"), triplet(chunk, "where is it  NOW?")
    first = prepare(Selected(decisions=[old]), context, {})
    assert [row.fate for row in first.ledger] == ["holdout"]
    folder = context.store.folder(context.served.id)
    folder.mkdir(parents=True)
    write_ledger(folder / LINEAGE_FILE, first.ledger)
    next_run = _context(home, DedupSettings(semantic=False))  # a run reads the ledger once
    then = prepare(Selected(decisions=[new, old]), next_run, {})
    assert [(row.record_id, row.fate) for row in then.ledger] == [
        (new.record_id, "duplicate"),
        (old.record_id, "holdout"),
    ]
    assert context.settings.gate.holdout_share == SHARE


def test_meaning_is_compared_by_the_base_model(tiny_model: Path, home: Home) -> None:
    """The tiny model does not see the order of words; the wording is another one."""
    free = next(chunk for chunk in FREE if chunk.id not in _NOW)
    decisions = [
        triplet(free, "where is the door"),
        triplet(free, "a couch: way to mend best"),
        triplet(free, "a lamp: way to wash best", "rejected"),
    ]
    tests = {"own: 1": "best way to mend a couch", "own: 2": "best way to wash a lamp"}
    context = _context(home, DedupSettings(threshold=0.95), rounds.serving(tiny_model))
    train, dropped, unused = prepare(Selected(decisions=decisions), context, tests).ledger
    assert (train.fate, dropped.fate, unused.fate) == ("train", "duplicate", "unused")
    assert (dropped.reason, dropped.other) == ("in other words the same question as in a test set", "own: 1")
    assert "held out" in unused.reason


def _made() -> Prepared:
    decisions = [
        triplet(CHUNKS[1], "Where is it?", negative="Who won?"),
        triplet(CHUNKS[1], "Where is it ?", "rejected"),
        triplet(CHUNKS[2], "Where is it?", "rejected"),
        conversation(CHUNKS[3], "What is it?", "rejected", [CHUNKS[5]], "2"),
        judged_chunk(CHUNKS[6], "rejected"),
    ]
    return prepared(decisions)


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    found = _made()
    found.write(tmp_path, LedgerOrigin(run="x"))
    again = Prepared.read(tmp_path, corpus_of(CHUNKS), include_unreviewed=True)
    assert again.ledger == found.ledger
    assert again.chunks == found.chunks
    assert again.conflicts == found.conflicts
    assert (again.train, again.holdout, again.negatives) == (found.train, found.holdout, found.negatives)
    for key in found.groups:
        assert again.groups.get(key, key) == found.groups[key]
    assert found.conflicts
    assert again.describe() == found.describe()


@pytest.mark.parametrize("name", [LEDGER_FILE, "groups.json", "conflicts.json"])
@pytest.mark.parametrize("damaged", ["", "{", "[3]", "7"])
def test_a_damaged_file_of_a_preparation_is_named(tmp_path: Path, name: str, damaged: str) -> None:
    _made().write(tmp_path, LedgerOrigin(run="x"))
    (tmp_path / name).write_text(damaged)
    with pytest.raises(StateError, match=name):
        Prepared.read(tmp_path, corpus_of(CHUNKS), include_unreviewed=True)
