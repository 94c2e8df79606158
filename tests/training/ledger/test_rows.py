"""Decisions are counted once each, by what became of them."""

from __future__ import annotations

from hypothesis import given, strategies as st

from tests.training.ledger.made_up import ROWS
from training.ledger.rows import Fate, LedgerRow, by_decision, of, tally

EXAMPLE = LedgerRow(dataset="conversations", record_id="talk", teaches="example")
REFUSAL = EXAMPLE.model_copy(update={"teaches": "refusal"})


@given(st.lists(ROWS, max_size=12))
def test_every_decision_has_one_row_that_speaks_for_it(rows: list[LedgerRow]) -> None:
    found = by_decision(rows)
    assert [row.key for row in found] == list(dict.fromkeys(row.key for row in rows))
    assert all(any(row is one for one in rows) for row in found)
    counted = tally(rows)
    assert sum(counted.fates.values()) == len(found)
    for fate, reasons in counted.reasons.items():
        assert sum(reasons.values()) == counted.fates[fate]
        assert list(reasons.values()) == sorted(reasons.values(), reverse=True)


def test_what_was_learned_says_more_than_what_was_not() -> None:
    fates: list[tuple[Fate, Fate, Fate]] = [
        ("train", "negative", "train"),
        ("holdout", "negative", "holdout"),
        ("duplicate", "negative", "negative"),
        ("duplicate", "unused", "duplicate"),
        ("duplicate", "conflict", "duplicate"),
        ("unused", "negative", "negative"),
    ]
    for example, refusal, telling in fates:
        rows = [EXAMPLE.settled(example), REFUSAL.settled(refusal)]
        assert [row.fate for row in by_decision(rows)] == [telling]


def test_of_two_that_taught_nothing_the_example_says_why() -> None:
    fates: list[tuple[Fate, Fate]] = [("unused", "unused"), ("unused", "conflict"), ("conflict", "unused")]
    for example, refusal in fates:
        rows = [EXAMPLE.settled(example, "its chunk is held out"), REFUSAL.settled(refusal, "no pair")]
        assert tally(rows).reasons == {example: {"its chunk is held out": 1}}


def test_reasons_are_counted_without_the_record_that_they_are_about() -> None:
    others = [EXAMPLE.model_copy(update={"record_id": name}) for name in "abcd"]
    why = "another record was decided the other way"
    rows = [
        LedgerRow(dataset="triplets", record_id=str(number)).settled("conflict", why, other)
        for number, other in enumerate(others)
    ]
    rows.append(EXAMPLE.settled("duplicate", "same question"))
    assert tally(rows).fates == {"conflict": 4, "duplicate": 1}
    assert tally(rows).reasons == {
        "conflict": {"another record was decided the other way": 4},
        "duplicate": {"same question": 1},
    }
    assert [row.other for row in rows] == ["a", "b", "c", "d", ""]
    assert {row.other_dataset for row in rows[:4]} == {"conversations"}


def test_a_record_of_another_dataset_is_another_record() -> None:
    twin = EXAMPLE.model_copy(update={"dataset": "triplets"})
    assert len(by_decision([EXAMPLE, twin])) == 2
    assert of([EXAMPLE, REFUSAL, twin], "example") == [EXAMPLE, twin]
    assert of([EXAMPLE, REFUSAL.settled("unused")], "refusal", "open", "negative") == []
