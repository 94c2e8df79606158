"""Every pair that people refused becomes a training row, within bounds that are told."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import assume, given, settings, strategies as st

from tests.training.material import make_chunks, triplet
from training.fit.data import Columns, SetName, same_thing, told_apart, training_sets
from training.prepare.examples import Example, Unused, collect
from training.prepare.negatives import Negative, decided_negatives
from training.prepare.taught import MOST_REFUSED, choose_refused
from training.settings import DedupSettings

CHUNKS = make_chunks()
OTHER = triplet(CHUNKS[20], "Other thing?")


def _decided(
    refused: list[tuple[int, str]], accepted: list[tuple[int, str]]
) -> tuple[list[Example], list[Negative], list[Unused]]:
    pairs = [triplet(CHUNKS[number], query) for number, query in accepted]
    wrong = [triplet(CHUNKS[number], query, "rejected") for number, query in refused]
    found = collect([*pairs, *wrong, OTHER], CHUNKS)
    decided = decided_negatives(found.examples, [], found.refusals, {}, [], DedupSettings(near=False))
    return found.examples, decided.negatives, decided.unused


def _last(columns: Columns) -> list[str]:
    return columns["negative_1"]


def test_every_refusal_of_a_question_and_of_a_chunk_is_a_row() -> None:
    questions = ["What is dinner?", "Where is the moon?", "Who won the cup?"]
    examples, negatives, unused = _decided(
        [*((0, one) for one in questions), *((number, "How do I wash it?") for number in (5, 9, 13))],
        [(0, "How do I wash it?")],
    )
    assert not unused
    sets = training_sets(examples, negatives, wanted=0, always=False, seed=17)
    assert sets["harder"]["anchor"] == ["How do I wash it?"] * 3
    assert _last(sets["harder"]) == [CHUNKS[number].text for number in (5, 9, 13)]
    assert sets["asked"]["anchor"] == [CHUNKS[0].text] * 3
    assert _last(sets["asked"]) == questions
    assert len(choose_refused(examples, negatives).negatives) == 6
    wide = training_sets(examples, negatives, wanted=2, always=False, seed=17)["harder"]
    assert wide["negative_1"] == [CHUNKS[5].text, CHUNKS[13].text]
    assert wide["negative_2"] == [CHUNKS[9].text, CHUNKS[20].text], "filled up with another example's text"


def test_what_is_refused_of_a_chunk_is_spread_over_its_questions() -> None:
    examples, negatives, _ = _decided(
        [(0, f"Nonsense {word}?") for word in "abcd"], [(0, "How?"), (0, "Why?")]
    )
    assert Counter(one.record_id for one in negatives) == dict.fromkeys(
        [one.record_id for one in examples[:2]], 2
    )
    asked = training_sets(examples, negatives, 0, always=False, seed=17)["asked"]
    assert sorted(asked["positive"]) == ["How?", "How?", "Why?", "Why?"]


def test_beyond_the_bound_and_without_its_pair_a_refusal_is_unused_and_says_why() -> None:
    examples, negatives, _ = _decided(
        [(0, f"Nonsense {number}?") for number in range(MOST_REFUSED + 2)], [(0, "How?")]
    )
    taught = choose_refused(examples, negatives)
    assert len(taught.negatives) == MOST_REFUSED
    assert {one.reason for one in taught.unused} == {"rejected (training takes 4 refusals of its chunk)"}
    gone = choose_refused(examples[1:], negatives)
    assert not gone.negatives
    assert len(gone.unused) == len(negatives)
    assert "not trained on" in gone.unused[0].reason


_KIND_OF: dict[SetName, str] = {"harder": "text", "asked": "question"}
_PAIRS = st.tuples(st.integers(0, 7), st.sampled_from(["how", "why", "HOW", "when", "where", "who"]))


@given(
    accepted=st.lists(_PAIRS, min_size=1, max_size=12, unique=True),
    refused=st.lists(_PAIRS, max_size=40, unique=True),
    wanted=st.integers(0, 3),
    always=st.booleans(),
    aside=st.integers(0, 3),
)
@settings(max_examples=100, deadline=None)
def test_what_is_called_taught_is_what_stands_in_the_rows(
    accepted: list[tuple[int, str]], refused: list[tuple[int, str]], wanted: int, always: bool, aside: int
) -> None:
    sure = {(number, query.casefold()) for number, query in accepted}
    wrong = [(number, query) for number, query in refused if (number, query.casefold()) not in sure]
    examples, negatives, unused = _decided(wrong, accepted)
    train = examples[aside:]
    assume(len({one.text for one in train}) > 1)
    taught = choose_refused(train, negatives)
    assert len(taught.negatives) + len(taught.unused) + len(unused) == len(wrong)
    sets = training_sets(train, negatives, wanted, always, seed=1)
    assert sets == training_sets(train, negatives, wanted, always, seed=1)
    rows = {
        (kind, row[0], row[1], value)
        for name, kind in _KIND_OF.items()
        for row in zip(*(sets[name].values() if name in sets else ()), strict=True)
        for value in row[2:]
    }
    by_key = {one.record_id: one for one in train}
    for one in taught.negatives:
        example = by_key[one.record_id]
        pair = (example.query, example.text)
        assert (one.kind, *(pair if one.kind == "text" else pair[::-1]), one.text) in rows
    most = max(1, len(train))
    assert sum(len(columns["anchor"]) for columns in sets.values()) <= most * (1 + 2 * MOST_REFUSED)


def test_what_fills_up_a_row_is_no_chunk_that_may_be_right() -> None:
    pairs = [(0, "How?"), (1, "how?"), (2, "Why?"), (3, "When?"), (4, "Who?")]
    found = collect([triplet(CHUNKS[number], query) for number, query in pairs], CHUNKS).examples
    groups = {CHUNKS[2].id: CHUNKS[0].id}
    for seed in range(20):
        harder = training_sets(found, [], 1, always=True, seed=seed, groups=groups)["harder"]
        wrong = dict(zip(harder["positive"], harder["negative_1"], strict=True))
        assert {wrong[CHUNKS[0].text], wrong[CHUNKS[1].text]} <= {CHUNKS[3].text, CHUNKS[4].text}
        assert wrong[CHUNKS[2].text] != CHUNKS[0].text
    contested = collect([triplet(CHUNKS[4], "HOW?")], CHUNKS).examples
    for seed in range(20):
        harder = training_sets(found, [], 1, always=True, seed=seed, groups=groups, accepted=contested)[
            "harder"
        ]
        assert harder["negative_1"][:2] == [CHUNKS[3].text] * 2
    with pytest.raises(ValueError, match="two texts that differ"):
        training_sets(found[:1] * 2, [], 1, always=True, seed=1)


def test_a_text_that_is_only_wrong_may_meet_itself_in_a_batch_and_a_right_one_may_not() -> None:
    examples, negatives, _ = _decided([(5, "How?"), (5, "Why?"), (0, "Why?")], [(0, "How?"), (1, "Why?")])
    columns = training_sets(examples, negatives, 0, always=False, seed=1)["harder"]
    apart, _ = told_apart(columns, same_thing(examples, {}))
    assert [row[-1] for row in zip(*columns.values(), strict=True)] == [CHUNKS[5].text] * 2 + [CHUNKS[0].text]
    assert len(set(apart["negative_1"])) == 3
    assert apart["negative_1"][2] == apart["positive"][0]
