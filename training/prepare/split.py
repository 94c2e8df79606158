"""Which questions are kept for evaluation, and which examples say the same as others.

A stable hash of its section decides whether a question is held out, so that it stays so across retrains.
Then the duplicates go, and what resembles a held-out question or a test. ``PrepareContext`` is what these
steps share with those of conflicts.py and negatives.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from curation import (
    Chunk,
    DedupSettings,
    Match,
    VectorsOf,
    Workers,
    find_duplicates,
    find_matches,
    group,
    in_process,
    matches_in_meaning,
    questions_like,
    same_meaning,
)
from training.ledger.rows import LedgerRow, RecordKey, exchange, of, section_of
from training.ledger.store import History

_IN_OTHER_WORDS = "in other words the same"
_NEARLY_THE_SAME = "nearly the same"

_SALT = "clayloop holdout 1\t"
_HELD = "kept from training: its section is held out, and the served release"


@dataclass(frozen=True)
class PrepareContext:
    """What the steps need to know beside the rows.

    ``chunks`` are those to index. ``groups`` maps a chunk's id to the one that stands for its near
    duplicates, and for what it was before an edit (``chunk_groups``). ``holdout_share`` of the sections is
    kept for evaluation. ``tests`` are the questions of test sets of one's own, by name. ``vectors_of`` embeds
    questions; without it only their wording is compared. ``fold`` says which share of the sections is held
    out; 0 is the holdout. ``held`` are the groups of chunks that are held out (``held_groups``).
    """

    chunks: Sequence[Chunk]
    groups: Mapping[str, str]
    dedup: DedupSettings = field(default_factory=DedupSettings)
    holdout_share: float = 0.2
    history: History = field(default_factory=History)
    tests: Mapping[str, str] = field(default_factory=dict)
    vectors_of: VectorsOf | None = None
    fold: int = 0
    held: frozenset[str] = frozenset()

    def group_of(self, row: LedgerRow) -> str:
        """The chunk that stands for the row's chunk and all its near duplicates."""
        return self.groups.get(row.chunk_id, row.chunk_id)

    def holds_out(self, place: str) -> bool:
        """Whether the section ``place`` is held out in this fold."""
        return is_holdout(place, self.holdout_share, self.fold)

    @property
    def by_meaning(self) -> VectorsOf | None:
        """What embeds questions, where their meaning is to be compared."""
        return self.vectors_of if self.dedup.semantic else None


def is_holdout(place: str, share: float, fold: int = 0) -> bool:
    """Whether the section ``place`` is kept for evaluation: the same answer for ever, whatever is added. No
    section is in two folds."""
    digest = hashlib.sha256((_SALT + place).encode("utf-8", "surrogatepass")).digest()
    return fold * share * 2**64 <= int.from_bytes(digest[:8], "big") < (fold + 1) * share * 2**64


def chunk_groups(
    chunks: Sequence[Chunk],
    settings: DedupSettings,
    rows: Sequence[LedgerRow] = (),
    workers: Workers = in_process,
) -> dict[str, str]:
    """Chunk id → the id that stands for it and its (near) duplicates.

    Chunks that only ``rows`` know, since their texts have changed, are with the chunk that took their place,
    or with those of them that say nearly the same. They never join two groups of ``chunks``.
    """
    labels = group([chunk.text for chunk in chunks], settings, workers)
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


def held_groups(rows: Sequence[LedgerRow], context: PrepareContext) -> frozenset[str]:
    """The groups of chunks that are held out, whether anybody asks about them or not. A group is held out if
    the section of any of its chunks is; the sections of texts that have changed since count too."""
    held = {
        context.groups.get(chunk.id, chunk.id)
        for chunk in context.chunks
        if context.holds_out(section_of(chunk))
    }
    # Of a chunk that no ingest knew only the id is known. It stands for the place, and puts no group aside.
    held |= {
        context.group_of(row)
        for row in rows
        if row.fate == "open" and row.place != row.chunk_id and context.holds_out(row.place)
    }
    return frozenset(held)


def take_sides(rows: Sequence[LedgerRow], context: PrepareContext) -> list[LedgerRow]:
    """Each example is held out or trained on. A section is on one side for ever, whatever is added.

    A chunk on the training side that nearly equals a held-out one is not trained on; it does not move to the
    holdout either. What the served release learned is not asked, nor anything else about such a chunk or
    section unless it was asked before. When the share is raised, sections are held out that the served
    release was trained on, and asking about them would favour it.
    """
    indexed = {chunk.id for chunk in context.chunks}
    history = context.history
    trained = {
        context.group_of(row) for row in rows if row.teaches == "example" and row.key in history.learned
    }
    trained |= {context.groups.get(name, name) for name in history.trained_about}  # a section is its own name

    def side(row: LedgerRow) -> LedgerRow:
        own = context.group_of(row)
        if context.holds_out(row.place):
            if row.version not in indexed:
                return row.settled(
                    "unused", "kept from training, and its chunk is not in the index as it was judged"
                )
            if row.key in history.learned:
                return row.settled("unused", f"{_HELD} has learned from it")
            if (own in trained or row.place in trained) and row.key not in history.asked:
                return row.settled("unused", f"{_HELD} has learned from its chunk")
            return row.settled("holdout")
        if own in context.held:
            return row.settled(
                "unused", "kept from training: its chunk is nearly the same as one that is held out"
            )
        return row.settled("train")

    return [side(row) if row.teaches == "example" and row.fate == "open" else row for row in rows]


def drop_repeated(rows: Sequence[LedgerRow], context: PrepareContext) -> list[LedgerRow]:
    """Without the questions that ask the same about the same chunk (or about its near duplicate) on the same
    side.

    Of several that are the same the first one stays, and before all others one that the served release asked
    or learned: that is not exchanged for something newer.
    """
    first = context.history.asked | context.history.trained
    examples = sorted(of(rows, "example", "train", "holdout"), key=lambda row: row.key not in first)

    def keys(chosen: Sequence[LedgerRow]) -> list[str]:
        return [f"{row.fate}\t{context.group_of(row)}" for row in chosen]

    matches = find_duplicates([row.query for row in examples], context.dedup, keys=keys(examples))
    dropped = [_dropped(examples, match, examples) for match in matches]
    examples = _without(examples, matches)
    if context.by_meaning and examples:
        vectors = context.by_meaning([row.query for row in examples])
        matches = same_meaning(vectors, keys(examples), context.dedup.semantic_threshold)
        later = {
            examples[match.index].key: _dropped(examples, match, examples, _IN_OTHER_WORDS)
            for match in matches
        }
        dropped = [*(_for_the_one_that_stays(row, later) for row in dropped), *later.values()]
    return exchange(rows, dropped)


def drop_leaks(rows: Sequence[LedgerRow], context: PrepareContext) -> list[LedgerRow]:
    """Without the training examples that resemble what is held out, or what a test set of one's own asks:
    nobody trains on a test."""
    held = of(rows, "example", "holdout")
    train = of(rows, "example", "train")
    dropped: list[LedgerRow] = []
    parts: tuple[tuple[Callable[[LedgerRow], str], str], ...] = (
        (lambda row: row.query, "holdout question"),
        (lambda row: row.text, "holdout chunk"),
    )
    for text_of, what in parts:
        matches = find_matches([text_of(row) for row in train], [text_of(row) for row in held], context.dedup)
        dropped += [_dropped(train, match, held, what=what) for match in matches]
        train = _without(train, matches)
    if context.by_meaning and train and held:
        matches = matches_in_meaning(
            context.by_meaning([row.query for row in train]),
            context.by_meaning([row.query for row in held]),
            context.dedup.semantic_threshold,
        )
        dropped += [_dropped(train, match, held, _IN_OTHER_WORDS, "holdout question") for match in matches]
        train = _without(train, matches)
    return exchange(rows, [*dropped, *_asked_by_tests(train, context)])


def _asked_by_tests(train: Sequence[LedgerRow], context: PrepareContext) -> list[LedgerRow]:
    """Those of ``train`` that ask what a test set asks, with their fate. Their ``other`` names the test."""
    names = list(context.tests)
    worded, meant = questions_like(
        [row.query for row in train], list(context.tests.values()), context.dedup, context.by_meaning
    )
    found = []
    for number, match in enumerate((*worded, *meant)):
        how = "same" if match.exact else _NEARLY_THE_SAME if number < len(worded) else _IN_OTHER_WORDS
        settled = train[match.index].settled(
            "duplicate", f"{how} question as in a test set", similarity=round(match.similarity, 4)
        )
        found.append(settled.model_copy(update={"other": names[match.kept]}))
    return found


def _without(rows: Sequence[LedgerRow], matches: Sequence[Match]) -> list[LedgerRow]:
    gone = {match.index for match in matches}
    return [row for place, row in enumerate(rows) if place not in gone]


def _dropped(
    rows: Sequence[LedgerRow],
    match: Match,
    references: Sequence[LedgerRow],
    how: str = _NEARLY_THE_SAME,
    what: str = "question",
) -> LedgerRow:
    return rows[match.index].settled(
        "duplicate",
        f"{'same' if match.exact else how} {what}",
        references[match.kept],
        similarity=round(match.similarity, 4),
    )


def _for_the_one_that_stays(row: LedgerRow, later: Mapping[RecordKey, LedgerRow]) -> LedgerRow:
    """``row`` was dropped for another one. If that one was dropped ``later``, name what was kept for it."""
    further = later.get(RecordKey(row.other_dataset, row.other))  # type: ignore[arg-type]
    if further is None:
        return row
    return row.model_copy(
        update={
            "other_dataset": further.other_dataset,
            "other": further.other,
            "similarity": min(row.similarity, further.similarity),
        }
    )
