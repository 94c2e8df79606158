"""What the bot says when it found nothing that answers: why that may be, and what comes nearest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from curation import Message, plain
from serving.bot.small_talk import listed, support_line
from serving.releases.retriever import Retriever
from serving.retrieval.index import Hit
from serving.retrieval.known_words import has_strange_words, known_words
from serving.settings import BotSettings

REFUSAL = "I don't know: the documentation does not seem to say anything about this."
NOT_SURE = "I am not sure that the documentation answers this."
_DID_YOU_MEAN = "Did you mean"
_YES = re.compile(r"\W*(?:yes|yeah|yep|exactly)(?:\W+please)?\W*", re.IGNORECASE)
NEAREST = "These sections come nearest:"


class Hints(NamedTuple):
    """What may be wrong with a question: its ``language`` is another than the ``documents``', a word is
    misspelt, ``corrected`` without that, or it is about what they don't mention. Empty where nothing is."""

    language: str = ""
    documents: str = ""
    corrected: str = ""
    unmentioned: tuple[str, ...] = ()

    def __str__(self) -> str:
        """As Markdown."""
        if self.language:
            return (
                f"Your question seems to be in {self.language}, and the documentation is in {self.documents}."
            )
        if self.corrected:
            return f"{_DID_YOU_MEAN} “{plain(self.corrected)}”?"
        names = " or ".join(f"“{plain(name)}”" for name in self.unmentioned)
        return f"The documentation does not mention {names}." if names else ""


def hints(retriever: Retriever, question: str, hits: Sequence[Hit]) -> Hints:
    """For a ``question`` that ``hits`` were found for."""
    words = known_words(retriever.index, retriever.embedder.counter)
    is_decided = bool(hits) and (hits[0].asked is not None or hits[0].chunk.id in retriever.answers)
    unmentioned = () if is_decided else tuple(words.unmentioned(question))
    texts = (hit.chunk.text for hit in hits)
    if retriever.is_near(hits) and not has_strange_words(question, texts, retriever.embedder.counter):
        return Hints(unmentioned=unmentioned)
    language = words.other_language(question) or ""
    corrected = "" if language else words.corrected(question) or ""
    return Hints(language, words.language_name, corrected, unmentioned)


def confirmed(
    retriever: Retriever, question: str, history: Sequence[Message]
) -> tuple[str, Sequence[Message]]:
    """What is asked after what: of a yes to "Did you mean …?" that, in place of the question before."""
    if len(history) > 1 and _DID_YOU_MEAN in history[-1].content and _YES.fullmatch(question):
        words, before = known_words(retriever.index, retriever.embedder.counter), history[-2]
        if before.role == "user" and (corrected := words.corrected(before.content)):
            return corrected, history[:-2]
    return question, history


def refusal(found: Hints, settings: BotSettings, is_near: bool) -> str:
    """Why there is no answer, and what may help, as Markdown. ``is_near``: some passages are shown."""
    if found.language:
        why = f"{found} Please ask in {found.documents}."
    else:
        why = "\n\n".join(filter(None, (NOT_SURE if is_near else REFUSAL, str(found))))
    channel = f"You can also ask here: {support_line(settings.support)}" if settings.support else ""
    return "\n\n".join(filter(None, (why, channel)))


def nearest(retriever: Retriever, hits: Sequence[Hit]) -> list[Hit]:
    """Those of ``hits`` that are worth a look: by themselves they would be near enough for an answer."""
    return [hit for hit in hits if hit.score >= retriever.min_score]


def try_these(examples: Sequence[str]) -> str:
    """Questions that the documentation answers, where nothing is near."""
    return f"You can ask, for example:\n\n{listed(examples)}" if examples else ""
