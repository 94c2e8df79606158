"""A second retrain chooses where it starts, mines with the served model, and says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from curation.corpus import Corpus
from curation.records import Decision
from serving.release import LINEAGE_FILE
from serving.releases import ReleaseStore
from tests.training import rounds
from tests.training.material import accepted_triplets, make_chunks, settings, triplet
from training import start
from training.conflicts import Conflict
from training.examples import section_of
from training.lineage import LINEAGE_NOTE_FILE, read_lineage, read_note
from training.negatives import Negative
from training.retrain import retrain_from_annotations
from training.rows import read_rows
from training.runs import RunStore
from training.split import is_holdout
from training.start import StartPlan
from training.summary import RetrainSummary

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
    assert read_rows(folder / "mine" / "negatives.jsonl", Negative)
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
