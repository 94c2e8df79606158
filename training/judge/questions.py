"""The questions that nobody trains on, and how a model does on them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel

from curation import SILENT, Chunk, Progress, content_id
from serving import Embedder, Reranker, truncate
from training.judge.evaluate import Scores, rank, score
from training.judge.question_style import Style, style_of
from training.judge.testsets import TestSet
from training.prepare.dedup import normalise
from training.prepare.examples import HEADING, Example, section_of
from training.prepare.meaning import VectorsOf, questions_like
from training.prepare.split import IN_OTHER_WORDS, Dropped
from training.reranker.reading import reranked
from training.settings import DedupSettings

Vectors = npt.NDArray[np.float32]


class HoldoutQuestion(BaseModel):
    """A question and the ids of all chunks that answer it. ``is_heading``: the question is a section's heading. The rest
    are what results are sliced by: where the (first) right chunk comes from, its top-level path and its whole one, who
    made the question."""

    id: str
    text: str
    right: list[str]
    is_heading: bool = False
    source: str = ""
    section: str = ""
    path: str = ""
    origin: str = ""
    style: Style = "question"


def holdout_questions(
    examples: Sequence[Example],
    chunks: Sequence[Chunk],
    groups: Mapping[str, str],
    accepted: Sequence[Example] = (),
) -> list[HoldoutQuestion]:
    """One entry per distinct question of ``examples``. Right are the chunks that were accepted for it, their near duplicates
    (``groups``) and, for a heading, every chunk of its section. ``accepted`` are further examples whose chunks are right
    too where they ask the same: those that were not held out, whoever learns from them or not."""
    by_id = {chunk.id: chunk for chunk in chunks}
    alike: dict[str, list[str]] = defaultdict(list)
    section: dict[str, list[str]] = defaultdict(list)
    for chunk in chunks:
        alike[groups.get(chunk.id, chunk.id)].append(chunk.id)
        section[section_of(chunk)].append(chunk.id)
    asked: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        asked[normalise(example.query)].append(example)
    others: dict[str, list[Example]] = defaultdict(list)
    for example in accepted:
        others[normalise(example.query)].append(example)
    questions = []
    for text, rows in asked.items():
        right: dict[str, None] = {}
        for example in (*rows, *others[text]):
            right.update(dict.fromkeys(alike[groups.get(example.chunk_id, example.chunk_id)]))
            if example.origin == HEADING:
                right.update(dict.fromkeys(section[example.place]))
        if right:
            is_heading = any(example.origin == HEADING for example in rows)
            first = by_id[next(iter(right))]
            questions.append(
                HoldoutQuestion(
                    id=question_id(text),
                    text=rows[0].query,
                    right=list(right),
                    is_heading=is_heading,
                    source=first.source,
                    section=top_level(first.path),
                    path=first.path,
                    origin=HEADING if is_heading else rows[0].origin,
                    style=style_of(rows[0].query, is_heading),
                )
            )
    return questions


def question_id(text: str) -> str:
    """The same for questions that differ in case and white space only."""
    return content_id("question", normalise(text))


def top_level(path: str) -> str:
    """The first folder of a document's path, or its file's name where there is no folder."""
    return path.split("/", 1)[0]


def without_test_questions(
    train: Sequence[Example],
    sets: Sequence[TestSet],
    settings: DedupSettings,
    vectors_of: VectorsOf | None = None,
) -> tuple[list[Example], list[Dropped]]:
    """``train`` without the questions that a test set of one's own asks too, and those: nobody trains on a test.
    ``vectors_of`` embeds questions; without it, only their wording is compared."""
    asked = [(one.name, key, text) for one in sets for key, text in one.queries.items()]
    worded, meant = questions_like(
        [example.query for example in train], [text for *_, text in asked], settings, vectors_of
    )
    dropped = []
    for number, match in enumerate((*worded, *meant)):
        example, (name, key, text) = train[match.index], asked[match.kept]
        how = "same" if match.exact else "nearly the same" if number < len(worded) else IN_OTHER_WORDS
        dropped.append(
            Dropped(
                dataset=example.dataset,
                record_id=example.record_id,
                query=example.query,
                chunk_id=example.chunk_id,
                reason=f"{how} question as in a test set",
                similarity=round(match.similarity, 4),
                kept_record_id=f"{name}: {key}",
                kept=text,
                place=example.place,
            )
        )
    gone = {match.index for match in (*worded, *meant)}
    return [example for row, example in enumerate(train) if row not in gone], dropped


def measure(
    embedder: Embedder,
    questions: Sequence[HoldoutQuestion],
    chunks: Sequence[Chunk],
    vectors: Vectors,
    dimensions: Sequence[int],
    progress: Progress = SILENT,
    reranker: Reranker | None = None,
) -> dict[int, Scores]:
    """Scores per dimension of finding the right chunks among ``chunks``, whose (n, d) unit vectors are ``vectors``.
    ``reranker`` has its say at full dimension, the one that is served.
    """
    asked = ask(embedder, questions, chunks, vectors, progress)
    qrels = {question.id: dict.fromkeys(question.right, 1) for question in questions}
    ids = [question.id for question in questions]
    items = [chunk.id for chunk in chunks]
    found = {}
    for dimension in dimensions:
        cosines = asked.cosines(dimension)
        if reranker is not None and dimension == embedder.dimension:
            texts = [question.text for question in questions]
            cosines = reranked(reranker, texts, cosines, asked.text, progress)
        found[dimension] = score(qrels, rank(cosines, ids, items))
    return found


@dataclass(frozen=True)
class Asked:
    """Questions and chunks, embedded. ``headings`` are the rows of the heading questions, ``bare`` the columns of the chunks
    that are right for any of them: all heading questions see these without their headings."""

    chunks: Sequence[Chunk]
    query_vectors: Vectors
    vectors: Vectors
    headings: list[int]
    bare: list[int]
    bare_vectors: Vectors

    def cosines(self, dimension: int) -> Vectors:
        """(m, n): of every question with every chunk."""
        asked = truncate(self.query_vectors, dimension)
        cosines: Vectors = asked @ truncate(self.vectors, dimension).T
        if self.bare:
            bare = truncate(self.bare_vectors, dimension)
            cosines[np.ix_(self.headings, self.bare)] = asked[self.headings] @ bare.T
        return cosines

    def text(self, row: int, column: int) -> str:
        """The chunk in ``column`` as the question in ``row`` sees it."""
        is_bare = row in self._headings and column in self._bare
        return bare_text(self.chunks[column]) if is_bare else self.chunks[column].text

    @cached_property
    def _headings(self) -> frozenset[int]:
        return frozenset(self.headings)

    @cached_property
    def _bare(self) -> frozenset[int]:
        return frozenset(self.bare)


def bare_text(chunk: Chunk) -> str:
    """A chunk without its headings, if anything is left."""
    return chunk.body.strip() or chunk.text


def ask(
    embedder: Embedder,
    questions: Sequence[HoldoutQuestion],
    chunks: Sequence[Chunk],
    vectors: Vectors,
    progress: Progress = SILENT,
) -> Asked:
    """Embed what ``measure`` compares.

    A chunk opens with its heading, so a heading finds it whatever the model is worth. For heading questions the right
    chunks are therefore ranked by their bodies alone: those of *all* heading questions, against the rest as they are
    served. Were only its own bare, a model that puts whatever lacks a heading first would look good.
    """
    column = {chunk.id: index for index, chunk in enumerate(chunks)}
    headings = [index for index, question in enumerate(questions) if question.is_heading]
    bare = sorted({column[key] for index in headings for key in questions[index].right})
    query_vectors = embedder.queries([question.text for question in questions])
    bare_vectors = embedder.documents([bare_text(chunks[index]) for index in bare], progress=progress)
    return Asked(chunks, query_vectors, vectors, headings, bare, bare_vectors)
