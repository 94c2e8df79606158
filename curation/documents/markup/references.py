"""Cross-references without words of their own: a reader sees the title of what they lead to.

Titles are known when all pages of a source are read. Until then a mark stands in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from urllib.parse import unquote

from docutils import nodes

from curation.documents.anchors import github_slug
from curation.documents.markup.blocks import ParsedDocument
from curation.documents.markup.page import places

PAGE, LABEL = "page", "label"
_MARK = re.compile("\ue004(page|label):([^\ue004\ue005]*)\ue005")
_SUFFIX = re.compile(r"\.(?:rst|mdx?|[qr]md|markdown|txt|ipynb|html?)$", re.IGNORECASE)
_SAYS_NOTHING = re.compile(r"(?:^|[\s_-])\d+$|^(?:index|readme)$", re.IGNORECASE)
_IDENTIFIER = re.compile(r"\w+(?:\.\w+)+")
_OF_SPHINX = {"genindex": "Index", "modindex": "Module Index", "search": "Search Page"}


def mark(kind: str, target: str) -> str:
    """What stands for the title of ``target`` until titles are known: a path (``guide/a.md#anchor``) for
    PAGE, a name for LABEL."""
    return f"\ue004{kind}:{target}\ue005"


def titles_in(document: ParsedDocument) -> dict[str, str]:
    """What pages may call the parts of this one: "" is its title; labels and ``#anchors`` those of
    sections."""
    titles = {"": _readable(document.title)}
    for section in document.sections:
        if section.level and section.path:
            title = _readable(section.path[-1])
            for name in (*map(nodes.make_id, section.labels), f"#{section.given or github_slug(title)}"):
                titles.setdefault(name, title)
    return titles


def marks_in(document: ParsedDocument) -> list[str]:
    """The marks that stand in a page, each once."""
    found = (_MARK.finditer(text) for text in _texts(document) if "\ue004" in text)
    return list(dict.fromkeys(one[0] for several in found for one in several))


class Titles:
    """The titles in the pages of a source: ``pages`` has what ``titles_in`` said, by their paths."""

    def __init__(self, pages: Mapping[str, Mapping[str, str]]) -> None:
        self._pages = {_SUFFIX.sub("", path): titles for path, titles in pages.items()}
        self._labels = {
            name: title
            for titles in pages.values()
            for name, title in titles.items()
            if name and not name.startswith("#")
        }

    def of(self, marks: Iterable[str], path: str) -> dict[str, str]:
        """What a reader of the page under ``path`` sees for each mark."""
        return {one: self._title(*_parts(one), path) for one in marks}

    def _title(self, kind: str, target: str, path: str) -> str:
        page, _, anchor = ("", "", target) if kind == LABEL else target.partition("#")
        if not page:
            own, name = self._pages.get(_SUFFIX.sub("", path), {}), nodes.make_id(anchor)
            title = own.get(name) or own.get(f"#{anchor}") or self._labels.get(name)
            return title or _OF_SPHINX.get(anchor) or _words(target)
        for place in places(unquote(page), path):
            bare = _SUFFIX.sub("", place)
            for name in (bare, f"{bare}/index", f"{bare}/README"):
                titles = self._pages.get(name, {})
                title = titles.get(f"#{anchor}" if anchor else "") or titles.get(nodes.make_id(anchor))
                if title:
                    return title
        return _words(target)


def with_titles(document: ParsedDocument, titles: Mapping[str, str]) -> ParsedDocument:
    """The page with ``titles`` in the places of their marks."""
    if not titles:
        return document
    sections = [
        replace(
            section,
            path=tuple(_filled(one, titles) for one in section.path),
            blocks=[
                replace(block, text=_filled(block.text, titles), head=_filled(block.head, titles))
                for block in section.blocks
            ],
        )
        for section in document.sections
    ]
    return ParsedDocument(_filled(document.title, titles), sections)


def _filled(text: str, titles: Mapping[str, str]) -> str:
    return _MARK.sub(lambda found: titles.get(found[0], ""), text) if "\ue004" in text else text


def _parts(one: str) -> tuple[str, str]:
    kind, _, target = one[1:-1].partition(":")
    return kind, target


def page_name(path: str) -> str:
    """What a page that has no title is called: its file, or the folder of an index. A number ("faq-014"),
    "index" and "README" are no names: above a short text they would only be noise in its vector."""
    name = _words(path)
    return "" if _SAYS_NOTHING.search(name) else name


def _readable(title: str) -> str:
    return _MARK.sub(lambda found: _words(found[2]), title)


def _words(target: str) -> str:
    """A target that is not in the source, as words: the last part of its path or name."""
    page, _, anchor = target.partition("#")
    names = [name for name in (anchor or page).rstrip("/").split("/") if name not in {"", ".", ".."}]
    if not anchor and len(names) > 1 and _SUFFIX.sub("", names[-1]).lower() in {"index", "readme"}:
        names.pop()
    name = _SUFFIX.sub("", names[-1]) if names else ""
    return name if _IDENTIFIER.fullmatch(name) else re.sub(r"[-_:]+", " ", name).strip()


def _texts(document: ParsedDocument) -> Iterator[str]:
    yield document.title
    for section in document.sections:
        yield from section.path
        for block in section.blocks:
            yield block.text
