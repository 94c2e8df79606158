"""What an example is trained against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from training.ledger.rows import LedgerRow, RecordKey, of


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
