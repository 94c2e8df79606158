"""Release notes among what was found. They name every feature and explain none, so whoever doesn't ask about
releases is shown other pages first. Measured: docs/measurements/2026-11-release-notes.md."""

from __future__ import annotations

import re
from collections.abc import Sequence

from curation import is_surely_release_note
from serving.retrieval.index import Hit

LOOKED_AT = 50  # so many chunks are looked at where release notes are among the first
_LOSS = 0.15  # what a release note loses of its score
_ABOUT_RELEASES = re.compile(
    r"\b(?:versions?|releases?|released|change ?logs?|what changed|changed in|what['’]?s new|what is new|"
    r"new in|deprecat\w+|removed|upgrad\w+|updat(?:ed|ing)|migrat\w+|breaking)\b|\d\.\d",
    re.IGNORECASE,
)


def asks_about_releases(question: str) -> bool:
    """Whether a question may be about what changed: it names a version, or says so."""
    return bool(_ABOUT_RELEASES.search(question))


def has_release_notes(hits: Sequence[Hit]) -> bool:
    return any(map(_is_one, hits))


def release_notes_later(hits: Sequence[Hit]) -> list[Hit]:
    """``hits`` in the order of their scores, after release notes have lost some of theirs."""
    lowered = [hit.model_copy(update={"score": hit.score - _LOSS}) if _is_one(hit) else hit for hit in hits]
    return sorted(lowered, key=lambda hit: -hit.score)


def _is_one(hit: Hit) -> bool:
    """Whether a hit is a release note to which no accepted question led."""
    return hit.asked is None and is_surely_release_note(hit.chunk)
