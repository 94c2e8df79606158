"""The ledger's rows of simulated decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from curation import Chunk, Corpus, Decision, FormerChunk
from training.ledger.rows import LedgerRow
from training.prepare.collect import collect


def ledger(
    decisions: Sequence[Decision], chunks: Sequence[Chunk], former: Mapping[str, FormerChunk] | None = None
) -> list[LedgerRow]:
    """As they are collected, before anything is held out."""
    return collect(decisions, Corpus(documents=[], chunks=list(chunks), former=dict(former or {})))
