"""The made-up documentation of tests.training.material, its sections by side, and edits of its chunks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from curation import Chunk, Corpus, Decision, DedupSettings, FormerChunk
from tests.training.material import make_chunks
from training.ledger.rows import LedgerRow, RecordKey, of, section_of
from training.ledger.store import History
from training.prepare.collect import collect, to_index
from training.prepare.prepared import Prepared, settle
from training.prepare.split import PrepareContext, chunk_groups, is_holdout

CHUNKS = make_chunks()
SHARE = 0.2
HELD = [chunk for chunk in CHUNKS if is_holdout(section_of(chunk), SHARE)]
FREE = [chunk for chunk in CHUNKS if not is_holdout(section_of(chunk), SHARE)]
NEAR = DedupSettings(semantic=False)
ADDED = " Then wait for a day, and check that nothing has come loose since; call us if it has."


def corpus_of(chunks: Sequence[Chunk], replaced: Mapping[str, FormerChunk] | None = None) -> Corpus:
    return Corpus(documents=[], chunks=chunks, former=replaced)


def collected(decisions: Sequence[Decision], chunks: Sequence[Chunk] = CHUNKS) -> list[LedgerRow]:
    return collect(decisions, corpus_of(chunks))


def context_of(
    rows: Sequence[LedgerRow], chunks: Sequence[Chunk] = CHUNKS, dedup: DedupSettings = NEAR, **more: Any
) -> PrepareContext:
    """How the ``rows`` are prepared: ``groups`` are those of the chunks unless they are given."""
    indexed = to_index(rows, corpus_of(chunks).chunks, include_unreviewed=True)
    groups = more.pop("groups", None)
    groups = _groups(indexed, dedup, rows) if groups is None else groups
    return PrepareContext(chunks=indexed, groups=groups, dedup=dedup, **{"holdout_share": SHARE, **more})


_GROUPS: dict[tuple[str, ...], dict[str, str]] = {}


def _groups(chunks: Sequence[Chunk], dedup: DedupSettings, rows: Sequence[LedgerRow]) -> Mapping[str, str]:
    """``chunk_groups``, once for the same chunks: hypothesis asks for them a hundred times."""
    if not {row.chunk_id for row in rows} <= {chunk.id for chunk in chunks}:
        return chunk_groups(chunks, dedup, rows)
    key = dedup.model_dump_json(), *(chunk.id for chunk in chunks)
    if key not in _GROUPS:
        _GROUPS[key] = chunk_groups(chunks, dedup, rows)
    return _GROUPS[key]


def prepared(
    decisions: Sequence[Decision],
    chunks: Sequence[Chunk] = CHUNKS,
    dedup: DedupSettings = NEAR,
    former: Mapping[str, FormerChunk] | None = None,
    **more: Any,
) -> Prepared:
    """All steps of the preparation, without a home and a model."""
    rows = collect(decisions, corpus_of(chunks, former))
    setting = context_of(rows, chunks, dedup, **more)
    rows, conflicts = settle(rows, setting)
    return Prepared(rows, list(setting.chunks), dict(setting.groups), conflicts)


def history(asked: Iterable[LedgerRow] = (), trained: Iterable[LedgerRow] = ()) -> History:
    """A served release that held out and learned these."""
    rows = [*(row.settled("holdout") for row in asked), *(row.settled("train") for row in trained)]
    return History.of(rows)


def keys(rows: Iterable[LedgerRow]) -> set[RecordKey]:
    return {row.key for row in rows}


def examples(rows: Iterable[LedgerRow]) -> list[LedgerRow]:
    return of(rows, "example", "open")


def refusals(rows: Iterable[LedgerRow]) -> list[LedgerRow]:
    return of(rows, "refusal", "open")


def with_text(chunk: Chunk, text: str, path: str = "", section: tuple[str, ...] = ()) -> Chunk:
    """The chunk with another text, and in another place where one is given."""
    where = path or chunk.path, section or chunk.section
    changed = {"id": Chunk.make_id(*where, text), "text": text, "path": where[0], "section": where[1]}
    return chunk.model_copy(update=changed)


def edited(chunk: Chunk, extra: str = ADDED) -> Chunk:
    return with_text(chunk, chunk.text + extra)


def replaced(pairs: Iterable[tuple[Chunk, Chunk | None]]) -> dict[str, FormerChunk]:
    """What ``Corpus.former`` says of (chunk, the one in its place or None)."""
    return {
        old.id: FormerChunk(chunk=old, replaced_by=new.id if new else "")
        for old, new in pairs
        if new is None or new.id != old.id
    }
