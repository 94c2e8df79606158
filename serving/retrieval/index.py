"""The index of one release: its chunks, their pieces and accepted questions, each with its vector, as LanceDB
tables, written once and never changed. A small one lies beside them as plain Arrow files, too: those are in
memory at once, and a bot need not load LanceDB to answer."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from curation import CHUNK_SCHEMA, Chunk, ReleaseError, chunks_in
from serving.retrieval.curated import CURATED, only_documents
from serving.retrieval.space import WEIGHT, Leads, QuestionLeads, Rows, SearchSpace, nearness
from serving.retrieval.vectors import Vectors, spread

TABLE, PIECES, QUESTIONS = "chunks", "pieces", "questions"
# Up to so many vectors an index is searched in memory, which takes a millisecond or a few. Beyond that,
# LanceDB finds what lies near: a table of so many rows that it pays is cut into parts of like vectors (as
# 8-bit numbers), and a question looks into the nearest parts. Making a graph (HNSW) takes many times as long.
RESIDENT = 150_000
ANN_FROM = 50_000
_PARTS, _PART_ROWS, _LOOKED_INTO = 1_000, 1_000, 50
_PLAIN = "resident"  # the folder of the Arrow files
_BATCH = 8_192  # rows that are written at once
_WIDER = 10  # candidates for each hit that is wanted, where not every chunk is compared
_QUESTION_COLUMNS = ("text", "dataset", "record_id")


class IndexedQuestion(BaseModel):
    """An accepted question that leads to the chunk ``chunk_id``: ``text``, and its record in Argilla."""

    model_config = ConfigDict(frozen=True)

    text: str
    chunk_id: str
    dataset: str
    record_id: str


class Hit(BaseModel):
    """A chunk that was found.

    ``score`` is how like the question it is: the mean of its cosine and that of its best piece, and more
    where an accepted question, ``asked``, raised it. ``near`` is how near the index comes to the question
    (``nearness``), of every hit the same. ``by_source``: a person's answer that stands first for its source's
    sake. ``drafted_by`` is the release that put it among interleaved hits, "" where both did.
    """

    model_config = ConfigDict(frozen=True)

    chunk: Chunk
    score: float
    near: float = 0.0
    asked: IndexedQuestion | None = None
    by_source: bool = False
    drafted_by: str = ""


def build_index(
    folder: Path, chunks: Sequence[Chunk], space: SearchSpace, questions: Sequence[IndexedQuestion] = ()
) -> None:
    """Write ``chunks``, the vectors of ``space`` and its ``questions``, in the order of their leads, as
    tables below ``folder``, in one go.

    What was there is replaced. Raises ReleaseError for no chunks, a wrong shape, or vectors that are not
    finite.
    """
    import lancedb

    if not chunks:
        raise ReleaseError("There are no chunks to index.", "Ingest documents first, or accept some chunks.")
    if len(space) != len(chunks) or space.dimension == 0 or len(space.questions) != len(questions):
        raise ReleaseError(
            f"{len(chunks)} chunks and {len(questions)} questions need as many vectors, but there are "
            f"{len(space)} and {len(space.questions)}, of {space.dimension} dimensions.",
            "This is a fault in what computed them.",
        )
    leads = space.questions.leads
    if not all(np.isfinite(one).all() for one in (space.chunks, space.pieces.vectors, leads.vectors)):
        raise ReleaseError("Some vectors are not numbers (NaN).", "Use another embedding model or release.")
    tables = {TABLE: arrow_table(chunks, space.chunks), PIECES: _lead_table(space.pieces)}
    tables[QUESTIONS] = _question_table(questions, space.questions)
    try:
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        database = lancedb.connect(folder)
        on_disk = sum(map(len, tables.values())) > RESIDENT
        for name in list(tables):
            rows = tables.pop(name)
            # In batches, or LanceDB copies the whole table.
            table = database.create_table(name, rows.to_reader(max_chunksize=_BATCH))
            if not on_disk:
                _write_plain(_plain(folder, name), rows)
            del rows  # cutting it into parts needs the memory
            _add_indexes(table, on_disk)
    except (OSError, RuntimeError, ValueError) as error:
        raise ReleaseError(
            f"The index in {folder} can't be written: {error}", "Check the free space (df)."
        ) from error


def _plain(folder: Path, name: str) -> Path:
    return folder / _PLAIN / f"{name}.arrow"


def _write_plain(path: Path, rows: pa.Table) -> None:
    path.parent.mkdir(exist_ok=True)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, rows.schema) as out:
        out.write_table(rows)


def _add_indexes(table: Any, on_disk: bool) -> None:
    from lancedb.index import BTree, IvfSq

    rows = table.count_rows()
    if on_disk and rows:
        table.create_index("row", config=BTree())
    if on_disk and rows >= ANN_FROM:
        parts = max(1, min(_PARTS, rows // _PART_ROWS))
        config = IvfSq(distance_type="cosine", num_partitions=parts, max_iterations=10, sample_rate=64)
        table.create_index("vector", config=config)
        names = [index.name for index in table.list_indices()]
        table.wait_for_index(names, timeout=timedelta(minutes=30))


def arrow_table(chunks: Sequence[Chunk], vectors: Vectors) -> pa.Table:
    """The columns of CHUNK_SCHEMA, ``row``, and ``vector``, a fixed-size list of float32."""
    columns = {
        name: pa.array(
            [list(value) if isinstance(value, tuple) else value for value in values],
            type=CHUNK_SCHEMA.field(name).type,
        )
        for name in CHUNK_SCHEMA.names
        for values in [[getattr(chunk, name) for chunk in chunks]]
    }
    return pa.table({**columns, **_vector_columns(vectors, np.arange(len(chunks)))})


def _lead_table(leads: Leads) -> pa.Table:
    return pa.table(_vector_columns(leads.vectors, leads.rows))


def _question_table(questions: Sequence[IndexedQuestion], leads: QuestionLeads) -> pa.Table:
    columns = {
        name: pa.array([getattr(one, name) for one in questions], pa.string()) for name in _QUESTION_COLUMNS
    }
    columns["weight"] = pa.array([leads.weight] * len(leads), pa.float32())
    return pa.table({**columns, **_vector_columns(leads.leads.vectors, leads.leads.rows)})


def _vector_columns(vectors: Vectors, rows: Rows) -> dict[str, Any]:
    flat = pa.array(np.ascontiguousarray(vectors, dtype=np.float32).reshape(-1))
    return {
        "row": pa.array(rows, pa.int64()),
        "vector": pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1]),
    }


@dataclass(frozen=True)
class _Tables:
    """What of an index is in memory: all of it, or what leads to some chunks."""

    chunks: pa.Table
    space: SearchSpace
    questions: pa.Table

    def search(self, query: Vectors, k: int, first: int) -> list[Hit]:
        """Among the ``first`` chunks."""
        scores = self.space.scores(query[None, :])[0][:first]
        if not len(scores):
            return []
        near = float(nearness(scores[None, :])[0])
        count = min(k, len(scores))
        nearest = np.argpartition(-scores, count - 1)[:count]
        # Equal scores at the end: all that are as good, so that the choice among them is repeatable.
        nearest = np.flatnonzero(scores >= scores[nearest].min())
        chunks = chunks_in(self.chunks.take(_places(nearest)))
        asked = self._asked(query, nearest)
        hits = [
            Hit(chunk=chunk, score=float(scores[place]), near=near, asked=asked.get(int(place)))
            for place, chunk in zip(nearest, chunks, strict=True)
        ]
        hits.sort(key=lambda hit: (-hit.score, hit.chunk.path, hit.chunk.position, hit.chunk.id))
        return hits[:k]

    def _asked(self, query: Vectors, places: Rows) -> dict[int, IndexedQuestion]:
        """Chunk → the accepted question that raised it most."""
        leads = self.space.questions.leads
        if not len(leads):
            return {}
        raised = self.space.questions.raises(query[None, :])[0]
        concerned = np.flatnonzero((raised > 0) & np.isin(leads.rows, places))
        ordered = concerned[np.argsort(raised[concerned], kind="stable")]
        best = dict(zip(leads.rows[ordered].tolist(), ordered.tolist(), strict=True))  # the last one counts
        return dict(zip(best, self.asked(list(best.values())), strict=True))

    def asked(self, places: Sequence[int]) -> list[IndexedQuestion]:
        """The accepted questions at ``places`` among the leads."""
        rows = self.questions.take(_places(np.asarray(places))).to_pylist()
        ids = self.chunks["id"].take(_places(self.space.questions.leads.rows[places])).to_pylist()
        return [
            IndexedQuestion(chunk_id=chunk, **{name: row[name] for name in _QUESTION_COLUMNS})
            for chunk, row in zip(ids, rows, strict=True)
        ]


class ChunkIndex:
    """An index opened for reading; safe to search from several threads. Make one with ``ChunkIndex.open``."""

    def __init__(self, folder: Path, tables: dict[str, Any], is_resident: bool) -> None:
        self.folder = folder
        self._tables = tables
        self._chunks = tables[TABLE]
        self._is_resident = is_resident
        missing = {*CHUNK_SCHEMA.names, "row", "vector"} - set(self._chunks.schema.names)
        if missing:
            raise ValueError(f"columns missing: {', '.join(sorted(missing))}")
        self.dimension = int(self._chunks.schema.field("vector").type.list_size)
        self._count = len(self._chunks) if is_resident else int(self._chunks.count_rows())

    @classmethod
    def open(cls, folder: Path) -> ChunkIndex:
        """Open what ``build_index`` wrote, wherever it was moved to since. Raises ReleaseError."""
        if not folder.is_dir():
            raise ReleaseError(
                f"There is no index in {folder}.", "The release is incomplete: use another one."
            )
        names = (TABLE, PIECES, QUESTIONS)
        try:
            if (folder / _PLAIN).is_dir():
                # Read, not mapped: a file that another machine removes or cuts short must not end the bot.
                tables = {
                    name: pa.ipc.open_file(_plain(folder, name).read_bytes()).read_all() for name in names
                }
                index = cls(folder, tables, is_resident=True)
                index._all  # noqa: B018 - damage shows now, and not at the first question
                return index
            import lancedb

            database = lancedb.connect(folder)
            return cls(folder, {name: database.open_table(name) for name in names}, is_resident=False)
        except (OSError, RuntimeError, ValueError, AttributeError, pa.ArrowException) as error:
            raise ReleaseError(
                f"The index in {folder} can't be opened: {error}", "The release is corrupt: use another one."
            ) from error

    def __len__(self) -> int:
        return self._count

    def search(self, vector: Vectors, k: int, only_documents: bool = False) -> list[Hit]:
        """The ``k`` chunks of the highest score for the unit ``vector`` (d,), best first; fewer when the
        index is smaller. With ``only_documents`` curated answers are passed over.

        Exact up to 150,000 vectors. Raises ReleaseError for a vector of another dimension or with NaN in it.
        """
        query = np.asarray(vector, dtype=np.float32).reshape(-1)
        if query.shape[0] != self.dimension:
            raise ReleaseError(
                f"The question's vector has {query.shape[0]} numbers, the index {self.dimension}.",
                "Model and index belong to different releases.",
            )
        if not np.isfinite(query).all():
            raise ReleaseError("The question's vector is not a number (NaN).", "Use another release.")
        if k < 1 or not query.any():
            return []
        try:
            near = self._all if self._is_resident else self._near(query, k, only_documents)
            first = self._documents if only_documents and self._is_resident else len(near.chunks)
            return near.search(query, k, first)
        except (OSError, RuntimeError, ValueError) as error:
            raise ReleaseError(
                f"The index in {self.folder} can't be searched: {error}", "Use another release."
            ) from error

    def chunks(self) -> list[Chunk]:
        """Every chunk, in the order it was written."""
        if self._is_resident:
            return list(chunks_in(self._all.chunks))
        found = self._chunks.search().select([*CHUNK_SCHEMA.names, "row"]).limit(self._count).to_arrow()
        return list(chunks_in(found.sort_by("row")))

    def documents(self) -> list[Chunk]:
        """The chunks of documents, without curated answers: the first of ``chunks``."""
        return only_documents(self.chunks())

    def sample(self, count: int) -> tuple[list[Chunk], Vectors]:
        """At most ``count`` chunks from all over the index, and their vectors."""
        rows = spread(self._count, count)
        if self._is_resident:
            found, vectors = self._all.chunks.take(_places(rows)), self._all.space.chunks[rows]
        else:
            found = _read(self._chunks, f"row IN ({', '.join(map(str, rows))})")
            vectors = _vectors(found)
        return list(chunks_in(found)), vectors

    def space(self) -> SearchSpace:
        """All vectors; those of chunks in the order of ``chunks``."""
        return self._all.space

    def questions(self) -> list[IndexedQuestion]:
        """The accepted questions, in the order of their leads."""
        return self._all.asked(range(len(self._all.questions)))

    @cached_property
    def _all(self) -> _Tables:
        tables = self._tables.values()
        return _loaded(*(tables if self._is_resident else map(_read, tables)))

    @cached_property
    def _documents(self) -> int:
        """How many chunks are of documents: the first ones."""
        if not self._is_resident:
            return int(self._chunks.count_rows(f"NOT (source = '{CURATED}' AND document_id = '')"))
        places = zip(self._chunks["source"].to_pylist(), self._chunks["document_id"].to_pylist(), strict=True)
        return sum(source != CURATED or document != "" for source, document in places)

    def _near(self, query: Vectors, k: int, only_documents: bool) -> _Tables:
        """What leads to the chunks that lie near ``query`` by any of their vectors."""
        rows: set[int] = set()
        for table in self._tables.values():
            request = table.search(query, vector_column_name="vector").distance_type("cosine")
            request = request.nprobes(_LOOKED_INTO)
            if only_documents:
                request = request.where(f"row < {self._documents}")
            found = request.select(["row", "_distance"]).limit(k * _WIDER).to_arrow()
            rows.update(found["row"].to_pylist())
        where = f"row IN ({', '.join(map(str, sorted(rows)))})"
        return _loaded(*(_read(table, where) for table in self._tables.values()))


def _read(table: Any, where: str = "") -> pa.Table:
    request = table.search()
    if where:
        request = request.where(where)
    return request.limit(max(table.count_rows(), 1)).to_arrow().sort_by("row")


def _loaded(chunks: pa.Table, pieces: pa.Table, questions: pa.Table) -> _Tables:
    """Some or all rows of the tables. Chunks are counted from 0 in their order."""
    rows = _rows(chunks)
    leads = Leads(_vectors(questions), np.searchsorted(rows, _rows(questions)))
    pages = _numbered(zip(chunks["source"].to_pylist(), chunks["path"].to_pylist(), strict=True))
    weight = float(questions["weight"][0].as_py()) if len(questions) else WEIGHT
    # A record's question may lead to a curated answer, too: the two are no rivals.
    records = zip(questions["dataset"].to_pylist(), questions["record_id"].to_pylist(), strict=True)
    page_of: dict[tuple[str, str], int] = {}
    places = [
        page_of.setdefault(key, page) for key, page in zip(records, pages[leads.rows].tolist(), strict=True)
    ]
    space = SearchSpace(
        _vectors(chunks),
        Leads(_vectors(pieces), np.searchsorted(rows, _rows(pieces))),
        QuestionLeads(leads, np.array(places, dtype=np.int64), weight),
    )
    return _Tables(chunks.select(CHUNK_SCHEMA.names), space, questions.drop_columns(["vector"]))


def pages_of(chunks: Sequence[Chunk]) -> Rows:
    """(n,): a number for the page of each chunk."""
    return _numbered((one.source, one.path) for one in chunks)


def _numbered(keys: Iterable[tuple[str, str]]) -> Rows:
    numbers: dict[tuple[str, str], int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def _view(column: pa.ChunkedArray, kind: type[np.generic]) -> npt.NDArray[Any]:
    """The numbers in ``column``, which has no gaps; those of lists one after the other. What pyarrow has for
    that imports pandas, and that takes longer than a search."""
    if not len(column):
        return np.zeros(0, kind)
    values = column.combine_chunks()
    if pa.types.is_fixed_size_list(values.type):
        values = values.flatten()
    return np.frombuffer(values.buffers()[1], kind, len(values), values.offset * np.dtype(kind).itemsize)


def _rows(table: pa.Table) -> Rows:
    return _view(table["row"], np.int64)


def _places(rows: Rows) -> pa.Array:
    """Row numbers as Arrow takes them, without pandas."""
    return pa.Array.from_buffers(
        pa.int64(), len(rows), [None, pa.py_buffer(np.ascontiguousarray(rows, np.int64))]
    )


def _vectors(table: pa.Table) -> Vectors:
    column = table["vector"]
    found: Vectors = _view(column, np.float32).reshape(-1, column.type.list_size)
    return found
