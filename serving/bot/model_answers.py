"""A language model's answer, as far as it keeps to the passages."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import NamedTuple

from curation import (
    Chunk,
    LanguageModel,
    LanguageModelError,
    Message,
    closed,
    may_be_thoughts,
    without_thoughts,
)
from serving.bot.checking import Evidence, checked
from serving.bot.curated import as_data
from serving.bot.options import Options
from serving.bot.prompting import TooLongError, messages, packed
from serving.bot.reply import Reply
from serving.bot.small_models import MOST_TOKENS, STOP, few_shot_messages, holds_to, loop_start
from serving.releases.retriever import Retriever
from serving.retrieval.curated import is_curated
from serving.retrieval.index import Hit
from serving.retrieval.tokens import printable
from serving.settings import BotSettings

log = logging.getLogger(__name__)

BROKEN_OFF = "The language model stopped before the end of its answer."
LEFT_OUT = "What the language model wrote besides does not stand in the documentation, and is left out."


@dataclass(frozen=True)
class Asked:
    """A question, what was said before it, and the chunks that were found for it."""

    question: str
    history: Sequence[Message]
    hits: tuple[Hit, ...]

    @property
    def score(self) -> float:
        return max(hit.score for hit in self.hits)


class Request(NamedTuple):
    """What a language model is asked. ``sources`` are the chunks among that."""

    messages: list[dict[str, str]]
    max_tokens: int
    temperature: float
    stop: list[str] | None
    sources: list[Chunk]

    def stream(self, llm: LanguageModel) -> Generator[str, None, None]:
        """The answer piece by piece; closing the generator ends it."""
        yield from llm.stream(
            self.messages, max_tokens=self.max_tokens, temperature=self.temperature, stop=self.stop
        )


def request(
    retriever: Retriever, llm: LanguageModel, asked: Asked, settings: BotSettings, options: Options
) -> Request:
    """What ``llm`` is to be asked, once the hits are found: a very small model is asked in another way.

    Raises TooLongError.
    """
    chunks = packed(asked.hits, settings.max_context_tokens)
    if llm.few_shot:
        told = few_shot_messages(asked.question.strip(), chunks)
        return Request(told, min(MOST_TOKENS, settings.max_answer_tokens), 0.0, list(STOP), chunks[:1])
    chunks.sort(key=is_curated)  # documents' numbers are those that annotators see
    told = messages(retriever, asked.question, chunks, asked.history, settings, options)
    return Request(told, settings.max_answer_tokens, options.temperature, None, chunks)


def model_replies(
    retriever: Retriever, llm: LanguageModel, asked: Asked, settings: BotSettings, options: Options
) -> Iterator[Reply]:
    """Yield what the model says, grown by whole sentences that hold; one without text says why there is none.

    The last one lists the passages that the model was given, in the order of their numbers.
    """
    try:
        sent = request(retriever, llm, asked, settings, options)
    except TooLongError as error:
        yield Reply(text="", too_long=(error.tokens, error.most))
        return
    if llm.few_shot:
        yield _small(llm, sent, asked)
        return
    chunks = sent.sources
    numbered = tuple(next(hit for hit in asked.hits if hit.chunk is chunk) for chunk in chunks)
    evidence = Evidence([as_data(chunk) for chunk in chunks], asked.question)
    text, dropped = "", 0
    thoughts: list[str] = []
    trouble: str | None = None
    try:
        with closing(sent.stream(llm)) as pieces:
            for now in checked(_answer_only(pieces, thoughts), evidence):
                text, dropped = now
                yield Reply(text=text.strip(), score=asked.score, thoughts="".join(thoughts))
    except LanguageModelError as error:
        log.warning("The language model failed: %s", error.message)
        trouble = error.message
    text = closed(text.strip())
    if not text:
        yield Reply(text="", trouble=trouble)
        return
    notes = [note for note, is_so in ((LEFT_OUT, dropped), (BROKEN_OFF, trouble)) if is_so]
    text = "\n\n".join([text, *(f"*{note}*" for note in notes)])
    yield Reply(text=text, hits=numbered, score=asked.score, trouble=trouble, thoughts="".join(thoughts))


def _answer_only(pieces: Iterable[str], thoughts: list[str]) -> Iterator[str]:
    """The pieces of the answer; what the model thinks before it goes to ``thoughts``."""
    start, is_answer = "", False
    for piece in map(printable, pieces):
        if is_answer:
            yield piece
            continue
        start += piece
        if may_be_thoughts(start):
            continue
        answer, thought = without_thoughts(start)
        thoughts.append(thought)
        is_answer = True
        yield answer
    if not is_answer:
        answer, thought = without_thoughts(start)
        thoughts.append(thought)
        yield answer


def _small(llm: LanguageModel, sent: Request, asked: Asked) -> Reply:
    """What a very small model says to the best passage: all of it, or nothing where it does not hold."""
    written = ""
    try:
        with closing(sent.stream(llm)) as pieces:
            for piece in pieces:
                written += printable(piece)
                if (loop := loop_start(written)) is not None:
                    written = written[:loop]
                    break
    except LanguageModelError as error:
        return Reply(text="", trouble=error.message)
    holds = holds_to(written, asked.question, sent.sources[0].text)
    return Reply(text=closed(written.strip()) if holds else "", hits=asked.hits, score=asked.score)
