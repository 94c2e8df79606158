"""The retrain, whole, with a real model on little data."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from curation import ArgillaError, Corpus, Decision, Home, ReleaseError, StateError
from serving import EVALUATION_FILE, LINEAGE_FILE, ReleaseStore, load_release
from tests.training import rounds
from tests.training.material import (
    accepted_triplets,
    conversation,
    judged_chunk,
    make_chunks,
    serving,
    settings,
    triplet,
)
from training.ledger.rows import section_of
from training.ledger.store import read_ledger
from training.prepare.split import is_holdout
from training.report.text import RetrainSummary, render_summary
from training.retrain import RetrainOptions, retrain_from_annotations
from training.runs.record import STEPS
from training.runs.run import RunStore
from training.settings import INDEX_ONLY, GateSettings, TrainingSettings

CHUNKS = make_chunks()


@pytest.fixture
def served_home(first_home: Home, tmp_path: Path) -> Home:
    return rounds.copied(first_home, tmp_path / "served")


def _retrain(
    home: Home,
    corpus: Corpus,
    decisions: Sequence[Decision],
    chosen: TrainingSettings | None = None,
    **options: Any,
) -> RetrainSummary:
    given = RetrainOptions(**options)
    return retrain_from_annotations(
        home, corpus, chosen or settings(), serving(), lambda: list(decisions), given
    )


def test_accepted_annotations_become_a_release(served_home: Home, corpus: Corpus) -> None:
    store = ReleaseStore(served_home)
    first = store.current_id()
    rejected = CHUNKS[0]
    decisions = [
        *accepted_triplets(CHUNKS),
        judged_chunk(rejected, "rejected", annotator="ada"),
        judged_chunk(CHUNKS[1], "accepted"),
        conversation(CHUNKS[2], "What about the lamp that I want to carry home?"),
        triplet(CHUNKS[3], "Nonsense", "rejected"),
    ]
    summary = _retrain(served_home, corpus, decisions)

    assert summary.outcome == "promoted"
    assert summary.release_before == first
    assert summary.release_after == store.current_id() != first
    assert summary.decisions["total"] == summary.decisions["new"] == len(decisions)
    assert summary.chunks == {"indexed": len(CHUNKS) - 1, "rejected": 1}
    assert set(summary.before) == set(summary.after) == {384, 256, 128, 64}
    assert summary.examples["train"] > 0 < summary.holdout_questions
    assert tuple(summary.seconds) == STEPS == ("prepare", "fit", "index", "judge", "publish")
    assert RetrainSummary.model_validate_json(summary.model_dump_json()) == summary
    text = render_summary(summary)
    assert f"Served now  {summary.release_after}, instead of {first}" in text
    assert summary.reasons["unused"]["its chunk was rejected"] == 2
    assert re.search(r" 2  not used: its chunk was rejected\n", text)
    assert re.search(rf" {summary.fates['train']}  trained on\n", text)

    assert summary.release_after is not None
    release = store.verify(summary.release_after)
    assert (release.run_id, release.parent) == (summary.run, first)
    assert release.index.rows == len(CHUNKS) - 1
    assert release.trained_on["examples"] == summary.examples["train"]
    assert release.metrics["ndcg@10"] == pytest.approx(summary.after[384]["ndcg@10"])
    folder = store.folder(release.id)
    assert {LINEAGE_FILE, EVALUATION_FILE, "README.md"} <= set(release.files)
    assert "| 64 |" in (folder / "README.md").read_text()
    assert not list(folder.rglob("*.bin"))
    rows = {row.key: row for row in read_ledger(folder / LINEAGE_FILE)}
    assert len(rows) == len(decisions) == pq.read_table(folder / LINEAGE_FILE).num_rows
    assert sum(summary.fates.values()) == len(decisions)
    assert rows["chunks", rejected.id].fate == "removed"
    assert rows["chunks", rejected.id].people == {"ada": "ada"}
    assert {row.fate for row in rows.values()} >= {"train", "holdout", "unused", "removed", "indexed"}

    hits = load_release(store, None, serving()).search("How do I wash my light?", 48)
    assert rejected.id not in {hit.chunk.id for hit in hits}

    # Nothing has been added: no run, no release.
    runs = len(RunStore(served_home).list())
    again = _retrain(served_home, corpus, decisions)
    assert (again.outcome, again.run, again.release_after) == ("nothing-new", None, None)
    assert "Nothing new to learn" in again.verdict
    assert len(RunStore(served_home).list()) == runs
    assert len(store.ids()) == 2

    # An answer is changed, another is taken back.
    changed = [*decisions[1:-1], triplet(CHUNKS[3], "Nonsense", "accepted")]
    waiting = _retrain(served_home, corpus, changed, highest=INDEX_ONLY)
    assert (waiting.outcome, waiting.rung) == ("promoted", "index only")
    assert (waiting.decisions["new"], waiting.decisions["withdrawn"]) == (1, 1)
    assert sum(waiting.fresh.fates.values()) == 1 < sum(waiting.fates.values())
    told = render_summary(waiting)
    assert f"1 new, 1 withdrawn since {release.id}, {len(changed)} in all" in told
    assert "     1  in the index now, to be trained on later\n" in told
    assert tuple(waiting.seconds) == ("prepare", "judge", "publish")
    indexed = store.verify(waiting.release_after or "")
    assert (indexed.trained_on, indexed.parent) == (release.trained_on, release.id)
    assert indexed.index.rows == len(CHUNKS) - 1


def test_a_worse_candidate_is_not_promoted_and_not_tried_again(served_home: Home, corpus: Corpus) -> None:
    store = ReleaseStore(served_home)
    first = store.current_id()
    shuffled = CHUNKS[:]
    random.Random(1).shuffle(shuffled)
    decisions = accepted_triplets(CHUNKS)
    poisoned = [
        one.model_copy(update={"metadata": {**one.metadata, "chunk_id": wrong.id}})
        if number % 8 not in (0, 1)
        else one
        for number, (one, wrong) in enumerate(
            zip(decisions, [chunk for chunk in shuffled for _ in range(2)], strict=True)
        )
    ]
    chosen = settings(epochs=2.0, learning_rate=3e-3).model_copy(
        update={"gate": GateSettings(cross_fit_below=0)}
    )
    summary = _retrain(served_home, corpus, poisoned, chosen)
    assert summary.outcome == "rejected"
    assert summary.release_after is None
    assert "Rejected: worse than the served release" in summary.verdict
    assert summary.after[384]["ndcg@10"] < summary.before[384]["ndcg@10"]
    assert (store.current_id(), store.ids()) == (first, [first])
    assert RunStore(served_home).list()[0].outcome == "rejected"
    again = _retrain(served_home, corpus, poisoned, chosen)
    assert again.outcome == "nothing-new"
    assert f"since run {summary.run} tried exactly these annotations" in again.verdict
    assert "--force" in again.verdict


@pytest.mark.parametrize(
    ("decisions", "words"),
    [
        ([], "Nothing new to learn"),
        ([triplet(CHUNKS[0], "How?", "rejected")], "no accepted triplet or conversation yet"),
        ([judged_chunk(chunk, "rejected") for chunk in CHUNKS], "every chunk was rejected"),
    ],
)
def test_too_little_is_said_plainly(
    served_home: Home, corpus: Corpus, decisions: list[Decision], words: str
) -> None:
    first = ReleaseStore(served_home).current_id()
    summary = _retrain(served_home, corpus, decisions)
    assert summary.outcome == ("not-enough" if decisions else "nothing-new")
    assert words in summary.verdict
    assert ReleaseStore(served_home).current_id() == first
    assert _retrain(served_home, corpus, decisions).outcome == "nothing-new"
    if decisions:
        assert _retrain(served_home, corpus, decisions, force=True).outcome == "not-enough"


@pytest.mark.parametrize(
    ("decisions", "words"),
    [
        ([triplet(CHUNKS[0], "How?")], "Not enough to learn from"),
        (accepted_triplets(CHUNKS[:6]), "are needed"),
    ],
)
def test_what_is_too_little_to_learn_from_is_brought_into_the_index(
    served_home: Home, corpus: Corpus, decisions: list[Decision], words: str
) -> None:
    store = ReleaseStore(served_home)
    summary = _retrain(served_home, corpus, decisions)
    assert (summary.outcome, summary.rung) == ("promoted", "index only"), summary.verdict
    assert words in summary.why_not_higher
    assert words in render_summary(summary)
    more = re.search(
        r"To tell +accept about (\d+) triplets more, .*, (\d+) if about held-out sections, such as (.+)\.",
        render_summary(summary),
    )
    assert more, render_summary(summary)
    assert int(more[1]) == 5 * int(more[2]) and int(more[2]) <= GateSettings().min_queries
    assert more[3].split(" > ")[0] in {chunk.path for chunk in CHUNKS}
    release = store.verify(store.current_id() or "")
    assert (release.id, release.trained_on) == (summary.release_after, {})
    asked = {one.fields["positive"] for one in decisions if one.metadata["origin"] != "heading"}
    found = load_release(store, None, serving()).index.questions()
    assert {one.text for one in found} == asked
    assert _retrain(served_home, corpus, decisions).outcome == "nothing-new"
    assert _retrain(served_home, corpus, decisions, force=True).outcome == "not-enough"


def test_a_report_that_cannot_be_written_costs_nothing_else(
    served_home: Home, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("no chart")

    monkeypatch.setattr("training.retrain.write_report", broken)
    summary = _retrain(served_home, corpus, [triplet(CHUNKS[0], "How?")])
    assert summary.outcome == "promoted"
    assert "ZeroDivisionError" in summary.notes[-1]
    (run,) = RunStore(served_home).list()
    assert run.status == "finished"
    assert "no chart" in (RunStore(served_home).folder(run.id) / "run.log").read_text()


def test_without_a_release_it_says_what_comes_first(home: Home, corpus: Corpus) -> None:
    with pytest.raises(StateError, match="bootstrap"):
        _retrain(home, corpus, accepted_triplets(CHUNKS))


def test_a_corrupt_release_is_named_before_anything_is_read(served_home: Home, corpus: Corpus) -> None:
    store = ReleaseStore(served_home)
    weights = next((store.folder(store.ids()[0]) / "model").glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(ReleaseError, match=r"model.safetensors is corrupt"):
        retrain_from_annotations(served_home, corpus, settings(), serving(), lambda: pytest.fail("read"))


def test_an_argilla_that_is_down_leaves_no_run(served_home: Home, corpus: Corpus) -> None:
    def down() -> list[Decision]:
        raise ArgillaError("Argilla does not answer.")

    with pytest.raises(ArgillaError):
        retrain_from_annotations(served_home, corpus, settings(), serving(), down)
    assert RunStore(served_home).list() == []


def test_a_refused_chunk_is_trained_against_and_a_conflict_is_told(
    bootstrapped: Home, tiny_model: Path, tmp_path: Path
) -> None:
    home = rounds.copied(bootstrapped, tmp_path / "home")
    free = [chunk for chunk in CHUNKS if not is_holdout(section_of(chunk), 0.2)]
    right, wrong, contested = free[0], free[5], free[-1]
    refused = triplet(wrong, right.section[-1], "rejected", annotator="ada")
    opposite = triplet(contested, contested.section[-1], "rejected", annotator="eve")
    opposite = opposite.model_copy(update={"record_id": "opposite"})
    decisions = [*accepted_triplets(CHUNKS), refused, opposite]
    corpus, chosen = Corpus(documents=[], chunks=CHUNKS), settings(learning_rate=0.02)
    summary = retrain_from_annotations(home, corpus, chosen, rounds.serving(tiny_model), lambda: decisions)
    assert summary.release_after, summary.verdict
    rows = read_ledger(ReleaseStore(home).folder(summary.release_after) / LINEAGE_FILE)
    by_record = {row.record_id: row for row in rows}
    row = by_record[refused.record_id]
    assert (row.fate, row.negative_kind, row.text) == ("negative", "text", wrong.text)
    assert (by_record[row.other].query, by_record[row.other].fate) == (right.section[-1], "train")
    assert summary.fates["negative"] == 1
    row = by_record["opposite"]
    assert (row.fate, list(row.people)) == ("conflict", ["eve"])
    assert by_record[row.other].fate == "conflict"
    assert summary.reasons["conflict"] == {"another record was decided the other way": 2}
    folder = RunStore(home).folder(summary.run or "")
    assert "1 in conflict" in (folder / "run.log").read_text()
    assert "eve" in (folder / "report.html").read_text()


@pytest.mark.parametrize("damaged", ["{}", "no json", "[3]"])
def test_a_damaged_file_of_an_old_run_does_not_stop_the_next(
    bootstrapped: Home, tiny_model: Path, tmp_path: Path, corpus: Corpus, damaged: str
) -> None:
    home = rounds.copied(bootstrapped, tmp_path / "home")
    old = home.runs / "20200101-000000-00000000" / "prepare"
    old.mkdir(parents=True)
    (old / "precision.json").write_text(damaged)
    done = retrain_from_annotations(
        home,
        corpus,
        settings(learning_rate=0.02),
        rounds.serving(tiny_model),
        lambda: accepted_triplets(CHUNKS),
    )
    assert done.outcome == "promoted", done.verdict
