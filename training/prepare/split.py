"""Which questions are kept for evaluation: decided by a stable hash, so that it stays so across retrains."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from curation import Chunk, DatasetName
from training.ledger.past import NOTHING_BEFORE, Past
from training.prepare.dedup import Match, find_duplicates, find_matches, group
from training.prepare.examples import Example, Refusal, Unused, section_of
from training.prepare.meaning import VectorsOf as VectorsOf
from training.prepare.meaning import matches_in_meaning, same_meaning
from training.settings import DedupSettings

_Key = tuple[str, str]
_Row = TypeVar("_Row")

_SALT = "clayloop holdout 1\t"
IN_OTHER_WORDS = "in other words the same"


class Dropped(BaseModel):
    """An example that was left out because of another one, which was kept."""

    model_config = ConfigDict(frozen=True)

    dataset: DatasetName
    record_id: str
    query: str
    chunk_id: str
    reason: str
    similarity: float
    kept_record_id: str
    kept: str
    place: str = ""


@dataclass
class Sides:
    """Each example where its section belongs, before anything is dropped; ``unused`` are those that belong nowhere.
    ``held_groups`` are the groups of chunks on the holdout's side, whether anybody asks about them or not."""

    train: list[Example] = field(default_factory=list)
    holdout: list[Example] = field(default_factory=list)
    unused: list[Unused] = field(default_factory=list)
    held_groups: set[str] = field(default_factory=set)


@dataclass
class Split:
    """``train`` and ``holdout`` share no chunk, no near-duplicate chunk and no near-duplicate question. ``held_groups`` are
    the groups of chunks on the holdout's side, whether anybody asks about them or not."""

    train: list[Example] = field(default_factory=list)
    holdout: list[Example] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    unused: list[Unused] = field(default_factory=list)
    held_groups: set[str] = field(default_factory=set)


def is_holdout(place: str, share: float) -> bool:
    """Whether the section ``place`` is kept for evaluation: the same answer for ever, whatever else there is."""
    digest = hashlib.sha256((_SALT + place).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def chunk_groups(
    chunks: Sequence[Chunk], settings: DedupSettings, rows: Sequence[Example | Refusal] = ()
) -> dict[str, str]:
    """Chunk id → the id that stands for it and its (near) duplicates.

    Chunks that only ``rows`` know, since their texts have changed, are with the chunk that they have become, or with those
    of them that say nearly the same. They never join two groups of ``chunks``.
    """
    labels = group([chunk.text for chunk in chunks], settings)
    found = {chunk.id: chunks[label].id for chunk, label in zip(chunks, labels, strict=True)}
    lost: dict[str, str] = {}
    for row in rows:
        if row.chunk_id not in found and row.version in found:
            found[row.chunk_id] = found[row.version]
        elif row.chunk_id not in found:
            lost.setdefault(row.chunk_id, row.text)
    keys = list(lost)
    labels = group(list(lost.values()), settings)
    return found | {key: keys[label] for key, label in zip(keys, labels, strict=True)}


def take_sides(
    examples: Sequence[Example],
    chunks: Sequence[Chunk],
    groups: Mapping[str, str],
    share: float,
    refusals: Sequence[Refusal] = (),
    past: Past = NOTHING_BEFORE,
) -> Sides:
    """Put each example on its side. A section is on one side for ever, whatever is added.

    ``chunks`` are all that are indexed and ``groups`` comes from ``chunk_groups``. A group of chunks is held out if any of
    its sections is, that of a text which has changed since included. A chunk on the training side that nearly equals a
    held-out one is not trained on; it does not move to the holdout either, since an earlier release may have learned from
    it. What its weights have learned from (``past``) is not asked either, nor anything else about such a chunk or section,
    unless it was asked before: a share that was raised since holds out what was trained on.
    """

    def group_of(chunk_id: str) -> str:
        return groups.get(chunk_id, chunk_id)

    rows: list[Example | Refusal] = [*examples, *refusals]
    result = Sides()
    result.held_groups = {group_of(one.id) for one in chunks if is_holdout(section_of(one), share)}
    result.held_groups |= {group_of(one.chunk_id) for one in rows if _is_held(one, share)}
    taught = {group_of(one.chunk_id) for one in examples if _key(one) in past.learned}
    taught.update(map(group_of, past.taught))  # a section is its own name
    for example in examples:
        held = is_holdout(example.place, share)
        is_taught = group_of(example.chunk_id) in taught or example.place in taught
        if held and not (example.live or example.version):
            why = "kept from training, and its chunk is not in the index as it was judged"
        elif held and _key(example) in past.learned:
            why = "kept from training: its section is held out, and an earlier release has learned from it"
        elif held and is_taught and _key(example) not in past.asked:
            why = "kept from training: its section is held out, and an earlier release has learned from its chunk"
        elif not held and group_of(example.chunk_id) in result.held_groups:
            why = "kept from training: its chunk is nearly the same as one that is held out"
        else:
            (result.holdout if held else result.train).append(example)
            continue
        result.unused.append(Unused(dataset=example.dataset, record_id=example.record_id, reason=why))
    return result


def drop_repeated(
    examples: Sequence[Example],
    groups: Mapping[str, str],
    settings: DedupSettings,
    vectors_of: VectorsOf | None = None,
    sides: Sides | None = None,
    first: Collection[_Key] = (),
) -> tuple[list[Example], list[Dropped]]:
    """Without the questions that ask the same about the same chunk (or about its near duplicate) on the same side. What is
    on neither of the ``sides`` stays: it says there why.

    Of several that are the same the first one stays, those of ``first`` (dataset, record id) before all others: what the
    served release asked or learned is not exchanged for something newer. ``vectors_of`` embeds questions; without it, only
    their wording is compared.
    """
    side_of = {_key(one): side for side, rows in _named(sides) for one in rows}

    def keys(rows: Sequence[Example]) -> list[str]:
        sided = ((side_of.get(_key(one), one.record_id if sides else ""), one) for one in rows)
        return [f"{side}\t{groups.get(one.chunk_id, one.chunk_id)}" for side, one in sided]

    order = sorted(range(len(examples)), key=lambda row: _key(examples[row]) not in first)
    rows = [examples[row] for row in order]
    matches = find_duplicates([one.query for one in rows], settings, keys=keys(rows))
    dropped = [_dropped(rows, match, rows, "question") for match in matches]
    order, rows = _without(order, matches), _without(rows, matches)
    if settings.semantic and vectors_of and rows:
        matches = same_meaning(
            vectors_of([one.query for one in rows]), keys(rows), settings.semantic_threshold
        )
        then = [_dropped(rows, match, rows, "question", IN_OTHER_WORDS) for match in matches]
        order, dropped = _without(order, matches), _to_the_last(dropped, then)
    return [examples[row] for row in sorted(order)], dropped


def split(
    examples: Sequence[Example],
    chunks: Sequence[Chunk],
    groups: Mapping[str, str],
    share: float,
    settings: DedupSettings,
    vectors_of: VectorsOf | None = None,
    refusals: Sequence[Refusal] = (),
    past: Past = NOTHING_BEFORE,
) -> Split:
    """``take_sides``, then drop what would leak from the holdout into training."""
    sides = take_sides(examples, chunks, groups, share, refusals, past)
    train = sides.train
    result = Split(holdout=sides.holdout, unused=sides.unused, held_groups=sides.held_groups)
    for text_of, what in ((_query, "holdout question"), (_text, "holdout chunk")):
        matches = find_matches(
            [text_of(example) for example in train],
            [text_of(example) for example in result.holdout],
            settings,
        )
        result.dropped.extend(_dropped(train, match, result.holdout, what) for match in matches)
        train = _without(train, matches)
    if settings.semantic and vectors_of and train and result.holdout:
        matches = matches_in_meaning(
            vectors_of([one.query for one in train]),
            vectors_of([one.query for one in result.holdout]),
            settings.semantic_threshold,
        )
        result.dropped.extend(
            _dropped(train, match, result.holdout, "holdout question", IN_OTHER_WORDS) for match in matches
        )
        train = _without(train, matches)
    result.train = train
    return result


def _is_held(row: Example | Refusal, share: float) -> bool:
    """Whether a row says of its chunk's group that it is held out. A place that is only an id says nothing."""
    return row.place != row.chunk_id and is_holdout(row.place, share)


def _named(sides: Sides | None) -> list[tuple[str, list[Example]]]:
    return [("holdout", sides.holdout), ("train", sides.train)] if sides else []


def _key(example: Example) -> _Key:
    return example.dataset, example.record_id


def _without(rows: Sequence[_Row], matches: Sequence[Match]) -> list[_Row]:
    gone = {match.index for match in matches}
    return [one for row, one in enumerate(rows) if row not in gone]


def _to_the_last(first: Sequence[Dropped], then: Sequence[Dropped]) -> list[Dropped]:
    """A row that went for one that then went itself belongs to the one that stayed."""
    fate = {one.record_id: one for one in then}
    told = []
    for one in first:
        further = fate.get(one.kept_record_id)
        if further:
            kept = {"kept_record_id": further.kept_record_id, "kept": further.kept}
            one = one.model_copy(update={**kept, "similarity": min(one.similarity, further.similarity)})
        told.append(one)
    return [*told, *then]


def _query(example: Example) -> str:
    return example.query


def _text(example: Example) -> str:
    return example.text


def _dropped(
    rows: Sequence[Example],
    match: Match,
    references: Sequence[Example],
    what: str,
    how: str = "nearly the same",
) -> Dropped:
    example, kept = rows[match.index], references[match.kept]
    return Dropped(
        dataset=example.dataset,
        record_id=example.record_id,
        query=example.query,
        chunk_id=example.chunk_id,
        reason=f"{'same' if match.exact else how} {what}",
        similarity=round(match.similarity, 4),
        kept_record_id=kept.record_id,
        kept=kept.query,
        place=example.place,
    )
