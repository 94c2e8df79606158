"""Dialects of Markdown by name: each is a plug-in of markdown-it, all are on for every page.

Another package adds one with an entry point in the group ``clayloop.markdown``: a function that takes the
``MarkdownIt`` and adds rules to it, which push the tokens that ``context.py`` names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from traceback import extract_tb, walk_tb

from markdown_it import MarkdownIt

from curation.documents.markup.markdown.dialects import (
    containers,
    extra,
    mdx,
    mkdocs,
    myst,
    pymdownx,
    shortcodes,
    snippets,
    wiki,
)
from curation.errors import SettingsError, first_line
from curation.records.identity import content_id

Dialect = Callable[[MarkdownIt], None]
GROUP = "clayloop.markdown"
# A line that two dialects could take is the first one's.
OURS: Mapping[str, Dialect] = {
    "extra": extra.dialect,
    "wiki": wiki.dialect,
    "snippets": snippets.dialect,
    "mdx": mdx.dialect,
    "shortcodes": shortcodes.dialect,
    "containers": containers.dialect,
    "mkdocs": mkdocs.dialect,
    "myst": myst.dialect,
    "pymdownx": pymdownx.dialect,
}


def add_dialects(md: MarkdownIt) -> None:
    """Ours, then those of other packages by name. Raises SettingsError for one that cannot be loaded."""
    for dialect in OURS.values():
        dialect(md)
    for point in _added():
        try:
            point.load()(md)
        except Exception as error:  # whatever somebody's package raises
            raise _failed(point, "cannot be loaded", error) from error


def added_dialects() -> list[str]:
    """The dialects of other packages, with what they are: with others, pages may read differently."""
    return [f"{point.name}={point.value} {_edition(point)}" for point in _added()]


def blame_added(error: Exception, path: str) -> None:
    """Raise SettingsError where ``error`` comes from a rule that another package added."""
    names = {point.module.partition(".")[0]: point for point in _added()}
    for frame, _ in walk_tb(error.__traceback__):
        point = names.get(str(frame.f_globals.get("__name__", "")).partition(".")[0])
        if point:
            raise _failed(point, f"fails on {path}", error) from error


def _added() -> list[EntryPoint]:
    return sorted(entry_points(group=GROUP), key=lambda one: one.name)


def _edition(point: EntryPoint) -> str:
    """Its package's version and the hash of its file."""
    try:
        spec = find_spec(point.module)
        code = Path(spec.origin).read_text(encoding="utf-8") if spec and spec.origin else ""
    except (ImportError, OSError, ValueError):
        code = ""
    return content_id("dialect", point.dist.version if point.dist else "", code)


def _failed(point: EntryPoint, what: str, error: Exception) -> SettingsError:
    *_, last = extract_tb(error.__traceback__)
    return SettingsError(
        f"The Markdown dialect {point.name} ({point.value}) {what}: {type(error).__name__}: "
        f"{first_line(error)} ({last.filename}:{last.lineno})",
        f"Correct or uninstall the package that names it in its entry points ({GROUP}).",
    )
