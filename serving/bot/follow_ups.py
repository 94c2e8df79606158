"""A question that only the one before it explains ("and on Windows?"), made whole enough to be looked up."""

from __future__ import annotations

import re
from collections.abc import Sequence

from curation import Message, word_set
from serving.bot.pasted import without_frames
from serving.retrieval.named import names_in

_WORD = re.compile(r"[\w.@+-]*\w")
_LEADS_ON = re.compile(
    r"\s*(?:and|or|but|also|then|so|what about|how about|why not|same|else)\b", re.IGNORECASE
)
_POINTS_BACK = re.compile(
    r"\b(?:it|that|this|those|these|them|they|their|its|one|ones|instead|too|as well|either"
    r"|(?<!\bis )(?<!\bare )(?<!\bwas )(?<!\bwere )there)\b",  # "are there" points nowhere
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"\s*(?:how|what(?! if)|why|when|where|which|who|is|are|can|could|do|does|did|should|will|would|may)\b"
    r"(?:\W+\w+){3}",
    re.IGNORECASE,
)
# So few words of content name no topic, in a whole question one fewer; so many may where a word points back
# or leads on.
_SHORT, _POINTING = 2, 4
_FUNCTION_WORDS = word_set(
    """a about all also an and any are as at be been but by can could did do does for from get got had
    happened happens has have how i if in instead into is it its just make me mine my need no not of off on
    one ones only or our out please should so some still than that the their them then there these they this
    those to too under up us use used using want was we well were what when where which while who whole why
    will with without work works would you your"""
)


def look_up(question: str, history: Sequence[Message]) -> str:
    """What to search for: the ``question``, after the words of content of those before it, from the last one
    on that points nowhere back. A name in it takes the place of those before, a version that of a version."""
    if not points_back(question):
        return question
    asked = [without_frames(message.content) for message in history if message.role == "user"]
    if not asked:
        return question
    starts = (place for place in reversed(range(len(asked))) if not points_back(asked[place]))
    before = " ".join(asked[next(starts, len(asked) - 1) :])
    are_versions = {name[0].isdigit() for name in names_in(question)}
    replaced = [name for name in names_in(before) if name[0].isdigit() in are_versions]
    words = dict.fromkeys(content(before))
    return " ".join([*(word for word in words if word.casefold() not in replaced), question])


def points_back(question: str) -> bool:
    """Whether ``question`` seems to go on with what was said before."""
    words = len(content(question))
    return words <= _SHORT - (_ASKS.match(question) is not None) or (
        words <= _POINTING and bool(_LEADS_ON.match(question) or _POINTS_BACK.search(question))
    )


def content(question: str) -> list[str]:
    """The words that name a topic."""
    return [word for word in _WORD.findall(question) if word.casefold() not in _FUNCTION_WORDS]
