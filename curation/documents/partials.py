"""Files that are no pages of their own: other pages show them, or the project's tool leaves them out."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache

from curation.documents.markup.page import Files, NotIncludedError, Page
from curation.documents.sites import assigned

# Where conf.py and mkdocs.yml stand, seen from the root of the source.
_PLACES = ("", "docs/", "doc/", "docs/source/", "doc/source/", "source/")
_PAGE_IN_NAVIGATION = re.compile(r"[\w./-]+\.md\b")


def not_pages(pages: Sequence[Page], files: Files) -> dict[str, str]:
    """Path → why it is no page of its own.

    Sphinx: a file that ``exclude_patterns`` names. Docusaurus and Quarto: an ``.mdx`` or ``.qmd`` file
    whose name (or folder's) begins with ``_``. For all: a file that another page includes as a whole (a part
    will do where its name begins with ``_``), unless a table of contents or MkDocs' navigation names it. Its
    text then stands where readers find it; what includes it is itself a page.
    """
    found = dict(_excluded([page.path for page in pages], files))
    listed, includers = _Listed(pages, files), defaultdict[str, list[Page]](list)
    for page in pages:
        for part in page.parts:
            includers[part].append(page)
    for path in sorted(page.path for page in pages):
        if path in found or path in listed:
            continue
        hidden = any(name.startswith("_") for name in path.split("/"))
        shown_in = [
            other.path
            for other in includers[path]
            if other.path not in {path, *found} and (hidden or other.parts[path])
        ]
        if shown_in:
            found[path] = f"a part of {shown_in[0]}, which includes it"
        elif hidden and path.endswith((".mdx", ".qmd")):
            found[path] = "a part of other pages, as its name says (_)"
    return found


class _Listed:
    """The pages that a table of contents names."""

    def __init__(self, pages: Iterable[Page], files: Files) -> None:
        names = {name for page in pages for name in page.listed}
        navigation = _first(files, ["mkdocs.yml"])
        names |= set(_PAGE_IN_NAVIGATION.findall(navigation[1] if navigation else ""))
        self._plain = {_bare(name) for name in names if not {"*", "?"} & set(name)}
        self._patterns = [_pattern(_bare(name)) for name in names if {"*", "?"} & set(name)]

    def __contains__(self, path: str) -> bool:
        """Names count from the root of the documentation, which may lie below that of the source."""
        parts = _bare(path).split("/")
        ends = ["/".join(parts[start:]) for start in range(len(parts))]
        return any(end in self._plain for end in ends) or any(
            pattern.fullmatch(end) for pattern in self._patterns for end in ends
        )


def _bare(name: str) -> str:
    """Without the suffix of a page, and without a slash in front."""
    return re.sub(r"\.(?:rst|md|mdx|qmd|markdown|txt|ipynb)$", "", name.lstrip("/"))


def _excluded(paths: Sequence[str], files: Files) -> Iterator[tuple[str, str]]:
    """What Sphinx's ``exclude_patterns`` name, where conf.py says it literally; nothing of it is run."""
    found = _first(files, [f"{place}conf.py" for place in _PLACES])
    if not found:
        return
    conf, text = found
    root = posixpath.dirname(conf)
    named = assigned(text, "exclude_patterns")
    patterns = [_pattern(one) for one in named if isinstance(one, str)] if isinstance(named, list) else []
    for path in paths:
        if root and not path.startswith(f"{root}/"):
            continue
        parts = path[len(root) :].strip("/").split("/")
        names = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
        if any(pattern.fullmatch(name) for pattern in patterns for name in names):
            yield path, f"left out by exclude_patterns in {conf}"


@cache
def _pattern(text: str) -> re.Pattern[str]:
    """Sphinx's way: ``**`` crosses slashes, ``*`` and ``?`` do not."""
    marks: Mapping[str, str] = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*\*|\*|\?)", text.strip("/"))
    return re.compile("".join(marks.get(part, re.escape(part)) for part in parts))


def _first(files: Files, paths: Iterable[str]) -> tuple[str, str] | None:
    for path in paths:
        try:
            return path, files.text(path)
        except NotIncludedError:
            continue
    return None
