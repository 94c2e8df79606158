"""What the bot says when it found nothing that answers: why that may be, and what comes nearest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from curation import plain
from serving.bot.small_talk import listed, support_line
from serving.releases.retriever import Retriever
from serving.retrieval.index import Hit
from serving.retrieval.known_words import known_words
from serving.settings import BotSettings

REFUSAL = "I don't know: the documentation does not seem to say anything about this."
NEAREST = "These sections come nearest, but may not answer it:"
# Below this share of the threshold the nearest passages are about something else.
_NEAR = 0.7


class Refusal(NamedTuple):
    """Why nothing was found, as Markdown, and what the question may have meant."""

    why: str
    meant: str


def refusal(retriever: Retriever, question: str, settings: BotSettings) -> Refusal:
    """What may help: another language, a misspelt word, the support channel."""
    words = known_words(retriever.index, retriever.embedder.counter)
    parts = [REFUSAL]
    language = words.other_language(question)
    corrected = None if language else words.corrected(question)
    if language:
        parts.append(f"Your question seems to be in {language}. Please ask in {words.language_name}.")
    elif corrected:
        parts.append(f"Did you mean “{plain(corrected)}”?")
    if settings.support:
        parts.append(f"You can also ask here: {support_line(settings.support)}")
    return Refusal("\n\n".join(parts), corrected or question)


def nearest(retriever: Retriever, hits: Sequence[Hit]) -> list[Hit]:
    """Those of ``hits`` that are near enough to be worth a look."""
    return [hit for hit in hits if hit.score >= _NEAR * retriever.min_score]


def try_these(examples: Sequence[str]) -> str:
    """Questions that the documentation answers, where nothing is near."""
    return f"You can ask, for example:\n\n{listed(examples)}" if examples else ""
