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


class Hints(NamedTuple):
    """What may be wrong with a question: its ``language`` is another than the ``documents``', or a word is
    misspelt, ``corrected`` without that. Empty where nothing is."""

    language: str
    documents: str
    corrected: str

    @property
    def did_you_mean(self) -> str:
        return f"Did you mean “{plain(self.corrected)}”?" if self.corrected else ""


def hints(retriever: Retriever, question: str) -> Hints:
    """For a ``question`` that nothing answers."""
    words = known_words(retriever.index, retriever.embedder.counter)
    language = words.other_language(question) or ""
    corrected = "" if language else words.corrected(question) or ""
    return Hints(language, words.language_name, corrected)


def refusal(found: Hints, settings: BotSettings) -> str:
    """Why nothing was found, and what may help, as Markdown."""
    why = REFUSAL
    if found.language:
        why = (
            f"I found nothing. Your question seems to be in {found.language}, and the documentation is in "
            f"{found.documents}: please ask in {found.documents}."
        )
    channel = f"You can also ask here: {support_line(settings.support)}" if settings.support else ""
    return "\n\n".join(filter(None, (why, found.did_you_mean, channel)))


def nearest(retriever: Retriever, hits: Sequence[Hit]) -> list[Hit]:
    """Those of ``hits`` that are near enough to be worth a look."""
    return [hit for hit in hits if hit.score >= _NEAR * retriever.min_score]


def try_these(examples: Sequence[str]) -> str:
    """Questions that the documentation answers, where nothing is near."""
    return f"You can ask, for example:\n\n{listed(examples)}" if examples else ""
