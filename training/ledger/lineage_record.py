"""What lineage.parquet and lineage.json hold."""

from __future__ import annotations

from typing import Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from training.prepare.selection import Selection

LINEAGE_NOTE_FILE = "lineage.json"

Role = Literal["train", "negative", "holdout", "dropped", "indexed", "index-removed", "unused", "left-out"]

LINEAGE_SCHEMA = pa.schema(
    [
        ("dataset", pa.string()),
        ("record_id", pa.string()),
        ("fingerprint", pa.string()),
        ("verdict", pa.string()),
        ("annotators", pa.list_(pa.string())),
        ("responses", pa.list_(pa.string())),
        ("role", pa.string()),
        ("reason", pa.string()),
        ("decided", pa.string()),
        ("agreement", pa.float64()),
        ("origin", pa.string()),
        (
            "votes",
            pa.list_(
                pa.struct([("question", pa.string()), ("value", pa.string()), ("annotator", pa.string())])
            ),
        ),
        (
            "examples",
            pa.list_(
                pa.struct(
                    [
                        ("query", pa.string()),
                        ("chunk_id", pa.string()),
                        ("place", pa.string()),
                        ("side", pa.string()),
                    ]
                )
            ),
        ),
        ("kept_record_id", pa.string()),
        ("annotator_ids", pa.list_(pa.string())),
    ]
)
FIRST_COLUMNS = 8  # those that every lineage has had


class LineageVote(BaseModel):
    """One annotator's answer to one question."""

    model_config = ConfigDict(frozen=True)

    question: str
    value: str
    annotator: str


class LineageExample(BaseModel):
    """What a decision became: a question about a chunk, whose ``place`` is its path and section, on one ``side``."""

    model_config = ConfigDict(frozen=True)

    query: str
    chunk_id: str
    place: str
    side: Literal["train", "holdout", "dropped"]


class LineageRow(BaseModel):
    """What became of one decision.

    ``responses`` are Argilla's response ids. ``decided`` says why the verdict is what it is, ``reason`` why the role is;
    both are for people. ``origin`` is how the question came about. ``kept_record_id`` is the record because of which a
    dropped one was dropped. ``annotator_ids`` are Argilla's user ids of ``annotators``, in their order; "" for one who has
    none, empty in a lineage of an earlier version. Rows of role ``left-out`` were kept out by the run's selection and say nothing about the
    answers.
    """

    model_config = ConfigDict(frozen=True)

    dataset: str
    record_id: str
    fingerprint: str = ""
    verdict: str = ""
    annotators: list[str] = []
    responses: list[str] = []
    role: Role
    reason: str = ""
    decided: str = ""
    agreement: float = 0.0
    origin: str = ""
    votes: list[LineageVote] = []
    examples: list[LineageExample] = []
    kept_record_id: str = ""
    annotator_ids: list[str] = []

    @property
    def people(self) -> list[tuple[str, str]]:
        """(name, user id) of who answered; the id is "" where it is not known."""
        ids = self.annotator_ids or [""] * len(self.annotators)
        return list(zip(self.annotators, ids, strict=True))

    @property
    def fingerprints(self) -> frozenset[str]:
        """Under which the answers may be found again."""
        return frozenset((self.fingerprint,)) if self.fingerprint else frozenset()


class LineageNote(BaseModel):
    """lineage.json: how a release came about. ``started_from`` is the release whose weights training went on from; None
    for the base model. ``run`` is the training run; a release that was only indexed anew keeps what it took over."""

    model_config = ConfigDict(frozen=True)

    run: str | None = None
    started_from: str | None = None
    selection: Selection = Selection()
