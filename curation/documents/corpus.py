"""All documents and their chunks, in two parquet files that are always read as a pair."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from curation.errors import StateError
from curation.files import read_table, sync_folder, write_table
from curation.home import Home
from curation.records.chunk import CHUNK_SCHEMA, Chunk
from curation.records.document import DOCUMENT_SCHEMA, Document

_GENERATION = b"clayloop.generation"
_RECIPES = b"clayloop.recipes"
_ATTEMPTS = 20


class Corpus:
    """The documents and chunks of every ingested source, ordered by source, path and position.

    ``chunks`` holds each id once: the same text under the same path and section in two sources is one chunk (that of
    the first source). ``recipes`` says per source how its chunks were cut.
    """

    def __init__(
        self, documents: Iterable[Document], chunks: Iterable[Chunk], recipes: Mapping[str, str] | None = None
    ) -> None:
        self.documents: list[Document] = sorted(
            documents, key=lambda document: (document.source, document.path)
        )
        # Duplicates between sources are kept in the file: they come to light when the other source goes.
        self.stored_chunks: list[Chunk] = sorted(
            chunks, key=lambda chunk: (chunk.source, chunk.path, chunk.position)
        )
        self.recipes: dict[str, str] = dict(recipes or {})

    @cached_property
    def by_id(self) -> Mapping[str, Chunk]:
        """Chunks by id, in the order of ``chunks``."""
        found: dict[str, Chunk] = {}
        for chunk in self.stored_chunks:
            found.setdefault(chunk.id, chunk)
        return found

    @cached_property
    def chunks(self) -> list[Chunk]:
        return list(self.by_id.values())

    @staticmethod
    def exists(home: Home) -> bool:
        """Whether anything was ever ingested."""
        return home.documents.exists()

    @classmethod
    def load(cls, home: Home) -> Corpus:
        """Read the corpus. Raises StateError when there is none, or when its files are damaged.

        Safe beside an ingest in another process: what is returned is the state before or after it, never a mixture.
        """
        for attempt in range(_ATTEMPTS):
            if not cls.exists(home):
                raise StateError(
                    f"There are no documents in {home.root} yet.", "Run `clayloop ingest SOURCE` first."
                )
            generation, metadata = _header(home.documents)
            for path in (home.chunks, _staged(home, generation)):
                try:
                    if _header(path)[0] != generation:
                        continue
                    documents = read_table(home.documents, DOCUMENT_SCHEMA)
                    chunks = read_table(path, CHUNK_SCHEMA)
                except FileNotFoundError:
                    continue
                if _header(home.documents)[0] == generation and (
                    path != home.chunks or _is(path, generation)
                ):
                    return cls(
                        [Document.model_validate(row) for row in documents.to_pylist()],
                        [Chunk.model_validate(row) for row in chunks.to_pylist()],
                        json.loads(metadata.get(_RECIPES, b"{}")),
                    )
            time.sleep(0.01 * (attempt + 1))  # another process is saving right now
        raise StateError(
            f"{home.documents} and {home.chunks} do not belong together.",
            f"Remove {home.corpus}/*.parquet and run `clayloop ingest` again for each source.",
        )

    def save(self, home: Home) -> None:
        """Replace the corpus in ``home``, atomically: a kill at any instant leaves the old one or the new one.

        The chunks are written under a name of their own first; the rename of the documents file, which names their
        generation, is the moment when the new corpus counts. Raises StateError when the disk is full.
        """
        generation = uuid4().hex
        marks = {
            _GENERATION: generation.encode(),
            _RECIPES: json.dumps(self.recipes, sort_keys=True).encode(),
        }
        staged = _staged(home, generation)
        _finish_interrupted(home)
        try:
            write_table(staged, _table(self.stored_chunks, CHUNK_SCHEMA, marks))
            write_table(home.documents, _table(self.documents, DOCUMENT_SCHEMA, marks))
        except BaseException:
            if not (home.documents.exists() and _is(home.documents, generation)):
                staged.unlink(missing_ok=True)
            raise
        staged.replace(home.chunks)
        sync_folder(home.corpus)


def _finish_interrupted(home: Home) -> None:
    """Put the chunks of a save that was killed after it counted into their place, and drop what never counted."""
    current = _header(home.documents)[0] if home.documents.exists() else ""
    for path in home.corpus.glob(".chunks-*.parquet"):
        if current and path == _staged(home, current):
            path.replace(home.chunks)
        else:
            path.unlink(missing_ok=True)
    for path in home.corpus.glob(".*.part"):
        path.unlink(missing_ok=True)


def _staged(home: Home, generation: str) -> Path:
    return home.corpus / f".chunks-{generation}.parquet"


def _table(records: Iterable[Document | Chunk], schema: pa.Schema, marks: Mapping[bytes, bytes]) -> pa.Table:
    rows = [record.model_dump() for record in records]
    return pa.Table.from_pylist(rows, schema=schema.with_metadata(marks))


def _header(path: Path) -> tuple[str, dict[bytes, bytes]]:
    """The generation that a file belongs to, and all its marks. Raises FileNotFoundError and StateError."""
    try:
        metadata: dict[Any, Any] = pq.read_schema(path).metadata or {}
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise StateError(
            f"{path} is damaged: {error}",
            "Restore it from a backup, or remove it and run `clayloop ingest` again.",
        ) from error
    return metadata.get(_GENERATION, b"").decode(), metadata


def _is(path: Path, generation: str) -> bool:
    return _header(path)[0] == generation
