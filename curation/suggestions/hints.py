"""What a record says that is worth a look: a sentence for annotators, from its text alone."""

from __future__ import annotations

from collections.abc import Sequence

from curation.suggestions.features import text_features, without_frame
from curation.suggestions.signals import content_words, words

_MOST_WORDS = 6


def look_at_chunk(body: str, heading: str) -> str:
    """What may be wrong with a chunk; "" for nothing."""
    found = text_features(body, heading)
    hints = [
        ("only code", 1, "Nearly all of it is code or output: does it say what it shows?"),
        ("few words", 1, "It has hardly a word: does it say anything?"),
        ("starts in the middle", 1, "It starts in the middle: can it be understood by itself?"),
        ("pins", 0.5, "It looks like a list of packages."),
        ("links", 0.5, "Most lines are links or names of files."),
        ("pointers", 0.5, "Much of it points to other pages: does it answer anything itself?"),
        ("points back", 0.5, "It speaks of an example: is that shown here?"),
        ("boilerplate", 1, "It reads like a licence or a table of contents."),
        ("changes", 1, "It looks like a list of changes."),
    ]
    return " ".join(text for name, least, text in hints if found[name] >= least)


def look_at_queries(anchor: str, positive: str, negative: str) -> str:
    """Which words of the queries speak against them; "" for none."""
    hints = []
    if missing := _not_in(positive, anchor):
        hints.append(f"Not in the anchor, of the positive: {', '.join(missing)}.")
    if negative and not _not_in(negative, anchor):
        hints.append("All words of the negative are in the anchor: does it answer that too?")
    return " ".join(hints)


def look_at_answer(answer: str, sources: Sequence[str], refused: bool, offered: int) -> str:
    """What to compare in a conversation; "" for nothing."""
    if refused:
        return (
            "The bot said that it does not know: does one of the passages below answer the question?"
            if offered
            else "The bot said that it does not know, and found no passage."
        )
    if not sources:
        return ""
    missing = _not_in(without_frame(answer), "\n".join(sources))
    return f"In none of its sources, of the answer: {', '.join(missing)}." if missing else ""


def _not_in(text: str, other: str) -> list[str]:
    """The content words of ``text`` that ``other`` has in no form, in order, at most six."""
    known = set(content_words(other))
    missing = [word for word in words(text) if (stems := content_words(word)) and stems[0] not in known]
    return list(dict.fromkeys(missing))[:_MOST_WORDS]
