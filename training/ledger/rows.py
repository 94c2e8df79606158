"""The ledger: one table, a row for each decision and each thing it teaches, and what became of it.

The rows are made when the decisions are read (training.prepare.collect). Each step of the preparation is a
function from rows to rows that settles the fate of some. A release keeps the table as lineage.parquet;
reports, dry run and ``explain`` count its rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from curation import Chunk, DatasetName, Verdict, Vote

Teaches = Literal["chunk", "example", "refusal", "answer", "nothing"]
Fate = Literal[
    "open",
    "train",
    "holdout",
    "negative",
    "waiting",
    "duplicate",
    "conflict",
    "unused",
    "indexed",
    "served",
    "removed",
    "left-out",
]
NegativeKind = Literal["", "text", "question"]

# Nothing is learned from a decision of such a fate; its reason says why.
SILENT: tuple[Fate, ...] = ("duplicate", "conflict", "unused", "left-out")
# A decision with two rows is counted by the one whose fate comes first here.
_MOST_TELLING: tuple[Fate, ...] = ("train", "holdout", "negative", "waiting", "served", "duplicate")


class RecordKey(NamedTuple):
    """One record of one dataset in Argilla."""

    dataset: DatasetName
    record_id: str


class LedgerRow(BaseModel):
    """One decision and one thing that it teaches.

    *The decision*: ``fingerprint`` changes when somebody's answer does, ``decided`` says why the verdict is
    what it is, ``votes`` are all answers, ``origin`` is how the question came about.

    *What it teaches*: an ``example`` (``query`` is answered by ``text``), a ``refusal`` (``query`` is not
    answered by ``text``), an ``answer`` (to ``query`` people gave the answer ``text``; nothing is trained on
    it), that a ``chunk`` may be indexed, or ``nothing``. A conversation that went wrong has up to three rows:
    the example of the source that was named, the refusal of the first source, the answer that was corrected.
    ``chunk_id`` is the chunk that was judged, or that an answer comes from ("" when none was named or cited),
    ``place`` its section (the same after an edit), ``version`` the id of the chunk of today: its own, that of
    the chunk which replaced it, or "" when there is none. ``negative`` is a question that the text does not
    answer. A refusal is ``certain`` when the pair itself was judged; else only the answer was wrong.

    *What became of it*: ``fate`` and ``reason``. ``other`` is the record that decided it: the one kept
    instead, the one decided the other way, or the example that a negative is set against; ``similarity`` (0
    to 1) is to that one. ``negative_kind`` says whether a refusal is trained on as a negative text or as a
    negative question.
    """

    model_config = ConfigDict(frozen=True)

    dataset: DatasetName
    record_id: str
    fingerprint: str = ""
    verdict: Verdict = "undecided"
    decided: str = ""
    agreement: float = 0.0
    origin: str = ""
    votes: tuple[Vote, ...] = ()

    teaches: Teaches = "nothing"
    query: str = ""
    text: str = ""
    chunk_id: str = ""
    place: str = ""
    version: str = ""
    negative: str = ""
    certain: bool = False

    fate: Fate = "open"
    reason: str = ""
    other_dataset: str = ""
    other: str = ""
    similarity: float = 0.0
    negative_kind: NegativeKind = ""

    @property
    def key(self) -> RecordKey:
        """The record. Two rows of one decision share it."""
        return RecordKey(self.dataset, self.record_id)

    @property
    def people(self) -> dict[str, str]:
        """Who answered: Argilla's user id → name."""
        return {vote.annotator_id: vote.annotator for vote in self.votes}

    def settled(self, fate: Fate, reason: str = "", other: LedgerRow | None = None, **more: Any) -> LedgerRow:
        """The same row with its fate. ``other`` is the row that decided it."""
        changes: dict[str, Any] = {"fate": fate, "reason": reason, **more}
        if other is not None:
            changes |= {"other_dataset": other.dataset, "other": other.record_id}
        return self.model_copy(update=changes)


def of(rows: Iterable[LedgerRow], teaches: Teaches, *fates: Fate) -> list[LedgerRow]:
    """The rows that teach one kind of thing and have one of ``fates`` (any, without them), in their order."""
    return [row for row in rows if row.teaches == teaches and (not fates or row.fate in fates)]


def exchange(rows: Iterable[LedgerRow], changed: Iterable[LedgerRow]) -> list[LedgerRow]:
    """The ``rows`` in their order, each as it stands among ``changed`` if it is there: the row of the same
    decision that teaches the same kind of thing. Of several the last one counts."""
    new = {(row.key, row.teaches): row for row in changed}
    return [new.get((row.key, row.teaches), row) for row in rows]


def by_decision(rows: Iterable[LedgerRow]) -> list[LedgerRow]:
    """One row for each decision: of two, the one whose fate comes first in ``_MOST_TELLING``."""
    best: dict[RecordKey, LedgerRow] = {}
    for row in rows:
        before = best.get(row.key)
        if before is None or _rank(row) < _rank(before):
            best[row.key] = row
    return list(best.values())


def _rank(row: LedgerRow) -> int:
    return _MOST_TELLING.index(row.fate) if row.fate in _MOST_TELLING else len(_MOST_TELLING)


class Tally(BaseModel):
    """Numbers of decisions: ``fates`` by what became of them, ``reasons`` of those that nothing is learned
    from, by fate and reason, the most frequent first."""

    model_config = ConfigDict(frozen=True)

    fates: dict[Fate, int] = {}
    reasons: dict[Fate, dict[str, int]] = {}


def tally(rows: Sequence[LedgerRow]) -> Tally:
    """Count decisions, each once (``by_decision``)."""
    decisions = by_decision(rows)
    return Tally(
        fates=dict(Counter(row.fate for row in decisions)),
        reasons={
            fate: dict(Counter(row.reason for row in decisions if row.fate == fate).most_common())
            for fate in SILENT
            if any(row.fate == fate for row in decisions)
        },
    )


class Negative(BaseModel):
    """Something that the row ``example`` is trained against.

    ``kind`` ``text``: a text that does not answer its question; ``question``: a question that its text does
    not answer. ``source``: ``refused`` by annotators, or ``stored`` with the accepted triplet. ``chunk_id``
    is the chunk that it is about.
    """

    model_config = ConfigDict(frozen=True)

    example: RecordKey
    kind: Literal["text", "question"]
    source: Literal["refused", "stored"]
    text: str
    chunk_id: str = ""


def negatives_of(rows: Sequence[LedgerRow]) -> list[Negative]:
    """The negatives that training uses: the refusals that were given an example, then those stored with
    examples."""
    refused = [
        Negative(
            example=RecordKey(row.other_dataset, row.other),  # type: ignore[arg-type]
            kind="text" if row.negative_kind == "text" else "question",
            source="refused",
            text=row.text if row.negative_kind == "text" else row.query,
            chunk_id=row.chunk_id,
        )
        for row in of(rows, "refusal", "negative")
    ]
    stored = [
        Negative(example=row.key, kind="question", source="stored", text=row.negative, chunk_id=row.chunk_id)
        for row in of(rows, "example", "train")
        if row.negative
    ]
    return [*refused, *stored]


def section_of(chunk: Chunk) -> str:
    """The name of the chunk's section, its file's path first: what stays when its text is edited."""
    return "\t".join((chunk.path, *chunk.section))
