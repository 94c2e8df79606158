"""A question answered from a release: small talk, look up, judge, quote the passages or ask the model."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from curation import LanguageModel, Message, harmless
from serving.bot.curated import shown
from serving.bot.follow_ups import look_up
from serving.bot.model_answers import Asked, model_replies
from serving.bot.options import Options
from serving.bot.passages import as_markdown, as_page, passages, unlike
from serving.bot.pasted import without_frames
from serving.bot.refusals import NEAREST, Hints, confirmed, hints, nearest, refusal, try_these
from serving.bot.reply import Reply
from serving.bot.small_talk import reply_to, small_talk
from serving.bot.suggestions import example_questions
from serving.releases.retriever import Retriever
from serving.retrieval.index import Hit
from serving.settings import BotSettings

log = logging.getLogger(__name__)

FOUND = "This is what the documentation says:"
NO_MODEL = "The language model is not available; these passages fit best."
UNSURE = "No answer could be written that keeps to the documentation; these passages fit best."


def answer_question(
    retriever: Retriever,
    llm: LanguageModel | None,
    question: str,
    history: Sequence[Message],
    settings: BotSettings,
    options: Options = Options(),  # noqa: B008 - it is frozen
) -> Iterator[Reply]:
    """Yield the answer as it grows; the last Reply is the whole one.

    Nothing is shown that was not checked: passages of the documentation, an answer that a person wrote,
    or what a language model says as far as it keeps to the passages (``settings.answers``). The frames of a
    traceback are not looked up. A question that points back to the one before is looked up with its words,
    and one with misspelt words once more without those, which a yes to "Did you mean …?" asks, too; the
    answer says first what it was taken for. When nothing relevant is found, or no word of the question is
    known, the bot refuses and the language model is not asked. Where the best hit is an answer that a person
    wrote, that is the answer, word for word; where it stands first for its source's sake, it is the first
    passage, and the source the next.
    Raises ReleaseError when the release can't be searched.
    """
    told = without_frames(question)
    if len(told) > settings.max_question_characters:
        yield Reply(text=too_long(len(told), settings.max_question_characters, "characters"), idle=True)
        return
    asked, history = confirmed(retriever, told, history)
    if kind := small_talk(asked):
        text = reply_to(kind, settings.product, examples_of(retriever, settings), settings.support)
        yield Reply(text=text, idle=True)
        return
    found = _find(retriever, asked, history, options.passages)
    hint = hints(retriever, asked, found.hits)
    if hint.corrected:
        corrected = _find(retriever, hint.corrected, history, options.passages)
        found = max(found, corrected, key=lambda one: retriever.near(one.hits))
    meant = "" if found.looked_up == question else found.looked_up
    if not found.is_answer:
        yield _refusal(retriever, found, hint, settings).model_copy(update={"meant": meant})
        return
    is_told = hint.language or found.question != asked or not hint.corrected
    doubt = str(hint) if is_told else ""
    answerable = Asked(found.question, history, tuple(found.hits))
    for reply in _answers(retriever, llm, answerable, settings, options):
        yield reply.after(doubt).model_copy(update={"meant": meant})


def _answers(
    retriever: Retriever,
    llm: LanguageModel | None,
    asked: Asked,
    settings: BotSettings,
    options: Options,
) -> Iterator[Reply]:
    """The answer to a question that its hits answer, as it grows."""
    curated = retriever.answers.get(asked.hits[0].chunk.id)
    if curated and not asked.hits[0].by_source:
        yield Reply(text=shown(curated), score=asked.score, curated=curated)
        return
    if llm is None or not settings.lets_write(llm.few_shot):
        lead = NO_MODEL if llm is None and settings.answers == "model" else FOUND
        yield quoted(retriever, asked, lead)
        return
    last = Reply(text="")
    for last in model_replies(retriever, llm, asked, settings, options):
        if last.text:
            yield last
    if not last.text:
        yield quoted(retriever, asked, _why_none(last)).model_copy(update={"trouble": last.trouble})


def _why_none(reply: Reply) -> str:
    """Why there is no answer of the language model's."""
    if reply.too_long:
        return too_long(*reply.too_long, "tokens")
    return NO_MODEL if reply.trouble else UNSURE


def quoted(retriever: Retriever, asked: Asked, lead: str) -> Reply:
    """The passages as the answer to the question alone, after the sentence ``lead``."""
    found = passages(retriever.embedder, asked.question, asked.hits, index=retriever.index)
    return Reply(
        text=f"{lead}\n\n{as_markdown(found)}",
        shown=f"{lead}\n\n{as_page(found)}",
        hits=asked.hits,
        names_them=True,
        score=asked.score,
    )


def examples_of(retriever: Retriever, settings: BotSettings) -> list[str]:
    """Questions that the documentation answers: as set, else from its headings."""
    return settings.examples or example_questions(retriever.index.documents())


def too_long(size: int, most: int, unit: str) -> str:
    return f"Your question is too long: it has {size:,} {unit}, and {most:,} fit. Please ask a shorter one."


class _Found(NamedTuple):
    """The passages nearest to a ``question``, by the words ``looked_up``, and whether they are near enough to
    answer it."""

    question: str
    looked_up: str
    hits: list[Hit]
    is_answer: bool


def _find(retriever: Retriever, question: str, history: Sequence[Message], wanted: int | None) -> _Found:
    asked, most = look_up(question, history), wanted or retriever.top_k
    hits = unlike(retriever.search(asked, 2 * most))[:most]
    if retriever.is_gibberish(asked, hits):
        return _Found(question, asked, [], False)
    return _Found(question, asked, hits, retriever.is_near(hits))


def _refusal(retriever: Retriever, found: _Found, hint: Hints, settings: BotSettings) -> Reply:
    score = max((hit.score for hit in found.hits), default=0.0)
    near = nearest(retriever, found.hits)
    why = refusal(hint, settings, is_near=bool(near))
    if not near:
        text = "\n\n".join(filter(None, (why, try_these(examples_of(retriever, settings)))))
        return Reply(text=text, refused=True, score=score)
    quotes = passages(retriever.embedder, found.question, near, 0, retriever.index)
    return Reply(
        text=f"{why}\n\n{NEAREST}\n\n{as_markdown(quotes)}",
        shown=f"{harmless(why)}\n\n{NEAREST}\n\n{as_page(quotes)}",
        hits=tuple(near),
        names_them=True,
        refused=True,
        score=score,
    )
