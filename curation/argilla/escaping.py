"""Text from documents, users and language models, so that Argilla's pages show it and do not run it.

Argilla 2.8 renders every text field as HTML, those without markdown too (it assigns them to ``innerHTML``). A
chunk with ``<img onerror=…>`` in it would run in the annotator's session, and a message could load a picture
from elsewhere. So plain fields are escaped (``inert``) and read back as they were (``original``). In markdown
fields, what people wrote is shown literally (``literal``), and answers keep the harmless part of their
markdown: paragraphs, lists, emphasis, code (``harmless``).
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt

from curation.argilla.api import storable

_ACTIVE = re.compile(r"([\\`*_{}\[\]()#+\-.!|~>:=$^@/])")
_OPENS_A_BLOCK = re.compile(r"[#>+=:-]|\d+[.)]")
_LIKE_AN_ADDRESS = re.compile(r"(?<=[A-Za-z])://|\bwww\.")
_ACTIVE_IN_LINE = re.compile(r"[\\`*_\[\]!|~$^@]")
_WEB_ADDRESS = re.compile(r"https?://[^\s()<>\[\]\"'`\\]+")
_CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_LONG_TICKS = re.compile(r"`{3,}|~{3,}")
_NEEDS_ESCAPING = re.compile(r"[\[\]]|(?<=[A-Za-z])://|\bwww\.")
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


def harmless(text: str) -> str:
    """An answer as Markdown with HTML, images and links shown as text. Code, lists and emphasis still work.

    A CommonMark parser finds the fenced code, which goes back in at the left margin, where all parsers agree
    about what is inside it.
    """
    lines = storable(text).expandtabs(4).splitlines()
    parts: list[str] = []
    done = 0
    for token in _PARSER.parse("\n".join(lines)):
        if token.type != "fence" or token.level != 0 or token.map is None:
            continue
        first, last = token.map
        parts.append(_prose("\n".join(lines[done:first])))
        parts.append(fenced(token.content, token.info))
        done = last
    parts.append(_prose("\n".join(lines[done:])))
    return "\n\n".join(part for part in parts if part.strip())


def fenced(code: str, language: str = "") -> str:
    """A code block that its content cannot close."""
    longest = max((len(run) for run in re.findall(r"`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    language = re.sub(r"[^\w+-]", "", language.split()[0]) if language.split() else ""
    return f"{fence}{language}\n{code.rstrip()}\n{fence}"


def _prose(text: str) -> str:
    text = _CODE_SPAN.sub(_safe_span, text)
    text = _LONG_TICKS.sub(lambda run: "".join(f"\\{tick}" for tick in run.group()), text)
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    return _NEEDS_ESCAPING.sub(_defused, text)


def _defused(match: re.Match[str]) -> str:
    found = match.group()
    if found == "://":
        return "&#58;//"
    return "www&#46;" if found == "www." else f"\\{found}"


def _safe_span(match: re.Match[str]) -> str:
    """Inline code; with its backticks shown instead if its content would have to be escaped."""
    ticks, code = match.groups()
    if re.search(r"[<&\[\]]|://|www\.", code):
        escaped = "\\`" * len(ticks)
        return f"{escaped}{code}{escaped}"
    return match.group()
