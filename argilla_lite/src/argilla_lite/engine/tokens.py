"""Prepares text for SQLite's FTS5, the same way when it is indexed and when it is asked for.

FTS5's unicode61 tokenizer lowers case, folds Latin accents and splits at everything that is no letter or
digit. What it does not know is added here: scripts without spaces become one token per character (and a query
in them a phrase, so that any substring is found), emoji become words, Arabic and Hebrew vowel points and
compatibility forms (full-width letters, ligatures, fractions) fold, and a number stays whole.
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
# What stands between two digits makes one token of them (`1.5`, `2.11.1`), as in Unicode's rules (UAX 29):
# `5` is not found in it. FTS5 takes characters for private use for letters.
_DIVIDER = re.compile(r"(?<=\d)[.,](?=\d)")
# Between two messages of a chat: neither a phrase nor `"…"~10` reaches across.
_GAP = " \ue000" * 20 + " "


def prepare(text: str) -> str:
    """The text as FTS5 should see it."""
    text = _DIVIDER.sub(lambda match: chr(0xE000 + ord(match.group())), text)
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
    return any(map(_is_of_a_word, prepared))


def first_words(prepared: str, most: int) -> tuple[str, int]:
    """A prepared text up to so many of the words that the tokenizer will find, and how many it finds."""
    count, inside = 0, False
    for place, character in enumerate(prepared):
        was_inside, inside = inside, _is_of_a_word(character)
        if inside and not was_inside:
            if count == most:
                return prepared[:place], count
            count += 1
    return prepared, count


def _is_of_a_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNM" or "\ue000" <= character <= "\uf8ff"


def field_text(value: object, kind: str) -> str:
    """What can be searched of a field's value, as Argilla stores it: a string, chat messages, or anything for
    a custom field. `kind` is the field's type: text, chat, custom or image."""
    if value is None or kind == "image":
        return ""
    if isinstance(value, str):
        return prepare(value)
    if kind == "chat" and isinstance(value, list):
        contents = (message.get("content") for message in value if isinstance(message, dict))
        return _GAP.join(prepare(content) for content in contents if isinstance(content, str))
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
