"""Text from documents, users and language models, so that Argilla's pages show it and do not run it.

Argilla 2.8 renders every text field as HTML, those without markdown too (it assigns them to ``innerHTML``). A
chunk with ``<img onerror=…>`` in it would run in the annotator's session, and a message could load a picture
from elsewhere. So plain fields are escaped (``inert``) and read back as they were (``original``). In markdown
fields, what people wrote is shown literally (``literal``), and answers keep the harmless part of their
markdown: paragraphs, lists, emphasis, code (``harmless_markdown``).
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt

from curation.argilla.api import storable
from curation.shown.page import fenced, web_address

_ACTIVE = re.compile(r"([\\`*_{}\[\]()#+\-.!|~>:=$^@/])")
_OPENS_A_BLOCK = re.compile(r"[#>+=:-]|\d+[.)]")
_LIKE_AN_ADDRESS = re.compile(r"(?<=[A-Za-z])://|\bwww\.")
_ACTIVE_IN_LINE = re.compile(r"[\\`*_\[\]!|~$^@]")
_WEB_ADDRESS = re.compile(r"https?://[^\s()<>\[\]\"'`\\]+")
_CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_LONG_TICKS = re.compile(r"`{3,}|~{3,}")
_NEEDS_ESCAPING = re.compile(r"(?<!\\)\\*[\[\]]|(?<=[A-Za-z])://|\bwww\.")
_ESCAPED = re.compile(r"\\([\[\]`~])|&#58;//|www&#46;|&#92;")
_PAGE = re.compile(r"\n\n\[open\]\(https?://[^\s()]+\)\Z")  # elsewhere brackets are escaped
_PARSER = MarkdownIt("commonmark")


def inert(text: str) -> str:
    """``text`` for a field without markdown: shown exactly, whatever tags it holds."""
    return storable(text).replace("&", "&amp;").replace("<", "&lt;")


def original(field: str) -> str:
    """What ``inert`` was given, which is what the annotators saw."""
    return field.replace("&lt;", "<").replace("&amp;", "&")


def literal(text: str) -> str:
    """Markdown that renders as exactly ``text``, line breaks and indentation included."""
    lines = []
    for line in storable(text).splitlines():
        body = line.lstrip(" \t")
        indent = line[: len(line) - len(body)].replace("\t", "    ")
        escaped = _ACTIVE.sub(r"\\\1", body.replace("&", "&amp;").replace("<", "&lt;"))
        lines.append("&nbsp;" * len(indent) + escaped)
    return "  \n".join(lines)


def linked(text: str, url: str) -> str:
    """Markdown that renders as exactly ``text``, as a link to ``url`` if that is a web address."""
    line = " ".join(storable(text).split())
    if not _WEB_ADDRESS.fullmatch(url) and _OPENS_A_BLOCK.match(line):
        return literal(line)
    line = _ACTIVE_IN_LINE.sub(r"\\\g<0>", line.replace("&", "&amp;").replace("<", "&lt;"))
    line = _LIKE_AN_ADDRESS.sub(_defused, line)
    return f"[{line}]({url})" if _WEB_ADDRESS.fullmatch(url) else line


def harmless_markdown(text: str, keep_lines: bool = False) -> str:
    """Markdown with HTML, images and links shown as text. Code, lists and emphasis still work.

    A CommonMark parser finds the fenced code, which goes back in at the left margin, where all parsers agree
    about what is inside it. ``keep_lines``: each line stays a line, as in a chunk, where paragraphs have one.
    """
    lines = storable(text).expandtabs(4).splitlines()
    parts: list[str] = []
    done = 0
    has_fences = "```" in text or "~~~" in text
    for token in _PARSER.parse("\n".join(lines)) if has_fences else ():
        if token.type != "fence" or token.level != 0 or token.map is None:
            continue
        first, last = token.map
        parts.append(_prose("\n".join(lines[done:first]), keep_lines))
        parts.append(fenced(token.content, token.info))
        done = last
    parts.append(_prose("\n".join(lines[done:]), keep_lines))
    return "\n\n".join(part for part in parts if part.strip())


def with_page(shown: str, url: str) -> str:
    """What ``harmless_markdown`` made, and below it a link to ``url`` if that is a web address."""
    address = web_address(url)
    return f"{shown}\n\n[open]({address})" if address else shown


def readable(field: str) -> str:
    """What ``inert`` or ``harmless_markdown`` was given, but for white space; without the link of
    ``with_page``."""
    field = _PAGE.sub("", field)
    lines = (line[:-2] if line.endswith("  ") else line for line in field.split("\n"))
    return original(_ESCAPED.sub(_unescaped, "\n".join(lines)))


def _unescaped(match: re.Match[str]) -> str:
    return match.group(1) or {"&#58;//": "://", "www&#46;": "www.", "&#92;": "\\"}[match.group()]


def _prose(text: str, keep_lines: bool) -> str:
    text = _CODE_SPAN.sub(_safe_span, text)
    text = _LONG_TICKS.sub(lambda run: "".join(f"\\{tick}" for tick in run.group()), text)
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    text = _NEEDS_ESCAPING.sub(_defused, text)
    return re.sub(r"(?<=\S) *\n(?=.*\S)", "  \n", text) if keep_lines else text


def _defused(match: re.Match[str]) -> str:
    found = match.group()
    if found == "://":
        return "&#58;//"
    if found == "www.":
        return "www&#46;"
    # A backslash that came with a bracket would take the effect of ours.
    return f"{'&#92;' * (len(found) - 1)}\\{found[-1]}"


def _safe_span(match: re.Match[str]) -> str:
    """Inline code; with its backticks shown instead if its content would have to be escaped."""
    ticks, code = match.groups()
    if re.search(r"[<&\[\]]|://|www\.", code):
        escaped = "\\`" * len(ticks)
        return f"{escaped}{code}{escaped}"
    return match.group()
