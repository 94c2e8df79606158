"""Preview, ledger and summary of a retrain say the same, and it is what was trained on."""

from __future__ import annotations

from pathlib import Path

from curation import Corpus
from serving import LINEAGE_FILE, ReleaseStore
from tests.training import rounds
from tests.training.material import conversation, triplet
from training.ledger.negative import negatives_of
from training.ledger.rows import by_decision, tally
from training.ledger.store import read_ledger
from training.ledger.text import section_of
from training.prepare.split import is_holdout
from training.preview import preview
from training.retrain import retrain_from_annotations


def test_what_is_said_to_be_learned_is_what_was_trained_on(tiny_model: Path, tmp_path: Path) -> None:
    chunks = rounds.make_corpus()
    documents = Corpus(documents=[], chunks=chunks)
    home = rounds.bootstrapped(tmp_path / "home", tiny_model, chunks)
    training, serving = rounds.training(), rounds.serving(tiny_model)
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
    store = ReleaseStore(home)
    rows = read_ledger(store.folder(done.release_after) / LINEAGE_FILE)
    assert plan.rows == rows
    counted = tally(rows)
    assert (plan.fates, plan.reasons) == (counted.fates, counted.reasons)
    assert (done.fates, done.reasons) == (counted.fates, counted.reasons)
    fate_of = {row.record_id: row.fate for row in by_decision(rows)}
    assert {fate_of[one.record_id] for one in talks} == {"train"}
    release = store.get(done.release_after)
    assert done.examples["train"] == release.trained_on["examples"] == counted.fates["train"]
    negatives = negatives_of(rows)
    named = [row for row in rows if row.fate == "negative"]
    assert len(named) > 20
    assert len(negatives) == len(named)
    assert {one.example for one in negatives} <= {row.key for row in rows if row.fate == "train"}
    lost = [row for row in rows if row.teaches == "refusal" and row.fate == "unused"]
    assert lost
    assert all(row.reason for row in lost)
