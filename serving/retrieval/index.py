"""The index of one release: chunks and accepted questions as Arrow files, the vectors of both and of the
chunks' pieces as arrays, written once and never changed. What is large is mapped into memory, not read. The
chunks lie in a LanceDB table, too: full-text search wants it, and in a large index it finds what lies near
(``Nearest``)."""

from __future__ import annotations

import shutil
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from curation import CHUNK_SCHEMA, Chunk, ReleaseError, chunks_in
from serving.retrieval.curated import is_curated
from serving.retrieval.nearest import BATCH, TABLE, Nearest, cut_into_parts, write_table
from serving.retrieval.space import TENTH, Leads, QuestionLeads, Rows, SearchSpace, nearness
from serving.retrieval.vectors import Vectors, is_small, loaded, spread

CHUNKS_FILE, _QUESTIONS_FILE = "chunks.arrow", "questions.arrow"
_ASKED = ("asked.npy", "asked_rows.npy", "asked_pages.npy")
# Up to so many vectors a question is compared with each, which takes some milliseconds. Beyond that those of
# chunks, of pieces and of questions are each cut into parts where there are so many that it pays.
RESIDENT = 150_000
ANN_FROM = 50_000
_WIDER = 10  # candidates for each hit that is wanted, where not every chunk is compared
_WEIGHT, _LARGE = b"weight", b"large"  # of the questions, and what is cut into parts: metadata of their file


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
    """Write ``chunks``, the vectors of ``space`` and its ``questions``, in the order of their leads, into
    ``folder``, in one go.

    What was there is replaced. Raises ReleaseError for no chunks, a wrong shape, or vectors that are not
    finite.
    """
    if not chunks:
        raise ReleaseError("There are no chunks to index.", "Ingest documents first, or accept some chunks.")
    if len(space) != len(chunks) or space.dimension == 0 or len(space.questions) != len(questions):
        raise ReleaseError(
            f"{len(chunks)} chunks and {len(questions)} questions need as many vectors, but there are "
            f"{len(space)} and {len(space.questions)}, of {space.dimension} dimensions.",
            "This is a fault in what computed them.",
        )
    kinds = _kinds(space)
    if not all(_is_finite(leads.vectors) for leads in kinds.values()):
        raise ReleaseError("Some vectors are not numbers (NaN).", "Use another embedding model or release.")
    asked = space.questions
    try:
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        space.save(folder)
        for name, array in zip(_ASKED, _asked_arrays(chunks, asked.leads, questions), strict=True):
            np.save(folder / name, array, allow_pickle=False)
        _write(folder / CHUNKS_FILE, chunks, CHUNK_SCHEMA)
        documents = _documents(chunks.__getitem__, len(chunks))
        large = _large(kinds, documents)
        fields = [pa.field(name, pa.string()) for name in IndexedQuestion.model_fields]
        about = {_WEIGHT: str(asked.weight), _LARGE: " ".join(large)}
        _write(folder / _QUESTIONS_FILE, questions, pa.schema(fields, about))
        write_table(folder, TABLE, space.chunks[:documents], _read(folder / CHUNKS_FILE).to_batches())
        for name, first in large.items():
            if name != TABLE:
                write_table(folder, name, kinds[name].vectors[:first])
            cut_into_parts(folder, name)
    except (OSError, RuntimeError, ValueError) as error:
        raise ReleaseError(
            f"The index in {folder} can't be written: {error}", "Check the free space (df)."
        ) from error


def _kinds(space: SearchSpace) -> dict[str, Leads]:
    """What leads to chunks, by the name of its table."""
    own = Leads(space.chunks, np.arange(len(space)))
    return {TABLE: own, "pieces": space.pieces, "questions": space.questions.leads}


def _large(kinds: Mapping[str, Leads], documents: int) -> dict[str, int]:
    """Those of which LanceDB finds what lies near: how many of each lead to the first chunks, the
    ``documents``."""
    if sum(map(len, kinds.values())) <= RESIDENT:
        return {}
    found = {name: int(np.searchsorted(leads.rows, documents)) for name, leads in kinds.items()}
    return {name: first for name, first in found.items() if first >= ANN_FROM}


def _is_finite(vectors: Vectors) -> bool:
    starts = range(0, len(vectors), BATCH)
    return all(np.isfinite(vectors[start : start + BATCH]).all() for start in starts)


def _asked_arrays(
    chunks: Sequence[Chunk], leads: Leads, questions: Sequence[IndexedQuestion]
) -> tuple[npt.NDArray[Any], ...]:
    """The vectors of the questions, the rows of the chunks that they lead to, and numbers for the pages of
    those. A record's question may lead to a curated answer, too: the two are no rivals."""
    pages = pages_of([chunks[row] for row in leads.rows]).tolist()
    page_of: dict[tuple[str, str], int] = {}
    records = ((one.dataset, one.record_id) for one in questions)
    found = [page_of.setdefault(key, page) for key, page in zip(records, pages, strict=True)]
    return leads.vectors, leads.rows, np.array(found, dtype=np.int64)


def _documents(chunk_at: Callable[[int], Chunk], count: int) -> int:
    """How many of the chunks are of documents: the first ones."""
    return bisect_left(range(count), True, key=lambda row: is_curated(chunk_at(row)))


def _write(path: Path, rows: Sequence[BaseModel], schema: pa.Schema) -> None:
    """In batches: as a whole it would lie in memory twice."""
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, schema) as out:
        for start in range(0, len(rows), BATCH):
            some = rows[start : start + BATCH]
            columns = [pa.array([getattr(one, field.name) for one in some], field.type) for field in schema]
            out.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))


def _read(path: Path) -> pa.Table:
    return pa.ipc.open_file(path.read_bytes() if is_small(path) else pa.memory_map(str(path))).read_all()


class ChunkIndex:
    """An index opened for reading; safe to search from several threads. Make one with ``ChunkIndex.open``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._chunks, self._questions = _read(folder / CHUNKS_FILE), _read(folder / _QUESTIONS_FILE)
        vectors, rows, pages = (loaded(folder / name) for name in _ASKED)
        about = self._questions.schema.metadata
        weight, large = float(about[_WEIGHT]), about[_LARGE].decode().split()
        self._space = SearchSpace.load(folder).asking(QuestionLeads(Leads(vectors, rows), pages, weight))
        if len(self._space) != len(self._chunks) or len(rows) != len(self._questions):
            raise ValueError(f"{len(self._chunks)} chunks have {len(self._space)} vectors")
        self._nearest = {
            name: (leads, Nearest(leads.vectors, folder, name if name in large else ""))
            for name, leads in _kinds(self._space).items()
        }

    @classmethod
    def open(cls, folder: Path) -> ChunkIndex:
        """Open what ``build_index`` wrote, wherever it was moved to since. Raises ReleaseError."""
        if not folder.is_dir():
            raise ReleaseError(
                f"There is no index in {folder}.", "The release is incomplete: use another one."
            )
        try:
            return cls(folder)
        except (OSError, EOFError, RuntimeError, ValueError, TypeError, KeyError, pa.ArrowException) as error:
            raise ReleaseError(
                f"The index in {folder} can't be opened: {error}", "The release is corrupt: use another one."
            ) from error

    @property
    def dimension(self) -> int:
        return self._space.dimension

    def __len__(self) -> int:
        return len(self._chunks)

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
            return self._search(query, k, self._documents if only_documents else len(self))
        except (OSError, RuntimeError, ValueError) as error:
            raise ReleaseError(
                f"The index in {self.folder} can't be searched: {error}", "Use another release."
            ) from error

    def _search(self, query: Vectors, k: int, first: int) -> list[Hit]:
        """Among the ``first`` chunks. In a small index questions that lead to the others are rivals (see
        ``QuestionLeads``) of theirs, in a large one they are left out with those chunks."""
        near, space = np.arange(first), self._space
        if any(nearest.is_cut for _, nearest in self._nearest.values()):
            near = self._near(query, max(k, TENTH) * _WIDER, first)
            space = space.taking(near)
        scores = space.scores(query[None, :])[0][:first]
        if not len(scores):
            return []
        near_all = float(nearness(scores[None, :])[0])
        count = min(k, len(scores))
        best = np.argpartition(-scores, count - 1)[:count]
        # Equal scores at the end: all that are as good, so that the choice among them is repeatable.
        best = np.flatnonzero(scores >= scores[best].min())
        asked = self._asked(query, space.questions, best, near[best])
        hits = [
            Hit(chunk=chunk, score=float(scores[place]), near=near_all, asked=question)
            for place, chunk, question in zip(best, self._at(near[best]), asked, strict=True)
        ]
        hits.sort(key=lambda hit: (-hit.score, hit.chunk.path, hit.chunk.position, hit.chunk.id))
        return hits[:k]

    def _near(self, query: Vectors, count: int, first: int) -> Rows:
        """The chunks to which the ``count`` nearest vectors of each kind lead, among the ``first``."""
        found = [
            leads.rows[nearest.places(query, count, int(np.searchsorted(leads.rows, first)))]
            for leads, nearest in self._nearest.values()
        ]
        return np.unique(np.concatenate(found))

    def _asked(
        self, query: Vectors, questions: QuestionLeads, places: Rows, rows: Rows
    ) -> list[IndexedQuestion | None]:
        """For each chunk, the accepted question that raised it most. Those of ``questions`` lead to chunks by
        ``places``, all of them by ``rows``; those of one chunk have the same order in both."""
        found: list[IndexedQuestion | None] = [None] * len(rows)
        if len(questions):
            raised = questions.raises(query[None, :])[0]
            starts, ends = (np.searchsorted(questions.leads.rows, places, side) for side in ("left", "right"))
            among_all = np.searchsorted(self._space.questions.leads.rows, rows)
            for number in np.flatnonzero(starts < ends):
                own = raised[starts[number] : ends[number]]
                if own.max() > 0:
                    (row,) = _taken(
                        self._questions, among_all[number : number + 1] + own.argmax()
                    ).to_pylist()
                    found[number] = IndexedQuestion(**row)
        return found

    def _at(self, rows: Rows) -> list[Chunk]:
        return list(chunks_in(_taken(self._chunks, rows)))

    def chunks(self) -> list[Chunk]:
        """Every chunk, in the order it was written."""
        return list(chunks_in(self._chunks))

    def documents(self) -> list[Chunk]:
        """The chunks of documents, without curated answers: the first of ``chunks``."""
        return self.chunks()[: self._documents]

    def document_texts(self) -> list[str]:
        """The texts of ``documents``, without the rest of them."""
        texts: list[str] = self._chunks.slice(0, self._documents)["text"].to_pylist()
        return texts

    def beside(self, chunk: Chunk, step: int) -> Chunk | None:
        """The chunk right after ``chunk`` (step 1) or before it (-1) in the same section."""
        row = pc.index(self._chunks["id"], chunk.id).as_py()
        if row < 0 or not 0 <= row + step < self._documents:
            return None
        (other,) = self._at(np.array([row + step]))
        place = (chunk.document_id, chunk.section, chunk.position + step)
        return other if (other.document_id, other.section, other.position) == place else None

    def sample(self, count: int) -> tuple[list[Chunk], Vectors]:
        """At most ``count`` chunks from all over the index, and their vectors."""
        rows = spread(len(self), count)
        return self._at(rows), self._space.chunks[rows]

    def space(self) -> SearchSpace:
        """All vectors; those of chunks in the order of ``chunks``."""
        return self._space

    def questions(self) -> list[IndexedQuestion]:
        """The accepted questions, in the order of their leads."""
        return [IndexedQuestion(**row) for row in self._questions.to_pylist()]

    @cached_property
    def _documents(self) -> int:
        return _documents(lambda row: self._at(np.array([row]))[0], len(self))


def _taken(table: pa.Table, rows: Rows) -> pa.Table:
    """The ``rows`` of a ``table``, in ascending order: batch by batch, since of a whole column of texts
    pyarrow's ``take`` makes a copy first."""
    batches = table.to_batches()
    starts = np.searchsorted(rows, np.arange(len(batches) + 1) * BATCH)
    some = [
        batch.take(_places(rows[starts[number] : starts[number + 1]] - number * BATCH))
        for number, batch in enumerate(batches)
        if starts[number] < starts[number + 1]
    ]
    return pa.Table.from_batches(some, table.schema)


def _places(rows: Rows) -> pa.Array:
    """Row numbers as Arrow takes them, without pandas."""
    return pa.Array.from_buffers(pa.int64(), len(rows), [None, pa.py_buffer(np.ascontiguousarray(rows))])


def pages_of(chunks: Sequence[Chunk]) -> Rows:
    """(n,): a number for the page of each chunk."""
    numbers: dict[tuple[str, str], int] = {}
    return np.array([numbers.setdefault((one.source, one.path), len(numbers)) for one in chunks], np.int64)
