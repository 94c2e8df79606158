"""A round of decisions as the judge sees it (``Round``), what it takes out of the index, and which accepted
questions lose their answer by that.

Chunks leave the index when they are rejected and, without serving.retrieval.include_unreviewed, when they are
no longer accepted: annotators disagree, or the one who accepted them was left out. All models are compared
over the candidate's chunks, and a question whose chunk left is no holdout question any more, so that
comparison cannot see what was removed wrongly. It is counted here: against the annotators' own answers (a
chunk that answers an accepted question is not useless), and by what the served release scores on the
questions that the candidate can no longer answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from pydantic import BaseModel, ConfigDict, Field

from curation import Chunk, TestSet, find_matches, generic_set, normalise
from serving import DecidedQuestions, IndexedQuestion, SearchSpace, decided_questions
from training.judge.evaluate import SearchModel, measure
from training.judge.questions import HoldoutQuestion, holdout_questions, question_id
from training.ledger.rows import LedgerRow, RecordKey, of, section_of
from training.ledger.store import History
from training.prepare.split import is_holdout
from training.settings import TrainingSettings

_EXAMPLES = 3
_MOST_OF_INDEX = 200  # questions that another index alone is asked


@dataclass(frozen=True)
class Round:
    """What a round of decisions came to. ``chunks``: those that the candidate indexes; ``documents``: all of
    today; ``questions``: the holdout's; ``own_sets``: the user's test sets; ``rows``: the ledger;
    ``history``: of the served model; ``asks_generic``: whether forgetting is looked at."""

    chunks: Sequence[Chunk]
    documents: Sequence[Chunk]
    questions: Sequence[HoldoutQuestion]
    own_sets: Sequence[TestSet]
    rows: Sequence[LedgerRow]
    history: History
    asks_generic: bool = True

    def of_index(self) -> Round:
        """What another index alone is judged by, in seconds. Headings say nothing of accepted questions, and
        the model forgets nothing."""
        asked = [one for one in self.questions if not one.is_heading]
        return replace(self, questions=asked[:_MOST_OF_INDEX], asks_generic=False)

    def is_asked(self, question: IndexedQuestion) -> bool:
        """Whether a question says what is held out, or what a test set asks. Whoever is judged has no such
        one in the index: what is found by itself tells nothing about others."""
        records, texts = self._asked
        return (question.dataset, question.record_id) in records or normalise(question.text) in texts

    @cached_property
    def _asked(self) -> tuple[set[RecordKey], set[str]]:
        held = {row.key for row in of(self.rows, "example", "holdout")}
        like = held
        while more := {row.key for row in self.rows if (row.other_dataset, row.other) in like} - like:
            like = like | more
        return like, {normalise(text) for text in self.deciding}

    @cached_property
    def decided(self) -> DecidedQuestions:
        """What visitors asked and people decided, as far as nothing is judged by it."""
        conversations = (row for row in self.rows if row.dataset == "conversations")
        return decided_questions(row.model_dump() for row in conversations)

    @property
    def out_of_bounds(self) -> list[str]:
        """Questions whose answer was judged to be out of bounds, without a source that answers them."""
        found = set()
        for row in self.rows:
            said = Counter(vote.value for vote in row.votes if vote.question == "out_of_guardrails")
            if row.verdict == "rejected" and row.teaches != "example" and said["yes"] > said["no"]:
                found.add(row.query)
        return sorted(found - {""})

    @property
    def sets(self) -> list[TestSet]:
        """Those that are asked beside the holdout."""
        return [*self.own_sets, *([generic_set()] if self.asks_generic else [])]

    @property
    def deciding(self) -> list[str]:
        """The texts of the questions that decide: the holdout's, then those of own sets about the bot's
        documents."""
        own = [text for one in self.own_sets if one.corpus is None for text in one.queries.values()]
        return [*(question.text for question in self.questions), *own]

    def untold(self, share: float) -> list[str]:
        """A few held-out sections about which nothing is asked yet, those with most chunks first."""
        asked = {chunk for one in self.questions for chunk in one.right}
        quiet = [one for one in self.chunks if one.id not in asked and is_holdout(section_of(one), share)]
        found = Counter(" > ".join((one.path, *one.section)) for one in quiet)
        return [section for section, _ in found.most_common(_EXAMPLES)]

    @property
    def earlier(self) -> list[str]:
        """The ids of the holdout questions that the served release was judged by, with the same answers."""
        known = self.history
        rows = [row for row in of(self.rows, "example", "holdout") if row.key in known.asked]
        asked = {question_id(row.query) for row in rows if row.fingerprint in known.fingerprints}
        return [question.id for question in self.questions if question.id in asked]


class LostQuestion(BaseModel):
    """A held-out question whose right chunks all left the index. ``served`` has the served release's value in
    each metric, over the candidate's chunks and those that were taken out; the candidate's is 0."""

    model_config = ConfigDict(frozen=True)

    id: str
    text: str
    served: dict[str, float]


class Coverage(BaseModel):
    """Numbers of chunks. Those that the candidate indexes in nearly the same words count nowhere.

    ``indexed``: of the served release, and still among the documents. ``removed``: those of them that left
    the index by what was decided since; ``unaccepted``: those of these that nobody rejected. ``rejected``:
    all that were rejected since; ``contradicted``: those of them with an accepted question, of which
    ``examples`` are a few. ``unreviewed`` left too, but had never been accepted: not a decision, a setting
    takes them out. ``lost`` are the held-out questions that lost their answer.
    """

    indexed: int = 0
    removed: int = 0
    unaccepted: int = 0
    unreviewed: int = 0
    rejected: int = 0
    contradicted: int = 0
    examples: list[str] = Field(default_factory=list)
    lost: list[LostQuestion] = Field(default_factory=list)


@dataclass(frozen=True)
class RemovedChunks:
    """The served release's ``chunks`` that left the index, and the held-out ``questions`` that left with
    them."""

    coverage: Coverage
    chunks: Sequence[Chunk] = ()
    questions: Sequence[HoldoutQuestion] = ()


def find_removed(given: Round, served: Collection[str], settings: TrainingSettings) -> RemovedChunks:
    """Compare what the candidate indexes with the ids of the chunks that the ``served`` release does."""
    here = {chunk.id for chunk in given.chunks}
    still_here = [chunk for chunk in given.documents if chunk.id in served]
    before = dict(given.history.chunk_verdicts)
    used = [row for row in given.rows if row.fate != "left-out"]
    rejected = {row.record_id for row in used if row.dataset == "chunks" and row.verdict == "rejected"}
    rejected -= {key for key, verdict in before.items() if verdict == "rejected"}
    leaving = {chunk.id for chunk in still_here if chunk.id not in here}
    unreviewed = {key for key in leaving - rejected if before.get(key) != "accepted"}
    new = [one for one in given.documents if one.id in rejected or one.id in leaving - unreviewed]
    coverage = Coverage(indexed=len(still_here), unreviewed=len(unreviewed))
    if not new:
        return RemovedChunks(coverage)
    # Who takes the second copy of a text out takes nothing from anybody.
    copies = find_matches([one.text for one in new], [one.text for one in given.chunks], settings.dedup)
    repeated = {match.index for match in copies}
    gone = {chunk.id: chunk for row, chunk in enumerate(new) if row not in repeated}
    about = _examples_about(used, gone, given.documents)
    contradicting = [one for one in about if one.version in rejected]
    left = [chunk for chunk in still_here if chunk.id in gone]
    coverage.removed = len(left)
    coverage.unaccepted = sum(chunk.id not in rejected for chunk in left)
    coverage.rejected = len(rejected & set(gone))
    coverage.contradicted = len({one.version for one in contradicting})
    coverage.examples = [one.query for one in contradicting[:_EXAMPLES]]
    held = {chunk.id for chunk in left if is_holdout(section_of(chunk), settings.gate.holdout_share)}
    questions = holdout_questions([row for row in about if row.version in held], [*given.chunks, *left], {})
    # What the holdout asks with another right chunk is not lost.
    asked = {one.id for one in given.questions}
    lost = [one for one in questions if one.id not in asked and not here.intersection(one.right)]
    return RemovedChunks(coverage, left, lost)


def with_lost_questions(
    removed: RemovedChunks, served: SearchModel, chunks: Sequence[Chunk], space: SearchSpace
) -> Coverage:
    """The coverage with the ``served`` release's scores on the lost questions. ``space`` has its vectors of
    the candidate's ``chunks`` and then of the removed ones. There must be a question."""
    size = served.embedder.dimension
    everything = replace(served, space=space)
    found = measure(everything, removed.questions, [*chunks, *removed.chunks], [size])[size].questions
    lost = []
    for one in removed.questions:
        values = {name: round(value, 4) for name, value in found[one.id].items()}
        lost.append(LostQuestion(id=one.id, text=one.text, served=values))
    return removed.coverage.model_copy(update={"lost": lost})


def _examples_about(
    rows: Sequence[LedgerRow], gone: Mapping[str, Chunk], documents: Sequence[Chunk]
) -> list[LedgerRow]:
    """Accepted questions about the chunks that are ``gone``, whatever became of them, each as about today's
    chunk."""
    place = {chunk.id: row for row, chunk in enumerate(documents)}
    todays = [(row, row.version or row.chunk_id) for row in of(rows, "example") if row.query]
    found = [
        row.model_copy(update={"chunk_id": today, "version": today}) for row, today in todays if today in gone
    ]
    return sorted(found, key=lambda one: (place[one.version], one.query, one.record_id))
