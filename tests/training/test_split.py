"""The holdout: stable, and never trained on."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings, strategies as st

from curation import Chunk, Corpus, Decision
from tests.training import rounds
from tests.training.material import accepted_triplets, make_chunks, triplet
from training.dry_run import preview
from training.judge.questions import holdout_questions, without_test_questions
from training.judge.testsets import TestSet
from training.prepare.dedup import jaccard, normalise, shingles
from training.prepare.examples import collect, section_of
from training.prepare.split import Split, chunk_groups, drop_repeated, is_holdout, split, take_sides
from training.settings import DedupSettings, TestSetSettings

NEAR = DedupSettings(semantic=False)
CHUNKS = make_chunks()


def _chunk(path: str, text: str, section: tuple[str, ...] = ()) -> Chunk:
    return Chunk(
        id=Chunk.make_id(path, section, text),
        document_id=path,
        source="folder:/x",
        path=path,
        section=section,
        text=text,
        tokens=10,
        position=0,
    )


@given(st.lists(st.text(), min_size=1, max_size=50), st.floats(0.05, 0.9))
def test_a_side_depends_on_nothing_else(places: list[str], share: float) -> None:
    for place in places:
        assert is_holdout(place, share) == is_holdout(place, share)
        if is_holdout(place, share):
            assert is_holdout(place, min(1.0, share + 0.1))


def test_the_share_is_kept_to() -> None:
    held = sum(is_holdout(f"page-{number}", 0.2) for number in range(10_000))
    assert 1_800 < held < 2_200


@given(st.lists(st.tuples(st.integers(0, 47), st.text("abc ", min_size=1, max_size=12)), max_size=60))
@settings(max_examples=60, deadline=None)
def test_no_held_out_chunk_or_question_is_trained_on(picks: list[tuple[int, str]]) -> None:
    decisions = [triplet(CHUNKS[number], text) for number, text in picks if text.strip()]
    groups = chunk_groups(CHUNKS, NEAR)
    kept, _ = drop_repeated(collect(decisions, CHUNKS).examples, groups, NEAR)
    parts = split(kept, CHUNKS, groups, 0.3, NEAR)
    trained = {example.chunk_id for example in parts.train}
    held = {example.chunk_id for example in parts.holdout}
    assert not trained & held
    assert not {groups[one] for one in trained} & {groups[one] for one in held}
    questions = {normalise(example.query) for example in parts.holdout}
    assert not questions & {normalise(example.query) for example in parts.train}
    assert len(parts.train) + len(parts.holdout) + len(parts.dropped) + len(parts.unused) == len(kept)


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_what_was_held_out_stays_held_out_when_more_is_annotated(data: st.DataObject) -> None:
    decisions = accepted_triplets(CHUNKS)
    number = data.draw(st.integers(1, len(decisions)))
    groups = chunk_groups(CHUNKS, NEAR)
    first = split(collect(decisions[:number], CHUNKS).examples, CHUNKS, groups, 0.2, NEAR)
    later = split(collect(decisions, CHUNKS).examples, CHUNKS, groups, 0.2, NEAR)
    assert {one.chunk_id for one in first.holdout} <= {one.chunk_id for one in later.holdout}
    assert not {one.chunk_id for one in first.holdout} & {one.chunk_id for one in later.train}


def test_an_edited_chunk_stays_on_its_side() -> None:
    before = _chunk("a.md", "A > B\n\nold words", ("A", "B"))
    after = _chunk("a.md", "A > B\n\nnew words", ("A", "B"))
    assert before.id != after.id
    assert section_of(before) == section_of(after)


def test_near_duplicate_chunks_are_on_one_side() -> None:
    body = "The whole text of the licence follows here and is the same in every file of the project. " * 3
    copies = [_chunk(f"copy-{number}.md", body + str(number)) for number in range(12)]
    groups = chunk_groups(copies, NEAR)
    assert len(set(groups.values())) == 1
    examples = collect(
        [triplet(chunk, f"question {number * 997}") for number, chunk in enumerate(copies)], copies
    )
    parts = split(examples.examples, copies, groups, 0.2, NEAR)
    assert not (parts.train and parts.holdout)


def test_a_training_question_like_a_held_out_one_is_dropped_and_says_for_which() -> None:
    held = next(chunk for chunk in CHUNKS if is_holdout(section_of(chunk), 0.2))
    trained = next(chunk for chunk in CHUNKS if not is_holdout(section_of(chunk), 0.2))
    decisions = [triplet(held, "Where do I find it?"), triplet(trained, "where do I  FIND it?")]
    parts = split(collect(decisions, CHUNKS).examples, CHUNKS, chunk_groups(CHUNKS, NEAR), 0.2, NEAR)
    assert parts.train == []
    assert parts.dropped[0].reason == "same holdout question"
    assert parts.dropped[0].kept_record_id == decisions[0].record_id


def _by_first_word(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """Vectors for which questions with the same first word mean the same."""
    known = sorted({text.split()[0] for text in texts} | {"when", "where", "why"})
    return np.array([[float(text.split()[0] == word) for word in known] for text in texts], dtype=np.float32)


def test_the_same_question_in_other_words_is_dropped_and_says_for_which() -> None:
    meaning = DedupSettings(semantic_threshold=0.9)
    held = next(chunk for chunk in CHUNKS if is_holdout(section_of(chunk), 0.2))
    first, second = [chunk for chunk in CHUNKS if not is_holdout(section_of(chunk), 0.2)][:2]
    decisions = [
        triplet(held, "where can the thing be found"),
        triplet(first, "why did it break"),
        triplet(first, "why is nothing whole any more"),
        triplet(second, "why does this differ"),
        triplet(second, "where would I look"),
    ]
    kept, dropped = drop_repeated(collect(decisions, CHUNKS).examples, {}, meaning, _by_first_word)
    assert [(one.query, one.kept, one.reason) for one in dropped] == [
        ("why is nothing whole any more", "why did it break", "in other words the same question")
    ]
    parts = split(kept, CHUNKS, chunk_groups(CHUNKS, NEAR), 0.2, meaning, _by_first_word)
    assert [one.query for one in parts.train] == ["why did it break", "why does this differ"]
    assert [(one.query, one.kept, one.reason) for one in parts.dropped] == [
        ("where would I look", "where can the thing be found", "in other words the same holdout question")
    ]


def test_a_training_question_that_asks_a_test_in_other_words_is_dropped_and_says_for_which() -> None:
    own = TestSet(name="own", queries={"1": "where would I look"}, qrels={"1": {"x.md": 1}})
    asked = [triplet(CHUNKS[0], "where can the thing be found"), triplet(CHUNKS[1], "why did it break")]
    train = collect(asked, CHUNKS).examples
    kept, dropped = without_test_questions(train, [own], DedupSettings(), _by_first_word)
    assert [one.query for one in kept] == ["why did it break"]
    assert [(one.kept_record_id, one.reason) for one in dropped] == [
        ("own: 1", "in other words the same question as in a test set")
    ]
    assert without_test_questions(train, [own], DedupSettings(semantic=False), _by_first_word) == (train, [])


def test_a_retrain_compares_by_meaning_with_the_tests_of_ones_own(tiny_model: Path, tmp_path: Path) -> None:
    """The tiny model does not see the order of words; the wording is another one."""
    (tmp_path / "queries.jsonl").write_text(
        '{"_id": "1", "text": "best way to mend a couch"}\n{"_id": "2", "text": "best way to wash a lamp"}\n'
    )
    (tmp_path / "qrels.tsv").write_text("1\tsofa.md\t1\n2\tlamp.md\t1\n")
    own = TestSetSettings(queries=str(tmp_path / "queries.jsonl"), qrels=str(tmp_path / "qrels.tsv"))
    chunks = rounds.make_corpus()
    free = next(chunk for chunk in chunks if not is_holdout(section_of(chunk), 0.2))
    said = [
        triplet(free, "where is the door"),
        triplet(free, "a couch: way to mend best"),
        triplet(free, "a lamp: way to wash best", "rejected"),
    ]
    plan = preview(
        rounds.bootstrapped(tmp_path / "home", tiny_model, chunks),
        Corpus(documents=[], chunks=chunks),
        rounds.training().model_copy(update={"testsets": [own]}),
        rounds.serving(tiny_model),
        lambda: said,
    )
    assert [row.role for row in plan.rows] == ["train", "dropped", "unused"]
    assert plan.rows[1].reason.startswith("in other words the same question as in a test set")
    assert "held out" in plan.rows[2].reason


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
        _chunk(f"copy-{place}.md", CHUNKS[index].text, (*CHUNKS[index].section, str(place)))
        for index, place in new
    ]

    def sides(chunks: list[Chunk]) -> tuple[set[str], set[str]]:
        decisions = [triplet(chunk, f"question {chunk.id[:12]}") for chunk in chunks]
        groups = chunk_groups(chunks, NEAR)
        parts = split(collect(decisions, chunks).examples, chunks, groups, share, NEAR)
        trained = {groups[one.chunk_id] for one in parts.train}
        assert not trained & {groups[one.chunk_id] for one in parts.holdout}
        return {one.record_id for one in parts.train}, {one.record_id for one in parts.holdout}

    train, holdout = sides(first)
    later_train, later_holdout = sides([*first, *copies])
    assert holdout <= later_holdout
    assert not train & later_holdout
    assert not holdout & later_train


HELD = [chunk for chunk in CHUNKS if is_holdout(section_of(chunk), 0.2)]
FREE = [chunk for chunk in CHUNKS if not is_holdout(section_of(chunk), 0.2)]
TWIN = _chunk(FREE[0].path, HELD[0].text, FREE[0].section)
_Keys = set[tuple[str, str]]


def _both(
    decisions: list[Decision],
    chunks: list[Chunk],
    near: DedupSettings = NEAR,
    first: _Keys | None = None,
) -> Split:
    """Sides, then repeated questions, then what would leak: as the retrain's steps do it."""
    groups = chunk_groups(chunks, near)
    examples = collect(decisions, chunks).examples
    sides = take_sides(examples, chunks, groups, 0.2)
    kept, _ = drop_repeated(examples, groups, near, sides=sides, first=first or set())
    return split(kept, chunks, groups, 0.2, near)


def test_a_copy_on_the_training_side_does_not_take_a_held_question_with_it() -> None:
    chunks = [TWIN if chunk is FREE[0] else chunk for chunk in CHUNKS]
    held, copied = triplet(HELD[0], "How to do it?"), triplet(TWIN, "How to do it?")
    for decisions in ([held], [held, copied], [copied, held]):
        parts = _both(decisions, chunks)
        assert [one.record_id for one in parts.holdout] == [held.record_id]
        assert parts.train == []


def test_one_new_question_does_not_replace_two_that_the_served_release_asked() -> None:
    first, bridge, second = (
        "how do I clean the brass lamp with a damp cloth",
        "tell how do I clean the brass lamp with a damp cloth",
        "tell me how do I clean the brass lamp with a damp cloth now",
    )
    old = [triplet(HELD[0], text) for text in (first, second)]
    asked: _Keys = {("triplets", one.record_id) for one in old}
    assert len(_both(old, CHUNKS).holdout) == 2
    parts = _both([triplet(HELD[0], bridge), *old], CHUNKS, first=asked)
    assert [one.query for one in parts.holdout] == [first, second]


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
    """Out of the holdout goes only what nearly equals one that stays there; with a release nothing goes at all."""
    about = [HELD[0], TWIN, HELD[1], FREE[1]]
    chunks = [TWIN if chunk is FREE[0] else chunk for chunk in CHUNKS]
    near = DedupSettings(semantic=False, threshold=0.8)
    decisions = [triplet(about[number], text) for number, text in old]
    more = [triplet(about[number], text) for number, text in new if (number, text) not in old]
    everything = [*decisions, *more]
    chance.shuffle(everything)
    before = _both(decisions, chunks, near)
    asked: _Keys = {(one.dataset, one.record_id) for one in [*before.holdout, *before.train]}
    after = _both(everything, chunks, near, asked if released else set())
    stays = {one.record_id for one in after.holdout}
    assert not {one.record_id for one in before.holdout} & {one.record_id for one in after.train}
    for one in before.holdout:
        like = [
            other
            for other in after.holdout
            if jaccard(shingles(normalise(one.query)), shingles(normalise(other.query))) >= near.threshold
        ]
        assert one.record_id in stays or (like and not released)


def test_a_chunk_of_the_training_side_is_right_where_its_question_is_held_out() -> None:
    """A model that finds it first has found what was asked for."""
    decisions = [
        triplet(FREE[3], "how do I get  RID of it?"),
        triplet(HELD[0], "How do I get rid of it?"),
        triplet(FREE[4], "Where do I put it?"),
    ]
    near = DedupSettings(semantic=False, threshold=0.95)
    groups = chunk_groups(CHUNKS, near)
    accepted = collect(decisions, CHUNKS).examples
    parts = split(accepted, CHUNKS, groups, 0.2, near)
    assert [one.query for one in parts.train] == ["Where do I put it?"]
    (question,) = holdout_questions(parts.holdout, CHUNKS, groups, accepted)
    assert question.text == "How do I get rid of it?"
    assert question.right == [HELD[0].id, FREE[3].id]
