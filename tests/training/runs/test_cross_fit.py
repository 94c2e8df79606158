"""A small round is judged by all that was accepted: by models that have not seen what they are asked."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from curation import Corpus, Decision, Home
from serving import ReleaseStore
from tests.training import rounds
from training.judge.comparison import read_comparison
from training.judge.questions import question_id
from training.ledger.rows import of
from training.ledger.store import read_ledger
from training.report.text import RetrainSummary
from training.retrain import RetrainOptions, preview, retrain_from_annotations
from training.runs.run import RunStore
from training.settings import FINE_TUNED, INDEX_ONLY

CHUNKS = rounds.make_corpus()
CORPUS = Corpus(documents=[], chunks=CHUNKS)
SMALL = [one for one in rounds.first_round(CHUNKS) if one.verdict == "accepted"][:80]


@pytest.fixture(scope="module")
def first_home(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Home:
    return rounds.bootstrapped(tmp_path_factory.mktemp("cross-fit") / "home", tiny_model, CHUNKS)


def _retrain(
    home: Home, model: Path, decisions: Sequence[Decision], cross_fit_below: int = 50
) -> RetrainSummary:
    settings, serving = rounds.training(cross_fit_below=cross_fit_below), rounds.serving(model)
    return retrain_from_annotations(home, CORPUS, settings, serving, lambda: list(decisions))


def test_all_that_was_accepted_judges_a_small_round(served_home: Home, tiny_model: Path) -> None:
    summary = _retrain(served_home, tiny_model, SMALL)
    assert (summary.outcome, summary.rung) == ("promoted", FINE_TUNED), summary.verdict
    assert summary.gate is not None
    assert summary.gate.cross_fitted > summary.holdout_questions > 0
    assert summary.gate.queries == summary.gate.cross_fitted + summary.holdout_questions
    assert "put to models that were trained without their sections" in summary.verdict

    (run,) = RunStore(served_home).list()
    folder = RunStore(served_home).open(run).folder
    asked = {one.text for one in read_comparison(folder / "judge" / "evaluation.json").sets[0].questions}
    assert len(asked) == summary.gate.cross_fitted
    folds = sorted((folder / "prepare").glob("fold-*"))
    assert folds
    by_fold = []
    for fold in folds:
        rows = read_ledger(fold / "ledger.parquet")
        held, learned = of(rows, "example", "holdout"), of(rows, "example", "train")
        assert not {row.place for row in held} & {row.place for row in learned}
        assert not {question_id(row.query) for row in held} & {question_id(row.query) for row in learned}
        by_fold.append({row.query for row in held})
    assert asked <= set().union(*by_fold)
    # The release is the one whose holdout stays unseen for ever.
    lineage = read_ledger(ReleaseStore(served_home).folder(summary.release_after or "") / "lineage.parquet")
    assert len(of(lineage, "example", "holdout")) == summary.examples["holdout"]


def test_without_it_so_few_tell_nothing(served_home: Home, tiny_model: Path) -> None:
    summary = _retrain(served_home, tiny_model, SMALL, cross_fit_below=0)
    assert (summary.outcome, summary.rung) == ("promoted", INDEX_ONLY)
    assert "are needed" in summary.why_not_higher


def test_it_asks_no_more_than_it_takes(served_home: Home, tiny_model: Path) -> None:
    summary = _retrain(served_home, tiny_model, SMALL, cross_fit_below=20)
    assert summary.gate is not None
    assert summary.holdout_questions < 20
    assert 40 <= summary.gate.queries < 70


def test_a_preview_counts_them(served_home: Home, tiny_model: Path) -> None:
    settings, serving = rounds.training(cross_fit_below=50), rounds.serving(tiny_model)
    found = preview(served_home, CORPUS, settings, serving, lambda: list(SMALL), RetrainOptions())
    assert found.would_train, found.verdict


@pytest.mark.parametrize("seed", range(2))
def test_swapped_questions_train_nothing_that_is_served(
    seed: int, served_home: Home, tiny_model: Path
) -> None:
    others = [one.metadata["chunk_id"] for one in SMALL]
    random.Random(seed).shuffle(others)
    swapped = [
        one.model_copy(update={"metadata": {**one.metadata, "chunk_id": other}})
        for one, other in zip(SMALL, others, strict=True)
    ]
    summary = _retrain(served_home, tiny_model, swapped)
    assert summary.rung != FINE_TUNED, summary.verdict


def test_what_the_served_model_has_learned_is_not_asked_again(served_home: Home, tiny_model: Path) -> None:
    assert _retrain(served_home, tiny_model, SMALL).rung == FINE_TUNED
    more = [one for one in rounds.second_round(CHUNKS, 1) if one.verdict == "accepted"][:60]
    summary = _retrain(served_home, tiny_model, [*SMALL, *more])
    assert summary.gate is not None
    runs = RunStore(served_home)
    folder = runs.open(runs.get(summary.run or "")).folder
    path = folder / "judge" / "evaluation.json"
    if summary.rung != FINE_TUNED:
        path = folder / "judge" / "fine-tuned" / "evaluation.json"
    crossed = read_comparison(path).sets[0]
    assert crossed.kind == "cross-fitted"
    known = {question_id(one.fields["positive"]) for one in SMALL}
    assert crossed.questions
    assert not known & {one.id for one in crossed.questions}
