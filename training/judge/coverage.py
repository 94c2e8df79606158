"""What a round takes out of the index, and which accepted questions lose their answer by that.

Chunks leave when they are rejected and, without serving.retrieval.include_unreviewed, when they are no longer accepted:
annotators disagree, or the one who accepted them was left out. Base, served release and candidate are compared over the
candidate's chunks, and a question whose chunk left is no holdout question any more: of what went wrongly the comparison sees
nothing. So it is counted here: against the annotators' own answers (a chunk of which somebody accepted that it answers a
question is no rubbish), and with what the served release scores on the questions that the candidate can no longer answer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from curation import Chunk, Decision, Progress
from serving import Embedder, Reranker
from training.judge.questions import HoldoutQuestion, holdout_questions, measure
from training.ledger.lineage_record import LineageRow
from training.prepare.dedup import find_matches
from training.prepare.examples import Example, Whereabouts, collect, section_of
from training.prepare.split import is_holdout
from training.settings import TrainingSettings

Vectors = npt.NDArray[np.float32]

_SHOWN = 3


class LostQuestion(BaseModel):
    """A held-out question whose right chunks all left the index. ``served`` has the served release's value in each metric,
    over the candidate's chunks and those that were taken out; the candidate's is 0."""

    model_config = ConfigDict(frozen=True)

    id: str
    text: str
    served: dict[str, float]


class Coverage(BaseModel):
    """``indexed`` counts the served release's chunks that are among the documents still, ``removed`` those of them that left
    since by what was decided, ``unaccepted`` those of these that nobody rejected, ``rejected`` all that were rejected since,
    and ``contradicted`` those of these with an accepted question, a few of which are the ``examples``. Chunks that are in the
    candidate's index in nearly the same words count nowhere. ``unreviewed`` ones had not been accepted before either: the
    setting takes them out."""

    indexed: int = 0
    removed: int = 0
    unaccepted: int = 0
    unreviewed: int = 0
    rejected: int = 0
    contradicted: int = 0
    examples: list[str] = Field(default_factory=list)
    lost: list[LostQuestion] = Field(default_factory=list)


@dataclass
class Removed:
    """What left since the served release: its ``chunks`` that left the index, and the ``questions`` of the holdout that left
    with them."""

    coverage: Coverage = field(default_factory=Coverage)
    chunks: list[Chunk] = field(default_factory=list)
    questions: list[HoldoutQuestion] = field(default_factory=list)

    def measured(
        self,
        served: Embedder,
        chunks: Sequence[Chunk],
        vectors: Vectors,
        removed: Vectors,
        progress: Progress,
        reranker: Reranker | None = None,
    ) -> Coverage:
        """With the served release's scores on the lost questions. ``vectors`` (n, d) are its of the candidate's ``chunks``,
        ``removed`` (m, d) of those that left. There must be a question."""
        size = served.dimension
        found = measure(
            served,
            self.questions,
            [*chunks, *self.chunks],
            np.concatenate([vectors, removed]),
            [size],
            progress,
            reranker,
        )[size].questions
        lost = [
            LostQuestion(
                id=one.id,
                text=one.text,
                served={name: round(value, 4) for name, value in found[one.id].items()},
            )
            for one in self.questions
        ]
        return self.coverage.model_copy(update={"lost": lost})


def find_removed(
    decisions: Sequence[Decision],
    lineage: Sequence[LineageRow],
    documents: Sequence[Chunk],
    chunks: Sequence[Chunk],
    served: Collection[str],
    asked: Collection[str],
    settings: TrainingSettings,
    became: Mapping[str, str] | None = None,
) -> Removed:
    """Compare ``chunks``, which the candidate indexes, with the ids that the ``served`` release does.

    ``lineage`` is the served release's, ``documents`` are all chunks of today, ``asked`` the ids of the candidate's holdout
    questions: what is asked there with another right chunk is not lost. ``became`` maps the id of a chunk that was edited to today's:
    what was asked about it leaves with that one.
    """
    still_here = [chunk for chunk in documents if chunk.id in served]
    here = {chunk.id for chunk in chunks}
    before = {row.record_id: row.verdict for row in lineage if row.dataset == "chunks"}
    rejected = {one.record_id for one in decisions if one.dataset == "chunks" and one.verdict == "rejected"}
    rejected -= {key for key, verdict in before.items() if verdict == "rejected"}
    leaving = {chunk.id for chunk in still_here if chunk.id not in here}
    unreviewed = {key for key in leaving - rejected if before.get(key) != "accepted"}
    new = [chunk for chunk in documents if chunk.id in rejected or chunk.id in leaving - unreviewed]
    coverage = Coverage(indexed=len(still_here), unreviewed=len(unreviewed))
    if not new:
        return Removed(coverage)
    # Who takes the second copy of a text out takes nothing from anybody.
    copies = find_matches([one.text for one in new], [one.text for one in chunks], settings.dedup)
    repeated = {match.index for match in copies}
    gone = {chunk.id: chunk for row, chunk in enumerate(new) if row not in repeated}
    about = _examples_about(gone, decisions, documents, became or {})
    contradicting = [one for one in about if one.chunk_id in rejected]
    left = [chunk for chunk in still_here if chunk.id in gone]
    return Removed(
        coverage=coverage.model_copy(
            update={
                "removed": len(left),
                "unaccepted": sum(chunk.id not in rejected for chunk in left),
                "rejected": len(rejected & set(gone)),
                "contradicted": len({one.chunk_id for one in contradicting}),
                "examples": [one.query for one in contradicting[:_SHOWN]],
            }
        ),
        chunks=left,
        questions=_lost(about, chunks, left, asked, settings),
    )


def _examples_about(
    gone: Mapping[str, Chunk],
    decisions: Sequence[Decision],
    documents: Sequence[Chunk],
    became: Mapping[str, str],
) -> list[Example]:
    """What would be learned about the chunks that are ``gone`` if they had been accepted, each as about today's chunk."""
    edited = {
        old: Whereabouts(place=section_of(gone[new]), version=new, text=gone[new].text, became=new)
        for old, new in became.items()
        if new in gone
    }
    kept = [
        one.model_copy(update={"verdict": "accepted"})
        if one.dataset == "chunks" and one.record_id in gone
        else one
        for one in decisions
    ]
    place = {chunk.id: row for row, chunk in enumerate(documents)}
    found = collect(kept, documents, gone=edited).examples
    today = [one.model_copy(update={"chunk_id": became.get(one.chunk_id, one.chunk_id)}) for one in found]
    about = [one for one in today if one.chunk_id in gone]
    return sorted(about, key=lambda one: (place[one.chunk_id], one.query, one.record_id))


def _lost(
    about: Sequence[Example],
    chunks: Sequence[Chunk],
    left: Sequence[Chunk],
    asked: Collection[str],
    settings: TrainingSettings,
) -> list[HoldoutQuestion]:
    here, share = {chunk.id for chunk in chunks}, settings.gate.holdout_share
    held = {chunk.id for chunk in left if is_holdout(section_of(chunk), share)}
    examples = [one for one in about if one.chunk_id in held]
    return [
        one
        for one in holdout_questions(examples, [*chunks, *left], {})
        if one.id not in asked and not here.intersection(one.right)
    ]
