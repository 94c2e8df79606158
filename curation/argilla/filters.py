"""Metadata: what annotators filter and sort by, and what training reads back with a decision."""

from __future__ import annotations

from pathlib import PurePosixPath

from curation.argilla.api import JsonObject, storable
from curation.argilla.schemas import YES
from curation.records.chunk import Chunk
from curation.records.triplet import Triplet
from curation.suggestions.signals import code_share

Metadata = dict[str, str | int | float]

_TERM_CHARACTERS = 200  # search engines refuse very long terms


def term(text: str) -> str:
    """``text`` as a value to filter by: one line, at most 200 characters, never empty, without tags
    (Argilla shows it as HTML)."""
    line = " ".join(storable(text).split()).replace("<", "‹").replace(">", "›")
    return line[:_TERM_CHARACTERS] or "(none)"


def folder_of(path: str) -> str:
    """The folder part of a document's path; "." at the top."""
    return term(str(PurePosixPath(path).parent)) if path else "."


def chunk_metadata(chunk: Chunk) -> Metadata:
    """Everything but the similarity to other chunks. Beside the filters: the file, and its address if any."""
    return {
        "source": term(chunk.source),
        "folder": folder_of(chunk.path),
        "section": term(chunk.section[0] if chunk.section else ""),
        "path": storable(chunk.path),
        "address": storable(chunk.url),
        "tokens": chunk.tokens,
        "code_share": round(float(code_share(chunk.body)), 3),
        "current": YES,
    }


def triplet_metadata(triplet: Triplet, chunk: Chunk) -> Metadata:
    """Everything but the similarities."""
    return {
        **({"style": triplet.style} if triplet.style else {}),
        "origin": triplet.origin,
        "source": term(chunk.source),
        "folder": folder_of(chunk.path),
        "chunk_id": triplet.chunk_id,
        "model": term(triplet.model),
        "current": YES,
    }


def has_metadata(name: str, *values: str) -> JsonObject:
    """For a search: the records of which the metadata ``name`` is one of ``values``."""
    return {"type": "terms", "scope": {"entity": "metadata", "metadata_property": name}, "values": [*values]}


def with_metadata(record: JsonObject, changes: Metadata) -> JsonObject:
    """What is to be stored of a record: all of its metadata, because Argilla replaces them as a whole."""
    metadata = {**(record.get("metadata") or {}), **changes}
    return {"external_id": record["external_id"], "metadata": metadata}


def score(value: float) -> float:
    """A similarity, rounded to what a slider can show."""
    return round(float(value), 3)
