"""HTML from its bytes, and what in a file is a page."""

from __future__ import annotations

import codecs
import re

from curation.words import word_set

_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_HEAD_BYTES = 4_096
_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.IGNORECASE)
_WHOLE = re.compile(r"<!doctype\s+html|<html[\s>]|<body[\s>]", re.IGNORECASE)
_TEMPLATE = re.compile(r"\{%[-+]?\s*\w|\{\{[-<%]?\s*[\w.$|>/#]|<\?php|<%[=@-]?\s|\$\{\{")
_INDEX = re.compile(r"<table[^>]{0,200}\b(?:gen|mod)?indextable\b")  # made by Sphinx
_CODE = re.compile(r"<(pre|code|script|style|textarea)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_HEAD_CHARACTERS = 20_000
_MOST_DEEP = 3_000
_MOST_ELEMENTS = 3_000_000
_TAGS = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*)")
_FORMATTING = word_set("b big code em font i nobr s small strike strong tt u")
_ENDS_BY_ITSELF = word_set(
    "a area base br col colgroup dd dt embed hr img input li link meta option p param rp rt source tbody td "
    "tfoot th thead tr track wbr"
)


def decoded_html(data: bytes, told: str = "") -> str:
    """The text of a page, by the character set that the server ``told``, its mark, or its own ``<meta>``;
    else UTF-8. What does not decode is replaced."""
    for mark, name in _MARKS.items():
        if data.startswith(mark):
            return data.decode(name, "replace")
    meta = _CHARSET.search(data[:_HEAD_BYTES])
    for name in (told, meta[1].decode("ascii") if meta else ""):
        try:
            return data.decode(name, "replace") if name else data.decode("utf-8")
        except (LookupError, UnicodeError):
            continue
    return data.decode("utf-8", "replace")


def why_no_page(text: str, is_page: bool = False) -> str:
    """Why HTML is not documentation: a template, or a part for one (unless it is known to be a page), or
    nothing that can be read; "" where it is a page."""
    start = text.lstrip("\ufeff \t\r\n")
    if not start:
        return "empty"
    if "\0" in text:
        return "not text: it holds NUL bytes"
    if _INDEX.search(text):
        return "an index that Sphinx made of the other pages"
    if not is_page:
        if start.startswith("---") or _TEMPLATE.search(_CODE.sub("", start[:_HEAD_CHARACTERS])):
            return "a template of HTML, not a page"
        if not _WHOLE.search(start):
            return "a part of an HTML page"
    return "its elements are nested without end" if _is_endless(text) else ""


def _is_endless(text: str) -> bool:
    """Whether to parse the page would take more than its length lets expect: parsing is quadratic in the
    depth of elements, and what is opened to format words is opened anew in each block after it."""
    deep = deepest = formatting = most_formatting = tags = 0
    for tag in _TAGS.finditer(text):
        tags += 1
        name = tag[2].lower()
        step = -1 if tag[1] else 1
        if name in _FORMATTING:
            formatting = max(formatting + step, 0)
            most_formatting = max(most_formatting, formatting)
        elif name not in _ENDS_BY_ITSELF:
            deep = max(deep + step, 0)
            deepest = max(deepest, deep)
    return deepest > _MOST_DEEP or tags * max(most_formatting - 10, 0) > _MOST_ELEMENTS
