"""What an ingest did, and what it met on the way that a reader of the documentation would miss."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from curation.documents.markup.page import Notice
from curation.documents.sources.files import Skipped
from curation.files import read_record
from curation.home import Home


class SourceCount(BaseModel):
    """How many files of a source became documents, how many were passed over, and where its pages can be
    opened."""

    source: str
    documents: int
    passed_over: int
    pages: str


class Met(BaseModel):
    """A kind of markup: how often it was met, and where first (path and line)."""

    model_config = ConfigDict(frozen=True)

    name: str
    times: int
    first: str


class NotIncluded(BaseModel):
    """A file that a page wanted to include, where (path and line), and why it is not there."""

    model_config = ConfigDict(frozen=True)

    target: str
    where: str
    reason: str


class IngestReport(BaseModel):
    """What an ingest did. Chunks are compared by id, within the sources that were ingested.

    ``documents`` and ``chunks`` count those sources; ``total_documents`` and ``total_chunks`` the whole
    corpus. ``sources`` carry their versions (``pypi:scrapy==2.11.0``). ``unknown`` is markup that no reader
    knows (its text is kept), ``left_out`` what was dropped on purpose, as tables of contents are.
    """

    sources: list[str]
    documents: int
    chunks: int
    added: int
    removed: int
    unchanged: int
    read: list[SourceCount]
    remarks: list[str]
    skipped: list[Skipped]
    unknown: list[Met]
    left_out: list[Met]
    not_included: list[NotIncluded]
    total_documents: int
    total_chunks: int


def read_ingest_report(home: Home) -> IngestReport | None:
    """What the last ingest did; None where there was none. Raises StateError for a damaged file."""
    path = home.ingest_report
    return read_record(path, IngestReport) if path.exists() else None


def counted(notices: Iterable[tuple[str, Notice]]) -> list[Met]:
    """Notices (each with the path of its page) by name, the most frequent first."""
    met: dict[str, Met] = {}
    for path, notice in notices:
        before = met.get(notice.name)
        times = before.times if before else 0
        first = before.first if before else f"{path}:{notice.line}"
        met[notice.name] = Met(name=notice.name, times=times + 1, first=first)
    return sorted(met.values(), key=lambda one: (-one.times, one.name))


def not_included(notices: Iterable[tuple[str, Notice]]) -> list[NotIncluded]:
    return [
        NotIncluded(target=notice.name, where=f"{path}:{notice.line}", reason=notice.reason)
        for path, notice in notices
    ]
