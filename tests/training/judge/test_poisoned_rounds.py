"""A round in which 30% of the newest answers are wrong never reaches the bot; a good one is not held up.

Triplets with their answers swapped, conversations that cite any chunk, and chunks with their verdicts
swapped. Five seeds of each, through the whole retrain with the gate's defaults. The larger experiment, with
twenty, the real embedding model and smaller rounds, is benchmarks/poisoned_rounds.py.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from curation import Chunk, Corpus, Decision, Home
from serving import ReleaseStore
from tests.training import rounds
from training.report.text import RetrainSummary
from training.retrain import retrain_from_annotations

SEEDS = range(5)


@dataclass(frozen=True)
class Served:
    """A home that has learned from the first round, and what belongs to it."""

    home: Home
    model: Path
    chunks: list[Chunk]
    first: list[Decision]

    def then(self, newest: Sequence[Decision], scratch: Path) -> RetrainSummary:
        """The second round, in a copy that is thrown away."""
        home = Home(scratch / "home")
        shutil.copytree(self.home.root, home.root)
        try:
            before = ReleaseStore(home).current_id()
            summary = _retrain(home, self.model, self.chunks, [*self.first, *newest])
            assert (ReleaseStore(home).current_id() != before) == (summary.outcome == "promoted")
            return summary
        finally:
            shutil.rmtree(home.root)


@pytest.fixture(scope="module")
def served(untrained: Home, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Served:
    chunks = rounds.make_corpus()
    first = rounds.first_round(chunks)
    home = rounds.copied(untrained, tmp_path_factory.mktemp("rounds") / "home")
    summary = _retrain(home, tiny_model, chunks, first)
    assert summary.outcome == "promoted", summary.verdict
    return Served(home, tiny_model, chunks, first)


def _retrain(home: Home, model: Path, chunks: list[Chunk], decisions: Sequence[Decision]) -> RetrainSummary:
    return retrain_from_annotations(
        home,
        Corpus(documents=[], chunks=chunks),
        rounds.training(),
        rounds.serving(model),
        lambda: list(decisions),
    )


Round = Callable[[Sequence[Chunk], int], list[Decision]]


def _swapped(chunks: Sequence[Chunk], seed: int) -> list[Decision]:
    return rounds.poisoned(rounds.second_round(chunks, seed), seed)


def _talks(chunks: Sequence[Chunk], seed: int) -> list[Decision]:
    return rounds.talks(chunks, seed)[:120]


def _wrongly_cited(chunks: Sequence[Chunk], seed: int) -> list[Decision]:
    return rounds.moved(_talks(chunks, seed), chunks, seed)


def _reviewed(chunks: Sequence[Chunk], seed: int) -> list[Decision]:
    return [*rounds.second_round(chunks, seed)[:80], *rounds.reviewed(chunks, seed)]


def _misjudged(chunks: Sequence[Chunk], seed: int) -> list[Decision]:
    return rounds.misjudged(_reviewed(chunks, seed), seed)


@pytest.mark.parametrize("newest", [rounds.second_round, _talks, _reviewed])
def test_a_good_round_is_not_held_up(newest: Round, served: Served, tmp_path: Path) -> None:
    found = [served.then(newest(served.chunks, seed), tmp_path) for seed in SEEDS]
    held = [
        f"{seed}: {one.verdict}" for seed, one in zip(SEEDS, found, strict=True) if one.outcome != "promoted"
    ]
    assert held == [], "\n".join(held)
    gains = [one.gate.after - one.gate.before for one in found if one.gate]
    assert sum(gains) / len(gains) > 0.05


@pytest.mark.parametrize(
    ("newest", "guard"),
    [(_swapped, "new decisions"), (_wrongly_cited, "new decisions"), (_misjudged, "contradicted chunks")],
)
def test_a_poisoned_round_never_reaches_the_bot(
    newest: Round, guard: str, served: Served, tmp_path: Path
) -> None:
    out = []
    for seed in SEEDS:
        summary = served.then(newest(served.chunks, seed), tmp_path)
        if summary.outcome == "promoted":
            out.append(f"{seed}: {summary.verdict}")
        else:
            assert summary.outcome == "rejected"
            assert summary.gate is not None
            assert guard in {one.name for one in summary.gate.failed}
    assert out == []
