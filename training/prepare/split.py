"""Which questions are kept for evaluation: decided by a stable hash of their section, so that it stays so
across retrains."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from curation import Chunk
from training.ledger.rows import LedgerRow, of
from training.ledger.text import section_of
from training.prepare.setting import Setting
from training.prepare.similarity import group
from training.settings import DedupSettings

_SALT = "clayloop holdout 1\t"
_HELD = "kept from training: its section is held out, and the served release"


def is_holdout(place: str, share: float) -> bool:
    """Whether the section ``place`` is kept for evaluation: the same answer for ever, whatever is added."""
    digest = hashlib.sha256((_SALT + place).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def chunk_groups(
    chunks: Sequence[Chunk], settings: DedupSettings, rows: Sequence[LedgerRow] = ()
) -> dict[str, str]:
    """Chunk id → the id that stands for it and its (near) duplicates.

    Chunks that only ``rows`` know, since their texts have changed, are with the chunk that took their place,
    or with those of them that say nearly the same. They never join two groups of ``chunks``.
    """
    labels = group([chunk.text for chunk in chunks], settings)
    found = {chunk.id: chunks[label].id for chunk, label in zip(chunks, labels, strict=True)}
    lost: dict[str, str] = {}
    for row in (*of(rows, "example", "open"), *of(rows, "refusal", "open")):
        if row.chunk_id not in found and row.version in found:
            found[row.chunk_id] = found[row.version]
        elif row.chunk_id not in found:
            lost.setdefault(row.chunk_id, row.text)
    keys = list(lost)
    labels = group(list(lost.values()), settings)
    return found | {key: keys[label] for key, label in zip(keys, labels, strict=True)}


def held_groups(rows: Sequence[LedgerRow], setting: Setting) -> frozenset[str]:
    """The groups of chunks that are held out, whether anybody asks about them or not: any of their sections
    is, that of a text which has changed since included."""
    share = setting.holdout_share
    held = {
        setting.groups.get(chunk.id, chunk.id)
        for chunk in setting.chunks
        if is_holdout(section_of(chunk), share)
    }
    # Where only a chunk's id is known, the id stands for its place, and tells no side.
    held |= {
        setting.group_of(row)
        for row in rows
        if row.fate == "open" and row.place != row.chunk_id and is_holdout(row.place, share)
    }
    return frozenset(held)


def take_sides(rows: Sequence[LedgerRow], setting: Setting) -> list[LedgerRow]:
    """Each example is held out or trained on. A section is on one side for ever, whatever is added.

    A chunk on the training side that nearly equals a held-out one is not trained on; it does not move to the
    holdout either. What the served release learned is not asked, nor anything else about such a chunk or
    section unless it was asked before. When the share is raised, sections are held out that the served
    release was trained on, and asking about them would favour it.
    """
    indexed = {chunk.id for chunk in setting.chunks}
    history = setting.history
    trained = {
        setting.group_of(row) for row in rows if row.teaches == "example" and row.key in history.learned
    }
    trained |= {setting.groups.get(name, name) for name in history.trained_about}  # a section is its own name

    def side(row: LedgerRow) -> LedgerRow:
        own = setting.group_of(row)
        if is_holdout(row.place, setting.holdout_share):
            if row.version not in indexed:
                return row.settled(
                    "unused", "kept from training, and its chunk is not in the index as it was judged"
                )
            if row.key in history.learned:
                return row.settled("unused", f"{_HELD} has learned from it")
            if (own in trained or row.place in trained) and row.key not in history.asked:
                return row.settled("unused", f"{_HELD} has learned from its chunk")
            return row.settled("holdout")
        if own in setting.held:
            return row.settled(
                "unused", "kept from training: its chunk is nearly the same as one that is held out"
            )
        return row.settled("train")

    return [side(row) if row.teaches == "example" and row.fate == "open" else row for row in rows]
