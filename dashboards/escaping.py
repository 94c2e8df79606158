"""Text from outside, made safe for the places where Streamlit reads Markdown."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_JOINTS = re.compile(r"(?i)(?<=:)(?=\S)|(?<=www)(?=\.)|(?<=@)")
_CODE = re.compile(r"`([^`]+)`")
_WORD_JOINER = "\u2060"
LONGEST = 300


def one_line(text: str, longest: int = LONGEST) -> str:
    """``text`` on one line of at most ``longest`` characters, without control characters."""
    line = _CONTROL.sub(" ", text).strip()
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def plain(text: str, longest: int = LONGEST) -> str:
    """Markdown that shows ``text`` as it is, without any markup, link, image, formula or emoji.

    Every ASCII punctuation character is escaped, which CommonMark defines to mean the character itself.
    Addresses and ``:emoji:`` are made of the text after it was unescaped: an invisible word joiner keeps
    their parts apart.
    """
    return _escaped(one_line(text, longest))


def with_commands(text: str) -> str:
    """Like `plain`, but text between two backticks is shown as code, for commands in our own messages.

    Markdown leaves everything in code as it is, so text from outside gains nothing by it.
    """
    parts = _CODE.split(one_line(text, 2 * LONGEST))
    return "".join(f"`{part}`" if place % 2 else _escaped(part) for place, part in enumerate(parts))


def _escaped(line: str) -> str:
    return _PUNCTUATION.sub(r"\\\1", _JOINTS.sub(_WORD_JOINER, line))
