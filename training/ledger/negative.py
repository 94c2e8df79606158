"""What an example is trained against."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from training.ledger.rows import RecordKey


class Negative(BaseModel):
    """A text that does not answer the question of ``example``, or a question that its text does not answer
    (``kind``).

    ``source``: ``refused`` by annotators, or ``stored`` with the accepted triplet. ``chunk_id`` is the chunk
    of a text.
    """

    model_config = ConfigDict(frozen=True)

    example: RecordKey
    kind: Literal["text", "question"]
    source: Literal["refused", "stored"]
    text: str
    chunk_id: str = ""
