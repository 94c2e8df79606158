"""Only what is surely better is promoted."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from training.answering.judging import judge_answers
from training.answering.overlap import Overlap
from training.settings import GateSettings

QUESTIONS = {f"question {number}": [f"The answer is number {number}."] for number in range(30)}
NO = "The documentation does not say."


@dataclass
class StandsIn:
    """An answerer without a model: ``right`` questions are answered as accepted, the rest not at all. The
    sentence that the bot marks is that of the first ``quotes``."""

    right: int
    off_topic: str = ""
    few_shot: bool = False
    quotes: int = 0

    @property
    def model(self) -> Any:
        return SimpleNamespace(model=f"right {self.right}", few_shot=self.few_shot)

    def from_documents(self, question: str, anyway: bool = False) -> Any:
        if anyway:
            return self.off_topic
        return self._known(question, self.right)

    def marked(self, question: str) -> str:
        return self._known(question, self.quotes)

    def shown(self, answer: Any) -> str:
        return str(answer)

    def _known(self, question: str, count: int) -> str:
        return QUESTIONS[question][0] if int(question.split()[1]) < count else ""


def judged(served: StandsIn, candidate: StandsIn, questions: int = 30) -> Any:
    asked = dict(list(QUESTIONS.items())[:questions])
    return judge_answers(served, candidate, asked, Overlap([]), GateSettings())  # type: ignore[arg-type]


def test_a_better_model_is_promoted_and_no_other() -> None:
    better = judged(StandsIn(5), StandsIn(25))
    assert better.promoted and better.verdict == "superior"
    assert (better.before.overlap, better.after.overlap) == (round(5 / 30, 4), round(25 / 30, 4))
    assert [one.after for one in better.asked[24:26]] == ["The answer is number 24.", ""]
    for served, candidate in ((10, 10), (10, 11), (25, 5)):
        verdict = judged(StandsIn(served), StandsIn(candidate))
        assert not verdict.promoted and "what is served stays" in verdict.reason
    few = judged(StandsIn(0), StandsIn(19), questions=19)
    assert few.verdict == "not-enough" and "20 are needed" in few.reason


def test_a_model_that_answers_without_a_source_is_held_back() -> None:
    invents = StandsIn(25, off_topic="Boil it for nine minutes.")
    held = judged(StandsIn(5, off_topic=NO), invents)
    assert held.verdict == "superior" and not held.promoted
    assert "0% → 100%" in held.reason
    assert judged(StandsIn(5), StandsIn(25, off_topic=NO)).promoted
    # A very small model is not told to refuse: there the bot does that before it asks.
    invents.few_shot = True
    assert judged(StandsIn(5), invents).promoted


def test_a_model_that_says_less_than_the_passages_is_held_back() -> None:
    held = judged(StandsIn(5, quotes=28), StandsIn(20))
    assert held.verdict == "superior" and not held.promoted and not held.beats_passages
    assert "marks in the passage has more (0.933" in held.reason and '"passages" shows that' in held.reason
    # As good as the passages: better than what is served, and no reason to let it write.
    even = judged(StandsIn(5, quotes=20), StandsIn(20))
    assert even.promoted and not even.beats_passages
    assert judged(StandsIn(5, quotes=5), StandsIn(25)).beats_passages


PAGES = [f"The {word} is in the kiln." for word in ("pot", "bowl", "cup", "jar")]


def test_what_says_nothing_of_its_own_has_hardly_any_overlap() -> None:
    """By plain words the sentence beside the point and the question said again have more than half."""
    overlap = Overlap([*PAGES, "Fire the glaze at 1,240 degrees."])
    question, accepted = "What is the heat in the kiln?", ["The heat in the kiln is 1,240 degrees."]
    said = {
        text: overlap(question, text, accepted)
        for text in ("1,240 degrees.", "The pot is in the kiln.", "The heat in the kiln is what is the heat.")
    }
    assert list(said.values()) == [1.0, 0.0, 0.0]


WORDS = st.lists(st.sampled_from(["one", "two", "three"]), max_size=5).map(" ".join)


@given(WORDS, st.lists(WORDS, max_size=3), st.lists(WORDS, max_size=3))
def test_overlap_is_a_share_and_one_only_for_the_same_words(
    answer: str, accepted: list[str], documents: list[str]
) -> None:
    overlap = Overlap(documents)
    found = overlap("", answer, accepted)
    assert 0 <= found <= 1 + 1e-9
    same = any(answer and sorted(answer.split()) == sorted(one.split()) for one in accepted)
    assert (found == pytest.approx(1)) is same
    assert found == overlap("", answer.upper(), accepted)
