"""Which questions are kept for evaluation: decided by a stable hash, so that it stays so across retrains."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

from curation.records import Chunk, DatasetName
from training.dedup import Match, find_duplicates, find_matches, group
from training.examples import Example, Unused, section_of
from training.meaning import Vectors, matches_in_meaning, same_meaning
from training.settings import DedupSettings

VectorsOf = Callable[[Sequence[str]], Vectors]

_SALT = "clayloop holdout 1\t"
_IN_OTHER_WORDS = "in other words the same"


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


def chunk_groups(chunks: Sequence[Chunk], settings: DedupSettings) -> dict[str, str]:
    """Chunk id → the id that stands for it and its (near) duplicates."""
    labels = group([chunk.text for chunk in chunks], settings)
    return {chunk.id: chunks[label].id for chunk, label in zip(chunks, labels, strict=True)}


def drop_repeated(
    examples: Sequence[Example],
    groups: Mapping[str, str],
    settings: DedupSettings,
    vectors_of: VectorsOf | None = None,
) -> tuple[list[Example], list[Dropped]]:
    """Without the questions that ask the same about the same chunk (or about its near duplicate).

    ``vectors_of`` embeds questions; without it, only their wording is compared.
    """

    def keys(rows: Sequence[Example]) -> list[str]:
        return [groups.get(example.chunk_id, example.chunk_id) for example in rows]

    matches = find_duplicates([example.query for example in examples], settings, keys=keys(examples))
    dropped = [_dropped(examples, match, examples, "question") for match in matches]
    kept = _without(examples, matches)
    if settings.semantic and vectors_of and kept:
        matches = same_meaning(
            vectors_of([one.query for one in kept]), keys(kept), settings.semantic_threshold
        )
        then = [_dropped(kept, match, kept, "question", _IN_OTHER_WORDS) for match in matches]
        return _without(kept, matches), _to_the_last(dropped, then)
    return kept, dropped


def split(
    examples: Sequence[Example],
    chunks: Sequence[Chunk],
    groups: Mapping[str, str],
    share: float,
    settings: DedupSettings,
    vectors_of: VectorsOf | None = None,
) -> Split:
    """Put each example on its side and drop what would leak from the holdout into training.

    ``chunks`` are all that are indexed and ``groups`` comes from ``chunk_groups``. A section is on one side for ever,
    whatever is added. A chunk on the training side that nearly equals a held-out one is not trained on; it does not move
    to the holdout either, since an earlier release may have learned from it.
    """
    held_groups = {groups.get(chunk.id, chunk.id) for chunk in chunks if is_holdout(section_of(chunk), share)}
    sides: dict[bool, list[Example]] = defaultdict(list)
    result = Split()
    for example in examples:
        held = is_holdout(example.place, share)
        if held and not example.live:
            why = "kept from training, and its chunk is not in the index as it was judged"
        elif not held and groups.get(example.chunk_id, example.chunk_id) in held_groups:
            why = "kept from training: its chunk is nearly the same as one that is held out"
        else:
            sides[held].append(example)
            continue
        result.unused.append(Unused(dataset=example.dataset, record_id=example.record_id, reason=why))
    result.holdout = sides[True]
    result.held_groups = held_groups
    train = sides[False]
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
            _dropped(train, match, result.holdout, "holdout question", _IN_OTHER_WORDS) for match in matches
        )
        train = _without(train, matches)
    result.train = train
    return result


def _without(rows: Sequence[Example], matches: Sequence[Match]) -> list[Example]:
    gone = {match.index for match in matches}
    return [example for row, example in enumerate(rows) if row not in gone]


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
    )
