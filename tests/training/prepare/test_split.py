"""The holdout: stable, and never trained on."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given, settings, strategies as st

from curation import Chunk, Decision, DedupSettings, jaccard, normalise, shingles
from tests.training.material import accepted_triplets, triplet
from tests.training.prepare.made_up import (
    CHUNKS,
    FREE,
    HELD,
    NEAR,
    collected,
    context_of,
    edited,
    history,
    keys,
    prepared,
    with_text,
)
from training.ledger.rows import LedgerRow, of, section_of
from training.ledger.store import History
from training.prepare.prepared import Prepared
from training.prepare.split import chunk_groups, held_groups, is_holdout, take_sides


def _sides(
    rows: list[LedgerRow], share: float, before: History | None = None
) -> tuple[list[LedgerRow], list[LedgerRow]]:
    """The open examples of ``rows`` that go to training and to the holdout."""
    setting = context_of(rows, dedup=NEAR, groups=GROUPS, holdout_share=share, history=before or History())
    settled = take_sides(rows, replace(setting, held=held_groups(rows, setting)))
    return of(settled, "example", "train"), of(settled, "example", "holdout")


GROUPS = chunk_groups(CHUNKS, DedupSettings(semantic=False, threshold=0.95))


@given(st.lists(st.text(), min_size=1, max_size=50), st.floats(0.05, 0.9))
def test_a_side_depends_on_nothing_else(places: list[str], share: float) -> None:
    for place in places:
        assert is_holdout(place, share) == is_holdout(place, share)
        if is_holdout(place, share):
            assert is_holdout(place, min(1.0, share + 0.1))


@given(st.text(), st.sampled_from([0.05, 0.1, 0.2, 0.3, 0.5]))
def test_a_place_is_held_out_in_one_fold(place: str, share: float) -> None:
    held = [is_holdout(place, share, fold) for fold in range(round(1 / share) + 1)]
    assert sum(held) == 1


def test_the_share_is_kept_to() -> None:
    held = sum(is_holdout(f"page-{number}", 0.2) for number in range(10_000))
    assert 1_800 < held < 2_200


@given(st.lists(st.tuples(st.integers(0, 47), st.text("abc ", min_size=1, max_size=12)), max_size=60))
@settings(max_examples=60, deadline=None)
def test_no_held_out_chunk_or_question_is_trained_on(picks: list[tuple[int, str]]) -> None:
    decisions = [triplet(CHUNKS[number], text) for number, text in dict.fromkeys(picks) if text.strip()]
    found = prepared(decisions, holdout_share=0.3)
    groups = found.groups
    trained = {row.chunk_id for row in found.train}
    held = {row.chunk_id for row in found.holdout}
    assert not trained & held
    assert not {groups[one] for one in trained} & {groups[one] for one in held}
    questions = {normalise(row.query) for row in found.holdout}
    assert not questions & {normalise(row.query) for row in found.train}
    for row in found.train:
        for other in found.holdout:
            pair = shingles(normalise(row.query)), shingles(normalise(other.query))
            assert jaccard(*pair) < NEAR.threshold
    assert len(found.ledger) == len(decisions)
    assert not of(found.ledger, "example", "open")


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_what_was_held_out_stays_held_out_when_more_is_annotated(data: st.DataObject) -> None:
    decisions = accepted_triplets(CHUNKS)
    number = data.draw(st.integers(1, len(decisions)))
    first, later = prepared(decisions[:number]), prepared(decisions)
    assert {one.chunk_id for one in first.holdout} <= {one.chunk_id for one in later.holdout}
    assert not {one.chunk_id for one in first.holdout} & {one.chunk_id for one in later.train}


def test_an_edited_chunk_stays_in_its_section() -> None:
    after = edited(CHUNKS[0])
    assert CHUNKS[0].id != after.id
    assert section_of(CHUNKS[0]) == section_of(after)


def test_near_duplicate_chunks_are_on_one_side() -> None:
    body = "The whole text of the licence follows here and is the same in every file of the project. " * 3
    copies = [with_text(CHUNKS[0], body + str(number), f"copy-{number}.md", ("-",)) for number in range(12)]
    found = prepared(
        [triplet(chunk, f"question {number * 997}") for number, chunk in enumerate(copies)], copies
    )
    assert len(set(found.groups.values())) == 1
    assert not (found.train and found.holdout)


@given(
    st.lists(st.integers(0, 47), min_size=1, max_size=30, unique=True),
    st.lists(st.tuples(st.integers(0, 47), st.integers(0, 200)), max_size=20, unique=True),
    st.floats(0.1, 0.5),
)
@settings(max_examples=60, deadline=None)
def test_new_rows_never_move_an_old_one(old: list[int], new: list[tuple[int, int]], share: float) -> None:
    """What comes later, near duplicates of old chunks among it, puts nothing from one side on the other."""
    first = [CHUNKS[index] for index in old]
    copies = [
        with_text(CHUNKS[index], CHUNKS[index].text, f"copy-{place}.md", (*CHUNKS[index].section, str(place)))
        for index, place in new
    ]

    def sides(chunks: list[Chunk]) -> tuple[set[str], set[str]]:
        decisions = [triplet(chunk, f"question {chunk.id[:12]}") for chunk in chunks]
        found = prepared(decisions, chunks, holdout_share=share)
        trained = {found.groups[one.chunk_id] for one in found.train}
        assert not trained & {found.groups[one.chunk_id] for one in found.holdout}
        return {one.record_id for one in found.train}, {one.record_id for one in found.holdout}

    train, holdout = sides(first)
    later_train, later_holdout = sides([*first, *copies])
    assert holdout <= later_holdout
    assert not train & later_holdout
    assert not holdout & later_train


TWIN = with_text(FREE[0], HELD[0].text)
WITH_TWIN = [TWIN if chunk is FREE[0] else chunk for chunk in CHUNKS]


def test_a_copy_on_the_training_side_does_not_take_a_held_question_with_it() -> None:
    held, copied = triplet(HELD[0], "How to do it?"), triplet(TWIN, "How to do it?")
    for decisions in ([held], [held, copied], [copied, held]):
        found = prepared(decisions, WITH_TWIN)
        assert [one.record_id for one in found.holdout] == [held.record_id]
        assert found.train == []


def test_one_new_question_does_not_replace_two_that_the_served_release_asked() -> None:
    first, bridge, second = (
        "how do I clean the brass lamp with a damp cloth",
        "tell how do I clean the brass lamp with a damp cloth",
        "tell me how do I clean the brass lamp with a damp cloth now",
    )
    old = [triplet(HELD[0], text) for text in (first, second)]
    before = prepared(old)
    assert len(before.holdout) == 2
    found = prepared([triplet(HELD[0], bridge), *old], history=history(before.holdout))
    assert [one.query for one in found.holdout] == [first, second]


# Texts of which some are near duplicates of each other and some of a third one only.
_TEXTS = st.tuples(
    st.sampled_from(["", "tell ", "tell me ", "please tell me "]),
    st.sampled_from(["how do I clean the brass lamp with a damp cloth", "where is it"]),
    st.sampled_from(["", "?", " now", " right now"]),
).map("".join)
_ROWS = st.lists(st.tuples(st.integers(0, 3), _TEXTS), max_size=10, unique=True)


@given(_ROWS, _ROWS, st.randoms(use_true_random=False), st.booleans())
@settings(max_examples=80, deadline=None)
def test_new_records_never_move_an_old_one(
    old: list[tuple[int, str]], new: list[tuple[int, str]], chance: random.Random, released: bool
) -> None:
    """Only what nearly equals a question that stays leaves the holdout; with a release nothing leaves it."""
    about = [HELD[0], TWIN, HELD[1], FREE[1]]
    decisions = [triplet(about[number], text) for number, text in old]
    more = [triplet(about[number], text) for number, text in new if (number, text) not in old]
    everything: list[Decision] = [*decisions, *more]
    chance.shuffle(everything)
    before = prepared(decisions, WITH_TWIN)
    known = history(before.holdout, before.train) if released else History()
    after = prepared(everything, WITH_TWIN, history=known)
    assert not keys(before.holdout) & keys(after.train)
    for one in before.holdout:
        assert one.key in keys(after.holdout) or (_is_like(one, after) and not released)


def _is_like(row: LedgerRow, found: Prepared) -> bool:
    own = shingles(normalise(row.query))
    return any(jaccard(own, shingles(normalise(other.query))) >= NEAR.threshold for other in found.holdout)


@given(
    st.lists(st.integers(0, 47), min_size=1, max_size=30),
    st.lists(st.integers(0, 47), max_size=30),
    st.floats(0.0, 1.0),
    st.floats(0.0, 1.0),
)
@settings(max_examples=60, deadline=None)
def test_no_share_asks_what_was_learned_and_what_is_asked_stays_so(
    old: list[int], new: list[int], before: float, after: float
) -> None:
    rows = collected([triplet(CHUNKS[row], f"old {row}") for row in dict.fromkeys(old)])
    train, holdout = _sides(rows, before)
    more = collected([triplet(CHUNKS[row], f"new {row}") for row in dict.fromkeys(new)])
    then_train, then_holdout = _sides([*rows, *more], after, history(holdout, train))
    assert not {one.chunk_id for one in train} & {one.chunk_id for one in then_holdout}
    assert not keys(then_train) & keys(then_holdout)
    if after >= before:
        assert keys(holdout) <= keys(then_holdout)
    untouched = {one.chunk_id for one in more} - {one.chunk_id for one in rows}
    asked = {one.chunk_id for one in then_holdout}
    held = {chunk.id for chunk in CHUNKS if is_holdout(section_of(chunk), after)}
    assert untouched & held <= asked, "what nobody learned from is asked as ever"


def test_a_raised_share_asks_nothing_that_the_served_release_learned() -> None:
    said = [triplet(chunk, f"Number {row * 7919}?") for row, chunk in enumerate(CHUNKS[::2])]
    before = prepared(said)
    new = [triplet(chunk, f"And {row * 104729}, please?") for row, chunk in enumerate(CHUNKS)]
    after = prepared([*said, *new], holdout_share=0.5, history=History.of(before.ledger))
    fates = {row.record_id: row.fate for row in after.ledger}
    held = {chunk.id for chunk in CHUNKS if is_holdout(section_of(chunk), 0.5)}
    learned = {row.chunk_id for row in before.train}
    assert held & learned
    assert "holdout" not in {fates[row.record_id] for row in before.train}
    assert {fates[one.record_id] for one in new if one.chunk_id in held & learned} == {"unused"}
    assert {fates[one.record_id] for one in new if one.chunk_id in held - learned} == {"holdout"}
    assert {fates[row.record_id] for row in before.holdout} == {"holdout"}


def test_a_refusal_that_was_learned_is_not_asked_when_it_is_accepted_later() -> None:
    (row,) = collected([triplet(HELD[0], "Where does it end?")])
    before = History.of([row.settled("negative")])
    assert _sides([row], 0.2) == ([], [row.settled("holdout")])
    assert _sides([row], 0.2, before) == ([], [])


def test_what_is_held_out_and_has_no_chunk_in_the_index_is_neither_asked_nor_trained_on() -> None:
    rows = collected([triplet(HELD[0], "Where is it?")])
    assert _sides([row.model_copy(update={"version": ""}) for row in rows], 0.2) == ([], [])
