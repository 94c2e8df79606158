"""The least cosine that is answered, whatever range a model's cosines lie in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from serving.retrieval.calibration import (
    HIGHEST,
    LOWEST,
    OUT_OF_DOMAIN_QUESTIONS,
    DecidedQuestions,
    calibrate_threshold,
    describe,
    heading_questions,
)
from serving.retrieval.space import SearchSpace
from tests.serving.pages import make_chunks

CHUNKS = make_chunks()
_PLACES = {chunk.section[-1]: place for place, chunk in enumerate(CHUNKS)}


class Model:
    """Headings lie near their chunk, other questions anywhere.

    ``common`` is a part that all texts share, as with models whose cosines are all high: the cosine c becomes
    (c + common²) / (1 + common²).
    """

    def __init__(self, common: float, near: float = 0.8, size: int = 24) -> None:
        chance = np.random.default_rng(3)
        self.near, self.common, self.size = near, common, size
        self.vectors = self._unit(chance.normal(size=(len(CHUNKS), size)))
        self.space = SearchSpace.plain(self.vectors)

    def queries(self, texts: Sequence[str]) -> Any:
        chance = np.random.default_rng(4)
        found = chance.normal(size=(len(texts), self.size)) / self.size**0.5
        for row, text in enumerate(texts):
            if text in _PLACES:
                found[row] += self.near * 8 * self.vectors[_PLACES[text], : self.size]
        return self._unit(found)

    def _unit(self, rows: Any) -> Any:
        unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        shared = np.full((len(unit), 1), self.common)
        return (np.hstack([unit, shared]) / np.sqrt(1 + self.common**2)).astype(np.float32)

    def threshold(self) -> float:
        return calibrate_threshold(self, CHUNKS, self.space)  # type: ignore[arg-type]

    def answered(self) -> float:
        nearest = self.space.near(self.queries(OUT_OF_DOMAIN_QUESTIONS))
        return float((nearest >= self.threshold()).mean())


@given(st.floats(0, 2))
@settings(max_examples=30, deadline=None)
def test_what_all_texts_share_changes_nothing_about_what_is_refused(common: float) -> None:
    plain, shifted = Model(0.0), Model(common)
    assert LOWEST < shifted.threshold() < HIGHEST
    moved = (plain.threshold() + common**2) / (1 + common**2)
    assert shifted.threshold() == pytest.approx(moved, abs=2e-4)
    assert shifted.answered() == pytest.approx(plain.answered(), abs=0.04)
    assert plain.answered() <= 0.1  # the other threshold is rounded in a narrower range


@given(st.floats(0, 4), st.floats(0, 1))
@settings(max_examples=30, deadline=None)
def test_hardly_any_heading_is_refused(common: float, near: float) -> None:
    model = Model(common, near)
    own = model.space.near(model.queries(heading_questions(CHUNKS)))
    assert (own < model.threshold() - 1e-3).mean() <= 0.05


def test_a_threshold_at_the_end_of_its_range_is_told() -> None:
    assert describe(0.42) == (
        "The bot says that it does not know where no chunk comes nearer to a question than 0.42."
    )
    assert "highest threshold" in describe(Model(5.0).threshold())
    assert "least threshold" in describe(LOWEST) and "serving.retrieval.min_score" in describe(HIGHEST)


class Told:
    """A question that is a number comes so near to every chunk. Headings come 0.8 near, everyday questions 0
    to 0.3."""

    def __init__(self) -> None:
        self.space = SearchSpace.plain(np.tile(np.eye(1, 2, dtype=np.float32), (len(CHUNKS), 1)))

    def queries(self, texts: Sequence[str]) -> Any:
        everyday = {text: 0.3 * place / 59 for place, text in enumerate(OUT_OF_DOMAIN_QUESTIONS)}
        near = np.array(
            [
                0.8 if text in _PLACES else everyday[text] if text in everyday else float(text)
                for text in texts
            ]
        )
        return np.stack([near, np.sqrt(1 - near**2)], axis=1).astype(np.float32)

    def threshold(self, answered: Sequence[float] = (), unanswered: Sequence[float] = ()) -> float:
        decided = DecidedQuestions([str(one) for one in answered], [str(one) for one in unanswered])
        return calibrate_threshold(self, CHUNKS, self.space, decided)  # type: ignore[arg-type]


def test_few_decided_questions_change_nothing() -> None:
    alone = Told().threshold()
    assert alone == pytest.approx(0.27, abs=0.001)
    assert Told().threshold([0.7] * 50, [0.6] * 4) == alone
    assert Told().threshold([0.1] * 4, [0.6] * 50) == alone


def test_what_visitors_asked_moves_the_threshold_between_what_is_answered_and_what_is_not() -> None:
    near = np.linspace(0, 0.1, 20)
    assert 0.5 < Told().threshold(near + 0.6, near + 0.4) < 0.6
    assert 0.25 < Told().threshold(near + 0.2, near + 0.05) < Told().threshold(), "15% of 0 to 0.3"


def test_where_what_nothing_answers_comes_nearer_the_decided_questions_are_not_heard() -> None:
    assert Told().threshold([0.0] * 60, [0.9] * 60) == Told().threshold()


@given(st.lists(st.floats(0, 1), min_size=5), st.lists(st.floats(0, 1), min_size=5), st.randoms())
@settings(max_examples=30, deadline=None)
def test_the_threshold_stays_in_its_range_in_any_order(answered: Any, unanswered: Any, order: Any) -> None:
    found = Told().threshold(answered, unanswered)
    assert LOWEST <= found <= HIGHEST
    order.shuffle(answered)
    order.shuffle(unanswered)
    assert Told().threshold(answered, unanswered) == pytest.approx(found, abs=2e-3)
