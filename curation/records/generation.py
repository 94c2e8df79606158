"""What language models answered to what people asked, to be judged by annotators and learned from."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from curation.records.identity import content_id


class GeneratedAnswer(BaseModel):
    """One answer, as the language model wrote it.

    ``messages`` is all that it was told (role and content), ``sources`` the passages among that. ``prompt``
    is a short hash of the release's prompt.
    """

    model_config = ConfigDict(frozen=True)

    question: str
    answer: str
    messages: tuple[dict[str, str], ...]
    sources: tuple[str, ...]
    release: str
    model: str
    prompt: str


class Judgement(BaseModel):
    """What a stronger model says of one answer."""

    model_config = ConfigDict(frozen=True)

    rating: int = Field(ge=1, le=5)
    rationale: str = ""


class AnsweredQuestion(BaseModel):
    """A question with one answer or several. ``judgements`` are those of the model ``judge``, one an answer
    (None: it said nothing usable); empty where nobody was asked."""

    model_config = ConfigDict(frozen=True)

    answers: tuple[GeneratedAnswer, ...]
    judgements: tuple[Judgement | None, ...] = ()
    judge: str = ""

    @property
    def question(self) -> str:
        return self.answers[0].question

    @property
    def different(self) -> tuple[GeneratedAnswer, ...]:
        """The answers, each text once, in an order that has nothing to do with who wrote them."""
        by_text = {one.answer: one for one in reversed(self.answers)}
        return tuple(sorted(by_text.values(), key=lambda one: content_id("place", self.question, one.answer)))

    def judgement_of(self, answer: GeneratedAnswer) -> Judgement | None:
        said = zip(self.answers, self.judgements, strict=False)
        return next((judgement for one, judgement in said if one.answer == answer.answer), None)
