"""What the bot's language model says to a question, as it says it: for annotators to judge and for models to
learn from."""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from curation import (
    SILENT,
    AnsweredQuestion,
    GeneratedAnswer,
    Judge,
    LanguageModel,
    LanguageModelError,
    Progress,
    Remembered,
    without_thoughts,
)
from serving.bot.checking import Evidence, checked
from serving.bot.marking import marked_sentence
from serving.bot.model_answers import Asked, Request, request
from serving.bot.options import Options
from serving.bot.prompting import TooLongError
from serving.bot.small_models import holds_to, loop_start
from serving.releases.prompt import Prompt
from serving.releases.retriever import Retriever
from serving.retrieval.index import Hit
from serving.retrieval.tokens import printable
from serving.settings import BotSettings

log = logging.getLogger(__name__)

_IN_A_ROW = 3  # failures after which the fault is not the question's


@dataclass(frozen=True)
class Answerer:
    """A release and a language model. ``prompt`` takes the place of the release's."""

    retriever: Retriever
    model: LanguageModel
    settings: BotSettings
    remembered: Remembered
    prompt: Prompt | None = None

    def answer(self, question: str) -> GeneratedAnswer | None:
        """None where the bot would not ask its language model: it finds nothing, or has a person's answer.

        What a very small model says is cut where it begins to repeat itself, as in the chat, but not dropped
        where it makes things up: that is for annotators to judge. Raises LanguageModelError, and StateError
        when the answer cannot be kept.
        """
        hits = self.retriever.search(question)
        if hits and hits[0].chunk.id in self.retriever.answers and not hits[0].by_source:
            return None
        return self._said(question, hits) if self.retriever.should_answer(question, hits) else None

    def from_documents(self, question: str, anyway: bool = False) -> GeneratedAnswer | None:
        """As ``answer``, if no person had answered anything; ``anyway``: and nothing were refused."""
        hits = self.retriever.search(question, only_documents=True)
        return self._said(question, hits) if anyway or self.retriever.should_answer(question, hits) else None

    def told(self, question: str) -> list[dict[str, str]] | None:
        """What the model would be told by ``from_documents``."""
        hits = self.retriever.search(question, only_documents=True)
        asked = self._request(question, hits) if self.retriever.should_answer(question, hits) else None
        return asked.messages if asked else None

    def shown(self, answer: GeneratedAnswer) -> str:
        """What of an ``answer`` the chat would show."""
        if self.model.few_shot:
            return answer.answer if holds_to(answer.answer, answer.question, answer.sources[0]) else ""
        text, _ = without_thoughts(answer.answer)
        *_, (kept, _) = checked([text], Evidence(answer.sources, answer.question))
        return kept.strip()

    def marked(self, question: str) -> str:
        """The sentence that the chat marks in the best passage, where it asks no model; empty without one."""
        hits = self.retriever.search(question, only_documents=True)
        return marked_sentence(self.retriever.embedder, question, hits[0].chunk) if hits else ""

    def _request(self, question: str, hits: Sequence[Hit]) -> Request | None:
        try:
            asked = Asked(question, (), tuple(hits))
            return request(self._retriever(), self.model, asked, self.settings, Options())
        except TooLongError:
            return None

    def _said(self, question: str, hits: Sequence[Hit]) -> GeneratedAnswer | None:
        asked = self._request(question, hits)
        if asked is None:
            return None
        said = printable(
            self.remembered.complete(
                self.model, asked.messages, asked.max_tokens, asked.temperature, asked.stop
            )
        )
        return GeneratedAnswer(
            question=question,
            answer=said[: loop_start(said) if self.model.few_shot else None].strip(),
            messages=tuple(asked.messages),
            sources=tuple(chunk.text for chunk in asked.sources),
            release=self.retriever.release.id,
            model=self.model.model,
            prompt=(self.prompt or self.retriever.release.prompt).digest,
        )

    def _retriever(self) -> Retriever:
        if self.prompt is None:
            return self.retriever
        other = copy.copy(self.retriever)
        other.release = other.release.model_copy(update={"prompt": self.prompt})
        return other


@dataclass
class Generated:
    """What ``generate`` made. ``unasked`` counts questions for which the bot does not ask its language model,
    ``failed`` those that a model could not answer, ``unjudged`` those on which the judge failed."""

    answered: list[AnsweredQuestion] = field(default_factory=list)
    unasked: int = 0
    failed: int = 0
    unjudged: int = 0


def generate(
    answerers: Sequence[Answerer],
    questions: Sequence[str],
    judge: Judge | None = None,
    progress: Progress = SILENT,
) -> Generated:
    """Let all ``answerers`` answer each question, and ``judge`` rate answers that differ.

    A question on which a model fails is left out; after three in a row the LanguageModelError is raised.
    What was said until then is remembered.
    """
    made, trouble = Generated(), _Trouble()
    with progress.task("Answering", total=len(questions), unit="questions") as advance:
        for question in questions:
            try:
                answers = [one.answer(question) for one in answerers]
            except LanguageModelError as error:
                trouble.add(error)
                made.failed += 1
                advance(1)
                continue
            trouble.forget()
            given = tuple(one for one in answers if one is not None and one.answer)
            if len(given) == len(answerers):
                made.answered.append(AnsweredQuestion(answers=given))
            else:
                made.unasked += 1
            advance(1)
    if judge is not None:
        _rate(made, judge, progress)
    return made


def _rate(made: Generated, judge: Judge, progress: Progress) -> None:
    trouble = _Trouble()
    with progress.task("Judging", total=len(made.answered), unit="questions") as advance:
        for place, answered in enumerate(made.answered):
            try:
                if len(answered.different) > 1:
                    made.answered[place] = judge.rate(answered)
                    trouble.forget()
            except LanguageModelError as error:
                trouble.add(error)
                made.unjudged += 1
            advance(1)


class _Trouble:
    """Failures in a row."""

    def __init__(self) -> None:
        self._count = 0

    def add(self, error: LanguageModelError) -> None:
        self._count += 1
        log.warning("A question was left out: %s", error.message)
        if self._count >= _IN_A_ROW:
            raise error

    def forget(self) -> None:
        self._count = 0
