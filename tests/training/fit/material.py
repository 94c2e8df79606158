"""Rows and negatives to train on."""

from __future__ import annotations

from typing import Literal

from training.ledger.rows import LedgerRow, Negative, RecordKey


def example(query: str, text: str, chunk_id: str = "") -> LedgerRow:
    """The record's id is the question."""
    chunk = chunk_id or text
    return LedgerRow(
        dataset="triplets",
        record_id=query,
        teaches="example",
        query=query,
        text=text,
        chunk_id=chunk,
        place=chunk,
        fate="train",
    )


def negative(
    of: str,
    text: str,
    kind: Literal["text", "question"] = "text",
    source: Literal["refused", "stored"] = "refused",
    chunk_id: str = "",
) -> Negative:
    """``of`` is the example's question."""
    key = RecordKey("triplets", of)
    return Negative(example=key, kind=kind, source=source, text=text, chunk_id=chunk_id)
