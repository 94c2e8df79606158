"""A question answered from a release: look up, judge, ask the language model, list the sources."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from curation import Chunk, LanguageModel, LanguageModelError, Message
from serving.bot.curated import as_data, listed, name_of, shown
from serving.bot.markup import closed, harmless, link, plain
from serving.bot.small_models import (
    FROM_THE_DOCUMENTATION,
    MOST_TOKENS,
    STOP,
    few_shot_messages,
    holds_to,
    loop_start,
)
from serving.releases.answers import CuratedAnswer
from serving.releases.retriever import Retriever
from serving.retrieval.curated import is_curated, only_documents
from serving.retrieval.index import Hit
from serving.retrieval.tokens import printable
from serving.settings import BotSettings

log = logging.getLogger(__name__)

REFUSAL = "I don't know: the documentation does not seem to say anything about this."
NO_MODEL = "The language model is not available; these passages fit best."
BROKEN_OFF = "The language model stopped before the end of its answer."

_SOURCES = "\n\n**Sources**\n\n"
_TEMPERATURE = 0.1
# Earlier turns given to the language model: a small one's context is soon full.
_HISTORY_TURNS = 4
_PASSAGES = 3
_PASSAGE_CHARACTERS = 700
_QUESTION_CHARACTERS = 4_000
_MESSAGE_CHARACTERS = 1_500


class Reply(BaseModel):
    """An answer as far as it has come; each one replaces the one before.

    ``text`` is Markdown without the sources, safe to show. ``hits`` are the chunks listed as sources, best
    first. There are none when the bot said that it does not know (``refused``), nor with a person's answer,
    ``curated``, which brings its own sources. ``score`` is the best chunk's. ``trouble`` is what kept
    the language model from answering, in words for the log.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    hits: tuple[Hit, ...] = ()
    refused: bool = False
    score: float = 0.0
    trouble: str | None = None
    curated: CuratedAnswer | None = None

    @property
    def cited(self) -> tuple[str, ...]:
        """Ids of the documents' chunks that are listed as sources."""
        if self.curated is not None:
            return tuple(one.chunk_id for one in self.curated.sources)
        return tuple(chunk.id for chunk in only_documents(hit.chunk for hit in self.hits))

    @property
    def markdown(self) -> str:
        """The text with the sources as links under it."""
        lines = listed(self.curated.sources) if self.curated else sources(self.hits)
        return f"{self.text}{_SOURCES}{lines}" if lines else self.text


def answer_question(
    retriever: Retriever,
    llm: LanguageModel | None,
    question: str,
    history: Sequence[Message],
    settings: BotSettings,
) -> Iterator[Reply]:
    """Yield the answer as it grows; the last Reply is the whole one.

    When nothing relevant is found, the bot refuses and the language model is not asked. When there is no
    language model, or it fails, the best passages are quoted instead. Where the best hit is an answer that a
    person wrote, that is the answer, word for word; where it stands first for its source's sake, it is the
    first passage, and the source the next. Below what a very small model says stand the passages that it was
    given. Raises ReleaseError when the release can't be searched.
    """
    hits = retriever.search(question)
    score = max((hit.score for hit in hits), default=0.0)
    if not retriever.should_answer(hits):
        yield Reply(text=REFUSAL, refused=True, score=score)
        return
    curated = retriever.answers.get(hits[0].chunk.id)
    if curated and not hits[0].by_source:
        yield Reply(text=shown(curated), score=score, curated=curated)
        return
    cited = tuple(hits)
    if llm is None:
        yield Reply(text=f"{NO_MODEL}\n\n{passages(hits)}", hits=cited, score=score)
        return
    is_small = llm.few_shot
    written = ""
    loop: int | None = None
    try:
        asked = request(retriever, llm, question, hits, history, settings)
        with closing(asked.stream(llm)) as pieces:
            for piece in pieces:
                written += printable(piece)
                loop = loop_start(written) if is_small else None
                if loop is not None:
                    break
                yield Reply(text=harmless(written), score=score)
    except LanguageModelError as error:
        log.warning("The language model failed: %s", error.message)
        if written.strip():
            text = f"{closed(harmless(written))}\n\n*{BROKEN_OFF}*"
        else:
            text = f"{NO_MODEL}\n\n{passages(hits)}"
        yield Reply(text=text, hits=cited, score=score, trouble=error.message)
        return
    text = closed(harmless(written[:loop].strip()))
    if is_small:
        said = f"{text}\n\n" if holds_to(text, question, packed(hits, settings.max_context_tokens)) else ""
        text = f"{said}*{FROM_THE_DOCUMENTATION}*\n\n{passages(hits[: 1 + hits[0].by_source])}"
    yield Reply(text=text, hits=cited, score=score)


class Request(NamedTuple):
    """What a language model is asked. ``sources`` are the chunks among that."""

    messages: list[dict[str, str]]
    max_tokens: int
    temperature: float
    stop: list[str] | None
    sources: list[Chunk]

    def stream(self, llm: LanguageModel) -> Generator[str, None, None]:
        """The answer piece by piece; closing the generator ends it."""
        told, stop = self.messages, self.stop
        yield from llm.stream(told, max_tokens=self.max_tokens, temperature=self.temperature, stop=stop)


def request(
    retriever: Retriever,
    llm: LanguageModel,
    question: str,
    hits: Sequence[Hit],
    history: Sequence[Message],
    settings: BotSettings,
) -> Request:
    """What ``llm`` is to be asked, once ``hits`` are found: a very small model is asked in another way."""
    chunks = packed(hits, settings.max_context_tokens)
    if llm.few_shot:
        asked = few_shot_messages(question[:_QUESTION_CHARACTERS].strip(), chunks)
        return Request(asked, min(MOST_TOKENS, settings.max_answer_tokens), 0.0, list(STOP), chunks[:1])
    told = messages(retriever, question, hits, history, settings)
    return Request(told, settings.max_answer_tokens, _TEMPERATURE, None, chunks)


def messages(
    retriever: Retriever,
    question: str,
    hits: Sequence[Hit],
    history: Sequence[Message],
    settings: BotSettings,
) -> list[dict[str, str]]:
    """The conversation for the language model: the release's system prompt, the last four turns, and the
    question with the best chunks that fit into ``max_context_tokens``."""
    prompt = retriever.release.prompt
    earlier = history[-2 * _HISTORY_TURNS :]
    context = "\n\n---\n\n".join(as_data(chunk) for chunk in packed(hits, settings.max_context_tokens))
    asked = prompt.fill(question[:_QUESTION_CHARACTERS].strip(), context)
    return [
        {"role": "system", "content": prompt.system},
        *({"role": message.role, "content": message.content[:_MESSAGE_CHARACTERS]} for message in earlier),
        {"role": "user", "content": asked},
    ]


def without_sources(markdown: str) -> str:
    """An earlier answer as ``Reply.markdown`` showed it, without the list of sources."""
    return markdown.rpartition(_SOURCES)[0] or markdown


def packed(hits: Sequence[Hit], max_tokens: int) -> list[Chunk]:
    """The chunks of ``hits``, best first, as long as they fit. The best one always goes in, and no text
    twice."""
    chosen: list[Chunk] = []
    seen: set[str] = set()
    left = max_tokens
    for hit in hits:
        if hit.chunk.text in seen or (chosen and hit.chunk.tokens > left):
            continue
        seen.add(hit.chunk.text)
        chosen.append(hit.chunk)
        left -= hit.chunk.tokens
    return chosen


def passages(hits: Sequence[Hit]) -> str:
    """The best chunks as Markdown, each under its heading, long ones shortened."""
    parts: list[str] = []
    for hit in hits[:_PASSAGES]:
        body = hit.chunk.body.strip()
        if len(body) > _PASSAGE_CHARACTERS:
            body = body[:_PASSAGE_CHARACTERS].rsplit(None, 1)[0] + " …"
        parts.append(f"**{plain(name_of(hit.chunk))}**\n\n{closed(harmless(body))}")
    return "\n\n".join(parts)


def sources(hits: Sequence[Hit]) -> str:
    """A numbered Markdown list of sections: a link where it has an address, else its file and line."""
    lines: list[str] = []
    for hit in hits:
        chunk = hit.chunk
        line = link(name_of(chunk), chunk.url, "" if is_curated(chunk) else chunk.place)
        if line not in lines:
            lines.append(line)
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, start=1))
