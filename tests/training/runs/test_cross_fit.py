"""A small round is judged by all that was accepted: by models that have not seen what they are asked."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from curation import SILENT, Chunk, Corpus, Decision, Home
from serving import IndexedQuestion, ReleaseStore
from tests.training import rounds
from tests.training.material import conversation, triplet
from training.judge.comparison import read_comparison
from training.judge.coverage import Round
from training.judge.questions import question_id
from training.ledger.rows import of, section_of
from training.ledger.selection import EVERYTHING, read_selected
from training.ledger.store import read_ledger
from training.prepare.prepared import RunContext, prepare
from training.prepare.split import is_holdout
from training.report.text import RetrainSummary
from training.retrain import RetrainOptions, preview, retrain_from_annotations
from training.runs.asked import Fold, make_folds, round_of
from training.runs.run import RunStore
from training.runs.steps import Steps
from training.settings import FINE_TUNED, INDEX_ONLY

CHUNKS = rounds.make_corpus()
CORPUS = Corpus(documents=[], chunks=CHUNKS)
SMALL = [one for one in rounds.first_round(CHUNKS) if one.verdict == "accepted"][:80]


@pytest.fixture
def served_home(untrained: Home, tmp_path: Path) -> Home:
    return rounds.copied(untrained, tmp_path / "served")


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


def _asked(home: Home, model: Path, decisions: Sequence[Decision]) -> tuple[Round, list[Fold]]:
    settings, serving, store = rounds.training(cross_fit_below=50), rounds.serving(model), ReleaseStore(home)
    context = RunContext(home, CORPUS, settings, serving, store, store.current(), SILENT)
    selected = read_selected(lambda: list(decisions), EVERYTHING, None, [])
    holdout = round_of(prepare(selected, context, {}), [], context)
    return holdout, make_folds(selected, context, [], holdout)


def test_a_round_of_both_kinds_that_is_wrong_in_one_way_is_held(served_home: Home, tiny_model: Path) -> None:
    """Each question is given to the next thing's page: what models learn from some is borne out by others."""
    place = {one.id: row for row, one in enumerate(CHUNKS)}
    wrong = []
    for row, one in enumerate(SMALL[:38]):
        at = place[str(one.metadata["chunk_id"])] + len(rounds.JOBS)
        text, other = one.fields["positive"], CHUNKS[at % len(CHUNKS)]
        wrong.append(triplet(other, text) if row % 2 else conversation(other, text))
    assert _retrain(served_home, tiny_model, wrong).rung != FINE_TUNED


def test_a_damaged_fold_is_given_up(
    served_home: Home, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Steps, "fit", stopped)
        with pytest.raises(KeyboardInterrupt):
            _retrain(served_home, tiny_model, SMALL[:40])
    (run,) = RunStore(served_home).list()
    path = RunStore(served_home).folder(run.id) / "prepare" / "fold-1" / "ledger.parquet"
    path.write_bytes(b"x" * path.stat().st_size)
    assert _retrain(served_home, tiny_model, SMALL[:40]).outcome == "promoted"


def test_headings_do_not_keep_questions_from_being_asked(served_home: Home, tiny_model: Path) -> None:
    headings = [triplet(one, one.section[-1], origin="heading") for one in CHUNKS]
    holdout, folds = _asked(served_home, tiny_model, [*headings, *SMALL[:60]])
    asked = [one for given in (holdout, *(fold.given for fold in folds)) for one in given.questions]
    assert sum(not one.is_heading for one in asked) >= 20


def test_what_is_asked_is_in_no_index_in_other_punctuation(served_home: Home, tiny_model: Path) -> None:
    def in_fold(number: int) -> Chunk:
        used = {one.metadata["chunk_id"] for one in SMALL}
        return next(one for one in CHUNKS if one.id not in used and is_holdout(section_of(one), 0.2, number))

    here, there = in_fold(1), in_fold(3)
    text = "How do I wash my old brass light before the long winter begins here in town?"
    more = [triplet(here, text), triplet(there, text), triplet(there, text[:-1] + "!")]
    _, folds = _asked(served_home, tiny_model, [*SMALL[:60], *more])
    first = folds[0].given
    assert text in {one.text for one in first.questions}
    left = IndexedQuestion(
        text=more[-1].fields["positive"],
        chunk_id=there.id,
        dataset="triplets",
        record_id=more[-1].record_id,
    )
    assert first.is_asked(left)


def test_among_many_documents_headings_decide_nothing(
    served_home: Home, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.runs.asked._MOST_CHUNKS", 100)
    headings = [triplet(chunk, chunk.section[-1], origin="heading") for chunk in CORPUS.chunks]
    summary = _retrain(served_home, tiny_model, headings)
    assert (summary.outcome, summary.gate and summary.gate.rung) != ("promoted", FINE_TUNED)
    told = f"{summary.verdict} {summary.why_not_higher}"
    assert "Not enough to tell: none of the accepted questions" in told
    assert "Headings are not counted where there are more than 100 chunks." in told
    asked = _retrain(served_home, tiny_model, [*headings, *rounds.first_round(CORPUS.chunks)])
    assert asked.gate is not None and asked.gate.kinds == {"generated": asked.gate.queries}
    assert asked.gate.queries >= 20 and "Not enough" not in asked.verdict
