"""The ledger's rows of simulated decisions, as far as judging reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from curation import Chunk, Decision
from training.ledger.rows import LedgerRow
from training.prepare.examples import section_of


def ledger(
    decisions: Sequence[Decision], chunks: Sequence[Chunk], replaced_by: Mapping[str, str] | None = None
) -> list[LedgerRow]:
    """A row for each decision. ``replaced_by`` maps the id of a chunk that was edited to today's."""
    by_id = {chunk.id: chunk for chunk in chunks}
    rejected = {one.record_id for one in decisions if one.dataset == "chunks" and one.verdict == "rejected"}
    rows = []
    for one in decisions:
        today = (replaced_by or {}).get(one.chunk_id, one.chunk_id if one.chunk_id in by_id else "")
        told: dict[str, Any] = {
            "query": one.question.strip(),
            "chunk_id": one.chunk_id,
            "version": today,
            "place": section_of(by_id[today]) if today else one.chunk_id,
            "origin": str(one.metadata.get("origin", "")),
        }
        if one.dataset == "chunks":
            told = {
                "teaches": "chunk",
                "chunk_id": one.record_id,
                "fate": "removed" if one.verdict == "rejected" else "indexed",
            }
        elif one.affirms and today in rejected:
            told |= {"teaches": "example", "fate": "unused", "reason": "its chunk was rejected"}
        elif one.affirms:
            told |= {"teaches": "example", "fate": "train"}
        elif one.verdict == "rejected":
            certain = one.named_source == "" or one.values.get("is_positive_relevant") == "no"
            told |= {"teaches": "refusal" if certain or one.dataset != "triplets" else "nothing"}
            told |= {"certain": certain, "fate": "unused"}
        rows.append(
            LedgerRow(
                dataset=one.dataset,
                record_id=one.record_id,
                fingerprint=one.fingerprint,
                verdict=one.verdict,
                votes=one.votes,
                **told,
            )
        )
    return rows
