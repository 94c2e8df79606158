"""What a candidate is asked, and what is lacking for a training.

Where few questions are held out, the rest of the accepted ones are asked too, by cross-fitting: the sections
are dealt out into folds, of which the holdout is the first, and for each further fold a model is trained that
has not seen its sections.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from curation import TestSet
from serving import HEADING
from training.judge.coverage import Round
from training.judge.gate import too_few
from training.judge.questions import (
    HoldoutQuestion,
    check_paths,
    holdout_questions,
    load_test_sets,
    question_id,
)
from training.ledger.rows import of
from training.ledger.selection import Selected
from training.ledger.store import LedgerOrigin
from training.prepare.prepared import Prepared, RunContext, prepare

_FOLDS = 5  # with the holdout
_ENOUGH = 2  # times as many questions as make folds needless
# So many chunks are embedded once for each fold. With more there is more to ask about, too; and headings
# say little: on 6,008 a training found them better and visitors' questions worse (docs/measurements/
# 2026-11-asked-again.md).
_MOST_CHUNKS = 2_000


def own_sets(context: RunContext) -> list[TestSet]:
    """The test sets of the settings. Raises SettingsError for one that is wrong or about other documents."""
    sets = load_test_sets(context.settings.testsets)
    paths = {chunk.path for chunk in context.corpus.chunks}
    for one in sets:
        check_paths(one, paths, "the documents", context.progress)
    return sets


def questions_of(sets: Sequence[TestSet]) -> dict[str, str]:
    """All questions of test sets, which nobody trains on, by name."""
    return {f"{one.name}: {key}": text for one in sets for key, text in one.queries.items()}


def round_of(found: Prepared, sets: Sequence[TestSet], context: RunContext) -> Round:
    """What a candidate is judged by."""
    return Round(
        chunks=found.chunks,
        documents=context.corpus.chunks,
        questions=_questions(found),
        own_sets=sets,
        rows=found.ledger,
        history=context.history,
    )


@dataclass(frozen=True)
class Fold:
    """A share of the sections, and what a model learns that is trained without it. ``given`` has the accepted
    questions about these sections that no fold before asks."""

    name: str
    prepared: Prepared
    given: Round


def make_folds(
    selected: Selected, context: RunContext, sets: Sequence[TestSet], holdout: Round
) -> list[Fold]:
    """As many folds beside the ``holdout`` as it takes to ask enough; none where that has enough, or there
    are many documents. Headings count only where there are too few other questions to decide."""
    gate, tests = context.settings.gate, questions_of(sets)
    accepted = of(holdout.rows, "example", "train", "holdout")
    without_headings = sum(row.origin != HEADING for row in accepted) >= gate.min_queries
    own = len(holdout.deciding) - len(holdout.questions)

    def asked(folds: Sequence[Fold]) -> int:
        rounds = (holdout, *(fold.given for fold in folds))
        questions = (question for given in rounds for question in given.questions)
        return own + sum(not (without_headings and question.is_heading) for question in questions)

    folds: list[Fold] = []
    if asked(folds) >= gate.cross_fit_below or len(holdout.chunks) > _MOST_CHUNKS:
        return folds
    for number in range(1, min(_FOLDS, int(1 / gate.holdout_share))):
        if asked(folds) >= _ENOUGH * gate.cross_fit_below:
            break
        found = prepare(selected, context, tests, number)
        folds += _fold(f"fold-{number}", found, holdout, folds, context)
    return folds


def write_folds(folds: Iterable[Fold], folder: Path, origin: LedgerOrigin) -> None:
    """Write what they learn below ``folder``. Raises StateError when the disk is full."""
    for fold in folds:
        (folder / fold.name).mkdir()
        fold.prepared.write(folder / fold.name, origin)


def read_folds(folder: Path, context: RunContext, holdout: Round) -> list[Fold]:
    """What ``write_folds`` wrote. Raises StateError when it is damaged."""
    include = context.serving.retrieval.include_unreviewed
    folds: list[Fold] = []
    for path in sorted(folder.glob("fold-*")):
        found = Prepared.read(path, context.corpus, include)
        folds += _fold(path.name, found, holdout, folds, context)
    return folds


def _fold(
    name: str, found: Prepared, holdout: Round, before: Sequence[Fold], context: RunContext
) -> list[Fold]:
    """The fold, if it has a question of its own and enough to train on."""
    asked = {question_id(text) for text in holdout.deciding}
    asked |= {question.id for one in before for question in one.given.questions}
    given = round_of(found, holdout.own_sets, context)
    new = [question for question in given.questions if question.id not in asked]
    if not new or what_is_lacking(found, context.settings.gate.min_queries, context):
        return []
    return [Fold(name, found, replace(given, questions=new))]


def number_asked(holdout: Round, folds: Iterable[Fold]) -> int:
    """How many questions decide about a training. Headings do not where there are many documents."""
    if len(holdout.chunks) > _MOST_CHUNKS:
        return len(holdout.deciding) - sum(question.is_heading for question in holdout.questions)
    return len(holdout.deciding) + sum(len(fold.given.questions) for fold in folds)


def what_is_lacking(found: Prepared, deciding: int, context: RunContext) -> str:
    """Why training is no use yet, or nothing. ``deciding`` counts the questions that decide."""
    needed = context.settings.gate.min_queries
    groups = {found.groups.get(row.chunk_id, row.chunk_id) for row in found.train}  # near duplicates are one
    if not found.chunks:
        reason = _nothing_to_index(found, context)
    elif not found.accepted:
        reason = "Not enough to learn from: no accepted triplet or conversation yet."
    elif len(found.train) < 2:
        reason = (
            f"Not enough to learn from: {len(found.train)} example(s) to train on after {len(found.holdout)} "
            "were held out and duplicates dropped. Accept more triplets, about other sections."
        )
    elif len({one.text for one in found.train}) < 2 or len(groups) < 2:
        reason = (
            f"Not enough to learn from: all {len(found.train)} examples are about the same text, and there "
            "is nothing to tell it from. Accept triplets about other sections."
        )
    elif deciding < needed:
        reason = too_few(deciding, needed)
        if len(found.chunks) > _MOST_CHUNKS:
            reason += f" Headings are not counted where there are more than {_MOST_CHUNKS:,} chunks."
    else:
        return ""
    return reason


def _questions(found: Prepared) -> list[HoldoutQuestion]:
    """The held-out questions. What was accepted elsewhere for the same question is a right answer too."""
    removed = {row.record_id for row in of(found.ledger, "chunk", "removed")}
    accepted = [
        row
        for row in of(found.ledger, "example", "train", "holdout", "duplicate", "unused")
        if row.version not in removed
    ]
    return holdout_questions(found.holdout, found.chunks, found.groups, accepted)


def _nothing_to_index(found: Prepared, context: RunContext) -> str:
    if not context.corpus.chunks:
        return "Not enough to index: there are no documents any more (`clayloop ingest`)."
    if not of(found.ledger, "chunk", "removed"):
        return (
            "Not enough to index: no chunk was accepted, and serving.retrieval.include_unreviewed is false."
        )
    return "Not enough to index: every chunk was rejected."
