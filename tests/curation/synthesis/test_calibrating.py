"""A judge's verdicts beside people's, without any language model: the fake one rates by the answer's text."""

from __future__ import annotations

import pytest

from curation.records.decision import Decision
from curation.records.generation import AnsweredQuestion, Judgement
from curation.synthesis.calibrating import calibrate
from curation.synthesis.judging import Judge
from tests.curation.making import decision_of, vote_of


class FakeJudge(Judge):
    """Rates an answer by the number in it, and says nothing usable of one without."""

    def __init__(self) -> None:
        self.read: list[tuple[str, ...]] = []

    def rate(self, answered: AnsweredQuestion) -> AnsweredQuestion:
        (answer,) = answered.answers
        self.read.append(answer.sources)
        said = Judgement(rating=int(answer.answer)) if answer.answer.isdigit() else None
        return answered.model_copy(update={"judgements": (said,)})


def judged(release: str, answer: str, correct: str) -> Decision:
    return decision_of(
        record_id=f"{release}-{answer}-{correct}",
        values={"is_response_correct": correct},
        votes=(vote_of("is_response_correct", correct),),
        fields={"instruction": "How?", "response": answer},
        metadata={"release": release, "question": "How?", "offered": "c1 c2 c3", "sources": 2},
    )


def test_agreement_is_counted_per_release() -> None:
    decisions = [
        judged("r1", "5", "yes"),
        judged("r1", "4", "no"),  # too kind
        judged("r1", "2", "no"),
        judged("r1", "nothing", "yes"),
        judged("r2", "3", "yes"),  # too strict: 4 and 5 count as correct
    ]
    judge = FakeJudge()
    found = calibrate(judge, "fake", decisions, {"c1": "one", "c2": "two", "c3": "three"}.__getitem__)
    first, second = found.releases
    assert (first.decided, first.judged, first.same, first.too_kind, first.too_strict) == (4, 3, 2, 1, 0)
    assert (second.judged, second.same, second.too_strict) == (1, 0, 1)
    assert first.alpha.value == pytest.approx(4 / 9)
    assert second.alpha.value is None
    assert set(judge.read) == {("one", "two")}, "it reads what the bot was given, and no more"
