"""Prepares text for SQLite's FTS5, the same way when it is indexed and when it is asked for.

FTS5's unicode61 tokenizer lowers case, folds Latin accents and splits at everything that is no letter or
digit. What it does not know is added here: scripts without spaces become one token per character (and a query
in them a phrase, so that any substring is found), emoji become words, Arabic and Hebrew vowel points and
compatibility forms (full-width letters, ligatures) fold.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

TOKENIZER = "unicode61 remove_diacritics 2 categories 'L* N* Co M*'"

# Han, kana, Thai, Lao, Tibetan, Myanmar, Khmer: written without spaces between words.
_UNSPACED = (
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uf900-\ufaff"
)
_SYMBOLS = "\u2190-\u23ff\u2460-\u27bf\u2900-\u2bff"
_SINGLE = re.compile(f"[{_UNSPACED}{_SYMBOLS}\U00010000-\U0010ffff]")
_POINTS = re.compile("[\u0300-\u036f\u0591-\u05bd\u05bf-\u05c7\u064b-\u065f\u0670\u200b-\u200f\ufe00-\ufe0f]")
_JOINED = re.compile(r"[\w.'’·:]+", re.UNICODE)


def prepare(text: str) -> str:
    """The text as FTS5 should see it."""
    if text.isascii():
        return text
    folded = _POINTS.sub("", unicodedata.normalize("NFKC", text)).casefold()
    return _SINGLE.sub(_spread, folded)


def _spread(match: re.Match[str]) -> str:
    character = match.group()
    # FTS5's tables know neither symbols nor young characters: spell those as a word.
    if character > "\uffff" or unicodedata.category(character)[0] == "S":
        return f" u{ord(character):x} "
    return f" {character} "


def has_token(prepared: str) -> bool:
    """Whether the tokenizer will find anything in a prepared text."""
    return any(unicodedata.category(character)[0] in "LN" for character in prepared)


def words(text: str) -> Iterator[str]:
    """The prepared pieces of a query's term: what a reader sees as one word stays one phrase (`foo_bar`,
    `v2.8`)."""
    for piece in _JOINED.findall(_POINTS.sub("", unicodedata.normalize("NFKC", text))):
        if has_token(prepared := prepare(piece)):
            yield prepared
    # Symbols are no word characters, and yet can be asked for.
    for symbol in re.findall(f"[{_SYMBOLS}\U00010000-\U0010ffff]", text):
        if not symbol.isalnum():
            yield prepare(symbol)


def field_text(value: object, kind: str) -> str:
    """What of a field's value can be searched.

    Args:
        value: As stored by Argilla: a string, chat messages, or anything for a custom field.
        kind: The field's type: text, chat, custom or image.
    """
    if value is None or kind == "image":
        return ""
    if isinstance(value, str):
        return prepare(value)
    if kind == "chat" and isinstance(value, list):
        contents = (message.get("content") for message in value if isinstance(message, dict))
        return prepare("\n".join(content for content in contents if isinstance(content, str)))
    return prepare("\n".join(_leaves(value)))


def _leaves(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, member in value.items():
            yield str(key)
            yield from _leaves(member)
    elif isinstance(value, list):
        for member in value:
            yield from _leaves(member)
    elif value is not None:
        yield str(value)
