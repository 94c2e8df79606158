"""Release notes: what changed, version by version. They name every feature and explain none."""

from __future__ import annotations

import re
from collections.abc import Sequence

from curation.records.chunk import Chunk

VERSION = re.compile(r"\bv?\d+(?:\.\d+)+\w*\b|\b(?:19|20)\d\d[-/]\d\d(?:[-/]\d\d)?\b")
_TITLE = re.compile(
    r"\b(?:release (?:notes|history)|releases|changelog|change log|what[’']s new|news|version "
    r"history|roadmap)\b",
    re.IGNORECASE,
)
_PATH = re.compile(
    r"(?:^|/)(?:news|releases?|changelogs?|changes|history|what.?s[-_]?new|release[-_]notes)\b",
    re.IGNORECASE,
)


def is_release_note(path: str, section: Sequence[str]) -> bool:
    """Whether a page's path or a section's headings may say that it lists what changed."""
    if _PATH.search(path):
        return True
    return any(_TITLE.search(part) for part in section) or any(VERSION.search(part) for part in section[:2])


def is_surely_release_note(chunk: Chunk) -> bool:
    """Whether a chunk's page says so in its path or title, and a heading names a version: "Installing on
    Ubuntu 22.04" is none, nor is a page about the history of a browser."""
    if not (_PATH.search(chunk.path) or any(_TITLE.search(part) for part in chunk.section[:1])):
        return False
    return any(
        VERSION.search(part)
        for section in (chunk.section, *(below for below, _ in chunk.merged))
        for part in section
    )
