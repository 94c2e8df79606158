"""All documents, their chunks and the former chunks, in parquet files that are always read as one set."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from uuid import uuid4

import pyarrow as pa

from curation.errors import StateError
from curation.files import read_table, sync_folder, write_table
from curation.home import Home
from curation.records.chunk import CHUNK_SCHEMA, FORMER_CHUNK_SCHEMA, Chunk, FormerChunk, chunks_in
from curation.records.document import DOCUMENT_SCHEMA, Document

_GENERATION = b"clayloop.generation"
_RECIPES = b"clayloop.recipes"
_FORMER = b"clayloop.former"  # how many former chunks there are
_ATTEMPTS = 20


class Corpus:
    """The documents and chunks of every ingested source, ordered by source, path and position.

    ``chunks`` holds each id once: the same text under the same path and section in two sources is one chunk
    (that of the first source). ``recipes`` says for each source how its chunks were cut. ``former`` holds, by
    id, every chunk that an ingest or a drop took out and that is not back (see curation.documents.edits).
    """

    def __init__(
        self,
        documents: Iterable[Document],
        chunks: Iterable[Chunk],
        recipes: Mapping[str, str] | None = None,
        former: Mapping[str, FormerChunk] | None = None,
    ) -> None:
        self.documents: list[Document] = sorted(
            documents, key=lambda document: (document.source, document.path)
        )
        # Duplicates between sources stay in the file: when one source goes, the other still has the chunk.
        self.stored_chunks: list[Chunk] = sorted(
            chunks, key=lambda chunk: (chunk.source, chunk.path, chunk.position)
        )
        self.recipes: dict[str, str] = dict(recipes or {})
        self.former: dict[str, FormerChunk] = dict(sorted((former or {}).items()))

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

    def today(self, chunk_id: str) -> str:
        """The id of the chunk that is in its place today: its own, or "" where there is none."""
        if chunk_id in self.by_id:
            return chunk_id
        return self.former[chunk_id].replaced_by if chunk_id in self.former else ""

    def holds_the_same(self, other: Corpus) -> bool:
        """Whether ``other`` has the same documents and chunks, cut in the same way."""
        return (self.documents, self.stored_chunks, self.recipes) == (
            other.documents,
            other.stored_chunks,
            other.recipes,
        )

    @staticmethod
    def exists(home: Home) -> bool:
        """Whether anything was ever ingested."""
        return home.documents.exists()

    @classmethod
    def load(cls, home: Home) -> Corpus:
        """Read the corpus. Raises StateError when there is none, or when its files are damaged.

        Safe beside an ingest in another process: what is returned is the state before or after it, never a
        mixture.
        """
        for attempt in range(_ATTEMPTS):
            try:
                documents = read_table(home.documents, DOCUMENT_SCHEMA)
                marks = documents.schema.metadata or {}
                chunks = _read(home.chunks, CHUNK_SCHEMA, marks)
                former = (
                    _read(home.former_chunks, FORMER_CHUNK_SCHEMA, marks)
                    if _FORMER in marks
                    else FORMER_CHUNK_SCHEMA.empty_table()
                )
            except FileNotFoundError as error:
                raise StateError(
                    f"There are no documents in {home.root} yet.", "Run `clayloop ingest SOURCE` first."
                ) from error
            except StateError as error:
                raise StateError(error.message, _again(home)) from error
            if chunks is not None and former is not None:
                return cls(
                    [Document.model_validate(row) for row in documents.to_pylist()],
                    chunks_in(chunks),
                    json.loads(marks.get(_RECIPES, b"{}")),
                    _former_chunks(former),
                )
            time.sleep(0.01 * (attempt + 1))  # another process is saving right now
        told = f"{home.documents} and the files of chunks beside it do not belong together."
        raise StateError(told, _again(home))

    def save(self, home: Home) -> None:
        """Replace the corpus in ``home``, atomically: a kill at any instant leaves the old one or the new
        one.

        The chunks are written under names of their own first. The new corpus counts from the rename of the
        documents file on, which names their generation. Raises StateError when the disk is full.
        """
        generation = uuid4().hex
        marks = {
            _GENERATION: generation.encode(),
            _RECIPES: json.dumps(self.recipes, sort_keys=True).encode(),
        }
        tables = {home.chunks: _table(self.stored_chunks, CHUNK_SCHEMA, marks)}
        if self.former:
            marks[_FORMER] = str(len(self.former)).encode()
            tables[home.former_chunks] = _table(self.former.values(), FORMER_CHUNK_SCHEMA, marks)
        _finish_interrupted(home)
        try:
            for path, table in tables.items():
                write_table(_staged(path, generation), table)
            write_table(home.documents, _table(self.documents, DOCUMENT_SCHEMA, marks))
        except BaseException:
            if _generation_in(home) != generation:
                for path in tables:
                    _staged(path, generation).unlink(missing_ok=True)
            raise
        for path in tables:
            _staged(path, generation).replace(path)
        if not self.former:
            home.former_chunks.unlink(missing_ok=True)
        sync_folder(home.corpus)


def _finish_interrupted(home: Home) -> None:
    """After a kill: move the files of a save that already counts into place, and remove those that do not."""
    current = _generation_in(home)
    for path in (home.chunks, home.former_chunks):
        for staged in home.corpus.glob(f".{path.stem}-*.parquet"):
            if current and staged == _staged(path, current):
                staged.replace(path)
            else:
                staged.unlink(missing_ok=True)
    for part in home.corpus.glob(".*.part"):
        part.unlink(missing_ok=True)


def _staged(path: Path, generation: str) -> Path:
    return path.with_name(f".{path.stem}-{generation}.parquet")


def _again(home: Home) -> str:
    """What helps against damage. The triplets stay: the next push would remove those that are not there."""
    return f"Restore it, or remove {home.documents} and run `clayloop ingest` again for each source."


def _read(path: Path, schema: pa.Schema, marks: Mapping[bytes, bytes]) -> pa.Table | None:
    """The rows that belong to the documents with these ``marks``; None when they are in neither place."""
    generation = marks.get(_GENERATION, b"")
    for place in (path, _staged(path, generation.decode())):
        try:
            table = read_table(place, schema)
        except FileNotFoundError:
            continue
        if (table.schema.metadata or {}).get(_GENERATION, b"") == generation:
            return table
    return None


def _former_chunks(table: pa.Table) -> dict[str, FormerChunk]:
    replaced_by = table["replaced_by"].to_pylist()
    return {
        chunk.id: FormerChunk(replaced_by=one, chunk=chunk)
        for chunk, one in zip(chunks_in(table), replaced_by, strict=True)
    }


def _table(
    records: Iterable[Document | Chunk | FormerChunk], schema: pa.Schema, marks: Mapping[bytes, bytes]
) -> pa.Table:
    rows = [
        {**record.chunk.model_dump(), "replaced_by": record.replaced_by}
        if isinstance(record, FormerChunk)
        else record.model_dump()
        for record in records
    ]
    return pa.Table.from_pylist(rows, schema=schema.with_metadata(marks))


def _generation_in(home: Home) -> str:
    """The generation of the corpus that counts now; "" when there is none."""
    try:
        metadata = read_table(home.documents, DOCUMENT_SCHEMA).schema.metadata or {}
    except FileNotFoundError:
        return ""
    return str(metadata.get(_GENERATION, b"").decode())
