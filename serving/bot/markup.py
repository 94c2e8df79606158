"""Text from documents, users and models as Markdown that loads and runs nothing in a browser."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+!|~$&-])")
_SCHEMES = ("http", "https")
_ODD_LINK = re.compile(
    r"(\]\(\s*<?\s*)(?!https?:|#|/|\.)([A-Za-z][A-Za-z0-9+.&;-]*)(:|&colon;|&#)", re.IGNORECASE
)


def harmless(markdown: str) -> str:
    """``markdown`` without raw HTML, images and links to anything but the web; code in it stays as it is.

    The page cleans HTML again before it shows it. This shows tags as text, and keeps an answer from loading
    remote images, which would tell others who asked what.
    """
    lines: list[str] = []
    fence = ""
    for line in markdown.split("\n"):
        found = _FENCE.match(line)
        if fence:
            if found and found.group(1).startswith(fence) and line.strip() == found.group(1):
                fence = ""
            lines.append(line)
        elif found and "`" not in line[found.end() :]:
            fence = found.group(1)
            # The info string becomes a class name; let nothing else through.
            lines.append(line[: found.end()] + re.sub(r"[^A-Za-z0-9_+.-]", "", line[found.end() :]))
        else:
            lines.append(_harmless_line(line))
    return "\n".join(lines)


def _harmless_line(line: str) -> str:
    pieces: list[str] = []
    start = 0
    for code in re.finditer(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", line):
        pieces += [_harmless_text(line[start : code.start()]), code.group(0)]
        start = code.end()
    pieces.append(_harmless_text(line[start:]))
    return "".join(pieces)


def _harmless_text(text: str) -> str:
    text = re.sub(r"!+(?=\[)", "", text)
    text = _ODD_LINK.sub(r"\1#", text)
    return text.replace("<", "&lt;")


def plain(text: str) -> str:
    """``text`` on one line with everything that Markdown or HTML would act upon escaped."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split())).replace("\\<", "&lt;").replace("\\&", "&amp;")


def link(label: str, url: str, otherwise: str) -> str:
    """A Markdown link when ``url`` is http(s); else the label and, as code, ``otherwise`` (a path)."""
    address = web_address(url)
    if address:
        return f"[{plain(label)}]({address})"
    shown = " ".join(otherwise.replace("`", "'").split())
    return f"{plain(label)} (`{shown}`)" if shown else plain(label)


def web_address(url: str) -> str:
    """``url`` quoted for Markdown when it is http or https with a host, else an empty string."""
    try:
        parts = urlsplit(url.strip())
        is_web = parts.scheme.lower() in _SCHEMES and bool(parts.hostname)
    except ValueError:
        return ""
    return quote(url.strip(), safe=":/?#@!$&'*+,;=%~[]") if is_web else ""


def closed(markdown: str) -> str:
    """``markdown`` with an open code fence closed, so that what comes after it is not shown as code."""
    fence = ""
    for line in markdown.split("\n"):
        stripped = line.strip()
        mark = stripped[:3]
        if fence:
            if mark == fence and not stripped.strip(mark[0]):
                fence = ""
        elif mark in ("```", "~~~"):
            fence = mark
    return f"{markdown}\n{fence}" if fence else markdown
