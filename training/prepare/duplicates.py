"""Questions that ask the same about the same chunk are learned once, and nothing that is held out is learned
in other words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from training.ledger.rows import LedgerRow, RecordKey, exchange, of
from training.prepare.likeness import matches_in_meaning, questions_like, same_meaning
from training.prepare.setting import Setting
from training.prepare.similarity import Match, find_duplicates, find_matches

IN_OTHER_WORDS = "in other words the same"
NEARLY_THE_SAME = "nearly the same"


def drop_repeated(rows: Sequence[LedgerRow], setting: Setting) -> list[LedgerRow]:
    """Without the questions that ask the same about the same chunk (or about its near duplicate) on the same
    side.

    Of several that are the same the first one stays, and before all others one that the served release asked
    or learned: that is not exchanged for something newer.
    """
    first = setting.history.asked | setting.history.trained
    examples = sorted(of(rows, "example", "train", "holdout"), key=lambda row: row.key not in first)

    def keys(chosen: Sequence[LedgerRow]) -> list[str]:
        return [f"{row.fate}\t{setting.group_of(row)}" for row in chosen]

    matches = find_duplicates([row.query for row in examples], setting.dedup, keys=keys(examples))
    dropped = [_dropped(examples, match, examples) for match in matches]
    examples = _without(examples, matches)
    if setting.by_meaning and examples:
        vectors = setting.by_meaning([row.query for row in examples])
        matches = same_meaning(vectors, keys(examples), setting.dedup.semantic_threshold)
        later = {
            examples[match.index].key: _dropped(examples, match, examples, IN_OTHER_WORDS)
            for match in matches
        }
        dropped = [*(_for_the_one_that_stays(row, later) for row in dropped), *later.values()]
    return exchange(rows, dropped)


def drop_leaks(rows: Sequence[LedgerRow], setting: Setting) -> list[LedgerRow]:
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
        matches = find_matches([text_of(row) for row in train], [text_of(row) for row in held], setting.dedup)
        dropped += [_dropped(train, match, held, what=what) for match in matches]
        train = _without(train, matches)
    if setting.by_meaning and train and held:
        matches = matches_in_meaning(
            setting.by_meaning([row.query for row in train]),
            setting.by_meaning([row.query for row in held]),
            setting.dedup.semantic_threshold,
        )
        dropped += [_dropped(train, match, held, IN_OTHER_WORDS, "holdout question") for match in matches]
        train = _without(train, matches)
    return exchange(rows, [*dropped, *_asked_by_tests(train, setting)])


def _asked_by_tests(train: Sequence[LedgerRow], setting: Setting) -> list[LedgerRow]:
    """Those of ``train`` that ask what a test set asks, with their fate. Their ``other`` names the test."""
    names = list(setting.tests)
    worded, meant = questions_like(
        [row.query for row in train], list(setting.tests.values()), setting.dedup, setting.by_meaning
    )
    found = []
    for number, match in enumerate((*worded, *meant)):
        how = "same" if match.exact else NEARLY_THE_SAME if number < len(worded) else IN_OTHER_WORDS
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
    how: str = NEARLY_THE_SAME,
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
