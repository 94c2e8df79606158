"""Inline markup of reStructuredText as readable text: what a reader sees, not what a builder needs."""

from __future__ import annotations

import re
from collections.abc import Mapping

from curation.words import word_set

_LITERAL = re.compile(r"(?<!`)``(?=\S)(.+?)(?<=\S)``(?!`)", re.DOTALL)
_ROLE_BEFORE = re.compile(r"(?<![\w`]):(?P<name>[A-Za-z][\w:.+-]*):`(?P<text>[^`]+)`", re.DOTALL)
_ROLE_AFTER = re.compile(r"(?<![\w`])`(?P<text>[^`]+)`:(?P<name>[A-Za-z][\w:.+-]*):", re.DOTALL)
_TITLED = re.compile(r"^(?P<title>.*\S)\s*<(?P<target>[^<>]+)>$", re.DOTALL)
_LINK = re.compile(r"(?<![\w`])`(?P<text>[^`]+)`__?(?!\w)", re.DOTALL)
_BARE_TARGET = re.compile(r"(?<![\w`_])_`([^`]+)`")
_INTERPRETED = re.compile(r"(?<![\w`])`(?P<text>[^`\s](?:[^`]*[^`\s])?)`(?![\w`_])", re.DOTALL)
_NAME_LINK = re.compile(r"(?<![\w`*./:-])([A-Za-z0-9]+(?:[-._+:][A-Za-z0-9]+)*)__?(?![\w`*/(.=\[])")
_STRONG = re.compile(r"(?<![\w*\\])\*\*(?=[^\s*])(.+?)(?<=[^\s\\])\*\*(?!\w)", re.DOTALL)
_EMPHASIS = re.compile(r"(?<![\w*\\])\*(?=[^\s*])([^*]+?)(?<=[^\s\\])\*(?![\w*])", re.DOTALL)
_SUBSTITUTION = re.compile(r"(?<![\w|])\|(?=\S)([^|\n]+?)(?<=\S)\|(?:__?)?(?![\w|])")
_FOOTNOTE = re.compile(r"(?<=\s)\[(#?[\w.-]*|\*)\]_(?!\w)")
_ESCAPED_SPACE = re.compile(r"\\\s")
_ESCAPED = re.compile(r"\\(.)")
_HOLD = re.compile("\ue000(\\d+)\ue001")
_PRIVATE = re.compile("[\ue000\ue001]")

# Roles whose text is a name in code: shown in backticks, as the rendered page shows it.
_CODE_ROLES = word_set(
    """
    class meth func attr data exc mod const obj type option envvar program command file code literal kbd
    samp setting signal reqmeta templatetag templatefilter lookup djadmin djadminopt ttag tfilter cls
    method function attribute module exception property any
    """
)


def rst_inline_to_text(text: str, substitutions: Mapping[str, str] | None = None) -> str:
    """``text`` without inline markup. Literals keep single backticks; white space stays as it is."""
    held: list[str] = []

    def hold(value: str) -> str:
        held.append(value)
        return f"\ue000{len(held) - 1}\ue001"

    def literal(found: re.Match[str]) -> str:
        inner = found[1]
        return hold(f"`{inner}`" if "`" not in inner else f"`` {inner} ``")

    def role(found: re.Match[str]) -> str:
        return hold(_role_text(found["name"], found["text"]))

    def link(found: re.Match[str]) -> str:
        titled = _TITLED.match(found["text"])
        return hold(titled["title"] if titled else found["text"].strip("<>"))

    def substitution(found: re.Match[str]) -> str:
        return (substitutions or {}).get(found[1], found[1])

    text = _PRIVATE.sub("", text)
    text = _LITERAL.sub(literal, text)
    text = _ROLE_BEFORE.sub(role, text)
    text = _ROLE_AFTER.sub(role, text)
    text = _BARE_TARGET.sub(r"\1", text)
    text = _LINK.sub(link, text)
    text = _INTERPRETED.sub(lambda found: hold(f"`{found['text']}`"), text)
    text = _SUBSTITUTION.sub(substitution, text)
    text = _FOOTNOTE.sub(lambda found: f"[{found[1].lstrip('#')}]", text)
    text = _STRONG.sub(r"\1", text)
    text = _EMPHASIS.sub(r"\1", text)
    text = _NAME_LINK.sub(r"\1", text)
    text = _ESCAPED_SPACE.sub("", text)
    text = _ESCAPED.sub(r"\1", text)
    for _ in range(3):  # a link's title may hold a literal
        if "\ue000" not in text:
            break
        text = _HOLD.sub(lambda found: held[int(found[1])], text)
    return text


def _role_text(name: str, text: str) -> str:
    titled = _TITLED.match(text)
    if titled:
        return titled["title"]
    kind = name.rsplit(":", 1)[-1]
    shown = text.lstrip("!")
    if shown.startswith("~"):
        shown = shown[1:].rsplit(".", 1)[-1]
    return f"`{shown}`" if kind in _CODE_ROLES else shown
