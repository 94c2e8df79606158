"""A second retrain chooses where it starts, mines with the served model, and says so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from curation import Corpus, Decision
from serving import LINEAGE_FILE, ReleaseStore
from tests.training import rounds
from tests.training.material import accepted_triplets, conversation, make_chunks, settings, triplet
from training.dry_run import preview
from training.fit import start
from training.fit.data import training_sets
from training.fit.start import StartPlan
from training.ledger.lineage import read_lineage, read_note
from training.ledger.lineage_record import LINEAGE_NOTE_FILE
from training.ledger.tally import tally
from training.prepare.conflicts import Conflict
from training.prepare.dedup import normalise
from training.prepare.examples import Example, section_of
from training.prepare.negatives import Negative
from training.prepare.split import is_holdout
from training.report.summary import RetrainSummary
from training.retrain import retrain_from_annotations
from training.runs.jsonl import read_rows
from training.runs.run import RunStore

CHUNKS = make_chunks()


def test_a_second_retrain_tries_both_starts_learns_from_refusals_and_reports_conflicts(
    tiny_model: Path, tmp_path: Path, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "LEAST_QUESTIONS", 2)
    home = rounds.bootstrapped(tmp_path / "home", tiny_model, CHUNKS)

    def retrain(decisions: list[Decision], **fit: Any) -> RetrainSummary:
        chosen = settings(learning_rate=0.02, **fit)
        return retrain_from_annotations(home, corpus, chosen, rounds.serving(tiny_model), lambda: decisions)

    store = ReleaseStore(home)
    first_round = accepted_triplets(CHUNKS)[:72]
    first = retrain(first_round)
    assert first.release_after, first.verdict
    note = read_note(store.folder(first.release_after) / LINEAGE_NOTE_FILE)
    assert note is not None
    assert note.started_from is None

    trained = {
        row.record_id
        for row in read_lineage(store.folder(first.release_after) / LINEAGE_FILE)
        if row.role == "train"
    }
    one = next(row for row in first_round if row.record_id in trained)
    chunk = next(chunk for chunk in CHUNKS if chunk.id == one.metadata["chunk_id"])
    question = one.fields["positive"]
    wrong = next(
        other
        for other in CHUNKS
        if any(row.record_id in trained and row.metadata["chunk_id"] == other.id for row in first_round)
        and other.path != chunk.path
    )
    refused = triplet(wrong, question, "rejected", annotator="ada")
    new = next(chunk for chunk in CHUNKS[36:] if not is_holdout(section_of(chunk), 0.2))
    opposite = triplet(new, new.section[-1], "rejected", annotator="eve")
    opposite = opposite.model_copy(update={"record_id": "opposite"})
    everything = [*accepted_triplets(CHUNKS), refused, opposite]
    second = retrain(everything, negatives=1)
    assert second.run is not None
    folder = RunStore(home).folder(second.run)
    plan = StartPlan.model_validate_json((folder / "start" / "plan.json").read_bytes())
    assert plan.candidates == ["base", "current"]
    log = (folder / "run.log").read_text()
    assert "NDCG@10" in log
    (decided,) = (
        row for row in read_rows(folder / "split" / "negatives.jsonl", Negative) if row.source == "refused"
    )
    assert (decided.kind, decided.text, decided.decided_by) == ("text", wrong.text, refused.record_id)
    mined = read_rows(folder / "mine" / "negatives.jsonl", Negative)
    assert mined
    asked = {row.record_id: normalise(row.fields["positive"]) for row in everything}
    accepted = {
        (asked[row.record_id], row.metadata["chunk_id"]) for row in everything if row.verdict == "accepted"
    }
    assert not accepted & {(asked[row.record_id], row.chunk_id) for row in mined}
    assert second.release_after, second.verdict
    release = store.folder(second.release_after)
    roles = {row.record_id: row.role for row in read_lineage(release / LINEAGE_FILE)}
    assert roles[refused.record_id] == "negative"
    assert list(roles.values()).count("unused") >= 2  # what was set aside to choose by
    note = read_note(release / LINEAGE_NOTE_FILE)
    assert note is not None
    assert note.started_from in (None, first.release_after)

    (conflict,) = read_rows(folder / "dedup" / "conflicts.jsonl", Conflict)
    assert (conflict.query, conflict.left_out) == (new.section[-1], True)
    assert conflict.rejected[0].annotators == ("eve",)
    assert roles["opposite"] == "unused"
    assert "1 conflicts (1 left out" in log


def test_what_is_said_to_be_learned_is_what_was_trained_on(tiny_model: Path, tmp_path: Path) -> None:
    """With questions set aside to choose a start by: summary, report, release, lineage and dry run say the
    same."""
    chunks = rounds.make_corpus()
    documents = Corpus(documents=[], chunks=chunks)
    home = rounds.bootstrapped(tmp_path / "home", tiny_model, chunks)
    training = rounds.training()
    training = training.model_copy(update={"fit": training.fit.model_copy(update={"start": "auto"})})
    serving = rounds.serving(tiny_model)
    first = rounds.first_round(chunks)
    second = [*first, *rounds.second_round(chunks, 1)]
    second += [triplet(chunk, f"Who won cup {row}?", "rejected") for row, chunk in enumerate(chunks[::2])]
    share = training.gate.holdout_share
    held = [chunk for chunk in chunks if is_holdout(section_of(chunk), share)]
    free = [chunk for chunk in chunks if not is_holdout(section_of(chunk), share)]
    # Learned from, though the first source is passed over and that teaches nothing: it is held out.
    talks = [
        conversation(held[row], f"May one {word} it at night?", "rejected", [free[row]], "2")
        for row, word in enumerate(("sing to", "bury", "eat", "paint", "forget"))
    ]
    second += talks
    retrain_from_annotations(home, documents, training, serving, lambda: first)
    plan = preview(home, documents, training, serving, lambda: second)
    done = retrain_from_annotations(home, documents, training, serving, lambda: second)
    assert done.release_after, done.verdict
    assert done.run
    store = ReleaseStore(home)
    rows = read_lineage(store.folder(done.release_after) / LINEAGE_FILE)
    assert plan.rows == rows
    aside = [row for row in rows if "set aside this time" in row.reason]
    assert len(aside) >= start.LEAST_QUESTIONS
    assert done.unused[aside[0].reason] == len(aside)
    release = store.get(done.release_after)
    counted = tally(rows)
    assert (plan.roles, plan.reasons) == (counted.roles, counted.reasons)
    assert (done.dropped, done.unused) == (counted.dropped, counted.unused)
    role_of = {row.record_id: row.role for row in rows}
    assert {role_of[one.record_id] for one in talks} == {"train"}
    assert not [reason for reason in done.unused if "another source was named" in reason]
    trained = counted.roles["train"]
    assert done.examples["train"] == release.trained_on["examples"] == trained
    folder = RunStore(home).folder(done.run)
    assert re.search(rf"trained on</span>.*?<b>{trained}</b>", (folder / "report.html").read_text(), re.S)
    unused = counted.roles["unused"]
    assert sum(done.unused.values()) == unused
    assert re.search(rf"unused</span>.*?<b>{unused}</b>", (folder / "report.html").read_text(), re.S)

    negatives = read_rows(folder / "split" / "negatives.jsonl", Negative)
    left = read_rows(folder / "start" / "train.jsonl", Example)
    sets = training_sets(left, negatives, 0, always=False, seed=17)
    texts = {row for columns in sets.values() for row in columns.get("negative_1", [])}
    decided = {one.decided_by: one.text for one in negatives if one.source == "refused"}
    named = [row.record_id for row in rows if row.role == "negative"]
    assert len(named) > 20
    assert {decided[name] for name in named} <= texts
    lost = [row for row in rows if row.record_id in decided and row.role == "unused"]
    assert lost
    assert all(row.reason.startswith("rejected (") for row in lost)


@pytest.mark.parametrize("damaged", ["{}", "no json", "[3]"])
def test_a_damaged_file_of_an_old_run_does_not_stop_the_next(
    tiny_model: Path, tmp_path: Path, corpus: Corpus, damaged: str
) -> None:
    home = rounds.bootstrapped(tmp_path / "home", tiny_model, CHUNKS)
    old = home.runs / "20200101-000000-00000000" / "start"
    old.mkdir(parents=True)
    (old / "precision.json").write_text(damaged)
    chosen = settings(learning_rate=0.02)
    done = retrain_from_annotations(
        home, corpus, chosen, rounds.serving(tiny_model), lambda: accepted_triplets(CHUNKS)
    )
    assert done.outcome == "promoted", done.verdict
