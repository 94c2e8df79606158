"""PDF: its pages as text, under the bookmarks that lead to them.

Between the bytes and the sections stands a text that can be stored: for each part of a page a form feed, a
line of JSON (the page's number and the headings above), and its lines.
"""

from __future__ import annotations

import io
import json
import logging
import re
import time
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING
from unicodedata import normalize

from curation.documents.markup.blocks import (
    Block,
    Outline,
    ParsedDocument,
    dedent,
    heading_text,
    normalise,
    one_line,
)

if TYPE_CHECKING:
    from pypdf import PdfReader

_MOST_PAGES = 5_000
_MOST_SECONDS = 120.0
_LIGATURES = {code: normalize("NFKC", chr(code)) for code in range(0xFB00, 0xFB07)}  # ff fi fl ffi ffl st
_HYPHENATED = re.compile(r"(?<![^\W\d_])([^\W\d_]{2,})-\n([^\W\d_]{2,})(\S*)[ \n]?")
_FEW_PAGES = 4  # no line is taken for a running head below that; on left or right pages below its double


def pdf_text(data: bytes) -> str:
    """The text of a PDF. Raises ValueError with the reason why it can't be read."""
    try:
        from pypdf import PdfReader
    except ImportError as error:
        raise ValueError("PDF, which is read once `pip install 'clayloop[pdf]'` is done") from error

    logging.getLogger("pypdf").setLevel(logging.ERROR)
    end = time.monotonic() + _MOST_SECONDS
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise ValueError("a PDF that needs a password")
        if len(reader.pages) > _MOST_PAGES:
            raise ValueError(f"a PDF of more than {_MOST_PAGES:,} pages")
        pages: list[list[str]] = []
        for page in reader.pages:
            if time.monotonic() > end:
                raise ValueError(f"a PDF that takes longer than {_MOST_SECONDS:.0f} s to read")
            pages.append(normalise(page.extract_text()).translate(_LIGATURES).split("\n"))
        bookmarks = _bookmarks(reader)
        title = one_line(str((reader.metadata and reader.metadata.title) or ""))
    except ValueError as error:
        known = str(error).startswith("a PDF")
        raise error if known else ValueError(f"a damaged PDF: {type(error).__name__}") from error
    except Exception as error:  # pypdf raises whatever a damaged file makes it stumble over
        raise ValueError(f"a damaged PDF: {type(error).__name__}") from error
    if not any(line.strip() for lines in pages for line in lines):
        raise ValueError("a PDF without text: its pages are pictures")
    return _joined(title + "".join(_parts(_without_running_heads(pages), bookmarks)))


def _joined(text: str) -> str:
    """The text with its words whole: those cut at the end of a line that also stand in one piece."""
    words = set(re.findall(r"[^\W\d_]+", text.casefold()))

    def join(found: re.Match[str]) -> str:
        whole = found[1] + found[2]
        return f"{whole}{found[3]}\n" if whole.casefold() in words else found[0]

    return _HYPHENATED.sub(join, text)


def parse_pdf(text: str) -> ParsedDocument:
    """Read what ``pdf_text`` wrote. Each page is a section of its own, and its number its anchor."""
    title, *parts = text.split("\f")
    outline, line = Outline(), 1 + title.count("\n")
    for part in parts:
        head, _, body = part.partition("\n")
        try:
            number, path = json.loads(head)
            names = [str(name) for name in path]
        except (ValueError, TypeError):
            number, names, body = 0, [], part
        for level, name in enumerate([*names, f"Page {number}"], 1):
            outline.heading(level, name, line, f"page={number}")
        for paragraph in re.split(r"\n[ \t]*\n", normalise(body)):
            lines = dedent(paragraph.split("\n"))
            outline.add(Block("prose", "\n".join(lines), line + 1))
        line += part.count("\n")
    parsed = outline.finish(heading_text(normalise(title)))
    # headings are opened anew on each page: those without text of their own say nothing
    parsed.sections = [section for section in parsed.sections if section.blocks]
    return parsed


def _bookmarks(reader: PdfReader) -> dict[int, list[tuple[int, str]]]:
    """By page, from 0: the level and the title of each bookmark."""
    found: dict[int, list[tuple[int, str]]] = {}
    waiting: list[tuple[object, int]] = [(entry, 1) for entry in reversed(reader.outline)]
    while waiting:
        entry, level = waiting.pop()
        if isinstance(entry, list):
            waiting += [(inner, level + (not isinstance(inner, list))) for inner in reversed(entry)]
            continue
        number = reader.get_destination_page_number(entry)  # type: ignore[arg-type]
        title = heading_text(normalise(str(getattr(entry, "title", "") or "")))
        if number is not None and title:
            found.setdefault(number, []).append((level, title))
    return found


def _parts(pages: list[list[str]], bookmarks: dict[int, list[tuple[int, str]]]) -> Iterator[str]:
    """A part for each page, and for each bookmark whose title stands on a line of its page."""
    path: list[tuple[int, str]] = []
    for number, lines in enumerate(pages):
        left = list(lines)
        for level, title in bookmarks.get(number, []):
            at = next((row for row, line in enumerate(left) if one_line(line).endswith(title)), 0)
            yield _part(number, path, left[:at])
            left = left[at + bool(left and one_line(left[at]).endswith(title)) :]
            path = [*(open_ for open_ in path if open_[0] < level), (level, title)]
        yield _part(number, path, left)


def _part(number: int, path: list[tuple[int, str]], lines: list[str]) -> str:
    if not any(line.strip() for line in lines):
        return ""
    head = json.dumps([number + 1, [name for _, name in path]], ensure_ascii=False)
    return "\f" + head + "\n" + "\n".join(lines).strip("\n") + "\n"


def _without_running_heads(pages: list[list[str]]) -> list[list[str]]:
    """The pages without first and last lines that stand on most of them, or on most left or right ones,
    whatever their numbers."""
    pages = [dedent(lines) for lines in pages]
    for edge in (0, -1):
        whole = _drop_running(pages, edge, len(pages), _FEW_PAGES)
        for side in (whole[::2], whole[1::2]):
            _drop_running([lines for lines in side if lines], edge, len(side), 2 * _FEW_PAGES)
    return pages


def _drop_running(pages: list[list[str]], edge: int, number: int, fewest: int) -> list[list[str]]:
    """Drop the lines at an ``edge`` that stand on most of ``number`` pages, if those are not too few. Each
    page then, empty where it lost one."""
    seen = Counter(_any_number(lines[edge]) for lines in pages if lines)
    running = {line for line, times in seen.items() if times > number // 2 and number >= fewest}
    left = []
    for lines in pages:
        is_running = bool(lines) and _any_number(lines[edge]) in running
        if is_running:
            del lines[edge]
        left.append([] if is_running else lines)
    return left


def _any_number(line: str) -> str:
    return re.sub(r"\d+", "0", one_line(line))
