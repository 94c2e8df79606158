"""Questions that ask the same about the same chunk are learned once, and nothing that is held out is learned
in other words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from training.ledger.rows import LedgerRow, RecordKey, of
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
    gone: dict[
        int, LedgerRow
    ] = {}  # by id(): a row's key and side tell it apart, its place in memory does so as well

    def keys(chosen: Sequence[LedgerRow]) -> list[str]:
        return [f"{row.fate}\t{setting.group_of(row)}" for row in chosen]

    matches = find_duplicates([row.query for row in examples], setting.dedup, keys=keys(examples))
    gone |= {id(examples[match.index]): _dropped(examples, match, examples) for match in matches}
    examples = [row for row in examples if id(row) not in gone]
    if setting.by_meaning and examples:
        vectors = setting.by_meaning([row.query for row in examples])
        matches = same_meaning(vectors, keys(examples), setting.dedup.semantic_threshold)
        then = {
            id(examples[match.index]): _dropped(examples, match, examples, IN_OTHER_WORDS)
            for match in matches
        }
        went = {row.key: row for row in then.values()}
        gone = {key: _to_the_last(row, went) for key, row in gone.items()} | then
    return [gone.get(id(row), row) for row in rows]


def drop_leaks(rows: Sequence[LedgerRow], setting: Setting) -> list[LedgerRow]:
    """Without the training examples that resemble what is held out, or what a test set of one's own asks:
    nobody trains on a test."""
    held = of(rows, "example", "holdout")
    train = of(rows, "example", "train")
    gone: dict[int, LedgerRow] = {}
    parts: tuple[tuple[Callable[[LedgerRow], str], str], ...] = (
        (lambda row: row.query, "holdout question"),
        (lambda row: row.text, "holdout chunk"),
    )
    for text_of, what in parts:
        matches = find_matches([text_of(row) for row in train], [text_of(row) for row in held], setting.dedup)
        gone |= {id(train[match.index]): _dropped(train, match, held, what=what) for match in matches}
        train = [row for row in train if id(row) not in gone]
    if setting.by_meaning and train and held:
        matches = matches_in_meaning(
            setting.by_meaning([row.query for row in train]),
            setting.by_meaning([row.query for row in held]),
            setting.dedup.semantic_threshold,
        )
        gone |= {
            id(train[match.index]): _dropped(train, match, held, IN_OTHER_WORDS, "holdout question")
            for match in matches
        }
        train = [row for row in train if id(row) not in gone]
    gone |= _asked_by_tests(train, setting)
    return [gone.get(id(row), row) for row in rows]


def _asked_by_tests(train: Sequence[LedgerRow], setting: Setting) -> dict[int, LedgerRow]:
    names = list(setting.tests)
    worded, meant = questions_like(
        [row.query for row in train], list(setting.tests.values()), setting.dedup, setting.by_meaning
    )
    found = {}
    for number, match in enumerate((*worded, *meant)):
        how = "same" if match.exact else NEARLY_THE_SAME if number < len(worded) else IN_OTHER_WORDS
        row = train[match.index]
        reason = f"{how} question as in a test set"
        found[id(row)] = row.settled("duplicate", reason, similarity=round(match.similarity, 4)).model_copy(
            update={"other": names[match.kept]}
        )
    return found


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


def _to_the_last(row: LedgerRow, went: Mapping[RecordKey, LedgerRow]) -> LedgerRow:
    """A row that went for one that then went itself belongs to the one that stayed."""
    further = went.get(RecordKey(row.other_dataset, row.other))  # type: ignore[arg-type]
    if further is None:
        return row
    return row.model_copy(
        update={
            "other_dataset": further.other_dataset,
            "other": further.other,
            "similarity": min(row.similarity, further.similarity),
        }
    )
