"""What a language model wrote, made into a query, or refused with a reason."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from curation.records.chunk import SECTION_SEPARATOR
from curation.words import word_set

MAX_WORDS = 40
MAX_CHARACTERS = 300
COPIED_WORDS = 6
"""A query that shares this many words in a row with a worked example was copied from it."""
VERBATIM_WORDS = 6
GROUNDED = 0.6
"""Share of its content words that a small model's query must have from the chunk (see `fault`)."""
_STEM = 5

_LABEL = re.compile(
    r"^(?:#+\s*|[-*•–]\s+|\(?\d{1,2}[.)]\s+|>\s+)*"
    r"(?:(?:positive|query|question|search query|user query|q)\s*:\s*)?",
    re.IGNORECASE,
)
_BOLD = re.compile(r"\*\*([^*]+)\*\*")
_QUOTES = "\"'“”‘’«»`*_ "
_MARKUP = re.compile(
    r"::(?!\w)|^\.\. "
    r"|\bauto(?:class|method|module|function)\b|versionadded|```|<\||\|>|\{\{|(?:^|\s)##|:\w+:`"
)
_PROMPT = re.compile(
    r"anchor sentence|positive sentence|negative sentence|given the following|as an ai\b|language model\b|"
    r"<placeholder|other ways to ask|one question about",
    re.IGNORECASE,
)
_TALK = re.compile(
    r"^(?:sure|certainly|of course|yes|no|here (?:is|are)|here's|i'm sorry|i am sorry|sorry|i cannot|i can't|"
    r"you're right|the (?:positive|negative|query|question)|this (?:is|query|question|text)|thank)\b",
    re.IGNORECASE,
)
ASKS = re.compile(
    r"^(?:how|what|which|who|whom|whose|why|when|where|is|are|was|can|could|"
    r"do|does|did|should|would|will|may|"
    r"must|has|have|in what|in which|for what|at what|to what|on what|from where)\b",
    re.IGNORECASE,
)
_LOOP = re.compile(r"(.{2,30}?)\1{3,}", re.DOTALL)
_FIRST_PERSON = frozenset({"i", "my", "we", "our"})
_WORD = re.compile(r"[^\W_]+(?:[_'’.-][^\W_]+)*")
_IDENTIFIER = re.compile(r"\b\w*[a-z\d]_\w+|\b[A-Z]+_\w+|\b[A-Za-z_]\w*(?:\.\w+)+|\b[A-Z]\w*[a-z]\w*[A-Z]\w*")
# Not scikit-learn's list of stop words: that one has "call", "empty", "find", "move", "name" and "system",
# which tell two questions about software apart.
_FILLER = word_set(
    """
    a an the of to in on at by for from with and or is are was be been do does did can could i you we it
    its my your how what which who why when where there this that these those if not have has will would
    should one get use using used way me us our as into so than then any some all please
    """
)


def tidy(raw: str) -> str:
    """The first line that says something, without bullets, labels, quotes, control characters."""
    for line in raw.splitlines():
        before, text = "", line
        while text != before:  # a label may stand behind another one, or inside quotes
            before, text = text, _without_wrapping(text)
        if text.strip(_QUOTES + "-#.:?!"):
            return text
    return ""


def _without_wrapping(line: str) -> str:
    text = unicodedata.normalize("NFC", line)
    # Surrogates cannot be stored as UTF-8; other control characters have no place on one line.
    text = "".join(char if unicodedata.category(char)[0] != "C" else " " for char in text)
    text = " ".join(text.split())
    text = _LABEL.sub("", _BOLD.sub(r"\1", text)).strip()
    if len(text) > 1 and text[0] in _QUOTES and text[-1] in _QUOTES and text.count(text[0]) <= 2:
        text = text[1:-1].strip()
    return text


def words(text: str) -> list[str]:
    return [match.group().casefold() for match in _WORD.finditer(text)]


def content_words(text: str) -> list[str]:
    """The words that carry meaning, in order."""
    return [word for word in words(text) if word not in _FILLER and len(word) > 1]


def sameness(query: str) -> str:
    """A key that is equal for two queries that differ only in case, punctuation and filler words."""
    return " ".join(content_words(query) or words(query)) or query.casefold()


def stems(text: str) -> frozenset[str]:
    """Content words cut to five letters: a stemmer crude enough for any language with word boundaries."""
    return frozenset(word[:_STEM] for word in content_words(text))


def fault(query: str, source: str, small_model: bool, copied: Iterable[str] = ()) -> str:
    """Why ``query`` (already tidied) is malformed; empty when it is fine.

    ``source`` is the text it was made from. ``small_model`` adds a check for a fault of very small models, at
    the price of some good queries: at least 60% of its content words and all its identifiers have to be in
    the source. ``copied`` are the prompt's examples.
    """
    said = words(query)
    checks = (
        ("empty", not query),
        ("too long", len(said) > MAX_WORDS or len(query) > MAX_CHARACTERS),
        ("loop", _is_loop(query, said)),
        ("template", bool(_PROMPT.search(query)) or _is_copy(said, words(source), copied)),
        ("copy", SECTION_SEPARATOR in query or _is_verbatim(query, said, words(source))),
        ("markup", bool(_MARKUP.search(query)) or query.count("`") % 2 == 1),
        ("not a query", _is_no_query(query, said)),
        ("ungrounded", small_model and not is_grounded(query, source)),
    )
    return next((reason for reason, wrong in checks if wrong), "")


def is_grounded(query: str, source: str) -> bool:
    """Whether what the query talks about occurs in the source."""
    if any(name not in source for name in _IDENTIFIER.findall(query)):
        return False
    mine = stems(query)
    if not mine:
        return False
    return len(mine & stems(source)) >= GROUNDED * len(mine)


def split_queries(output: str) -> list[str]:
    """The lines of an answer that was asked for one query a line, tidied, without an introduction."""
    lines = [line.strip() for line in output.splitlines()]
    bulleted = [line for line in lines if re.match(r"^(?:[-*•–]|\(?\d{1,2}[.)])\s*\S", line)]
    chosen = bulleted or [line for line in lines if not line.endswith(":")]
    return [text for text in (tidy(re.sub(r"^[-*•–]\s*", "", line)) for line in chosen) if text]


def _is_loop(query: str, said: list[str]) -> bool:
    if _LOOP.search(query):
        return True
    if len(said) >= 8 and len(set(said)) < 0.6 * len(said):
        return True
    triples = list(zip(said, said[1:], said[2:], strict=False))
    return len(set(triples)) < len(triples)


def _is_copy(said: list[str], source: list[str], examples: Iterable[str]) -> bool:
    own = _runs(source)
    for example in examples:
        theirs = words(example)
        if said == theirs or (_runs(said) & _runs(theirs)) - own:
            return True
    return False


def _is_verbatim(query: str, said: list[str], source: list[str]) -> bool:
    """Whether it is a passage of the text, which nobody types to look for it."""
    if len(said) < VERBATIM_WORDS or "?" in query:
        return False
    return any(source[i : i + len(said)] == said for i in range(len(source) - len(said) + 1))


def _runs(said: list[str]) -> set[tuple[str, ...]]:
    return {tuple(said[i : i + COPIED_WORDS]) for i in range(len(said) - COPIED_WORDS + 1)}


def _is_no_query(query: str, said: list[str]) -> bool:
    if len(said) < 2 or sum(char.isalpha() for char in query) < 4 or _TALK.match(query):
        # One word may be a name that people search for, but it says too little to learn from.
        return True
    # a statement
    return query.endswith(".") and not _FIRST_PERSON & set(said) and not ASKS.match(query)
