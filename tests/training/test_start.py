"""Where training starts, and that the arithmetic is settled once."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from serving import Embedder, EmbeddingSettings
from tests.training.material import MODEL, accepted_triplets, make_chunks
from training.fit.precision import Precision, choose_precision
from training.fit.start import LEAST_QUESTIONS, choose_start, plan_start
from training.prepare.dedup import find_matches, normalise
from training.prepare.examples import Example, collect
from training.settings import DedupSettings

CHUNKS = make_chunks()
TRAIN = collect(accepted_triplets(CHUNKS), CHUNKS).examples
EXACT = DedupSettings(near=False)
KEYS = [(one.dataset, one.record_id) for one in TRAIN]

ROW: Any = {"dataset": "triplets", "place": "", "origin": ""}


def test_a_first_retrain_starts_from_the_base() -> None:
    aside = plan_start("auto", TRAIN, set(), {}, EXACT)
    assert aside.plan.candidates == ["base"]
    assert aside.train == TRAIN


@pytest.mark.parametrize("wanted", ["base", "current"])
def test_what_is_set_is_done_with_everything(wanted: str) -> None:
    aside = plan_start(wanted, TRAIN, set(KEYS[:10]), {}, EXACT)  # type: ignore[arg-type]
    assert (aside.plan.candidates, aside.train, aside.validation) == ([wanted], TRAIN, [])


def test_what_was_taken_back_is_forgotten_by_a_fresh_start() -> None:
    aside = plan_start("auto", TRAIN[5:], set(KEYS[:10]), {}, EXACT)
    assert aside.plan.candidates == ["base"]
    assert "not to be learned from any more" in aside.plan.reason


@given(st.sets(st.integers(0, 95), min_size=1, max_size=40), st.booleans())
@settings(max_examples=60, deadline=None)
def test_what_chooses_is_known_to_neither(known: set[int], grouped: bool) -> None:
    groups = {chunk.id: CHUNKS[index - index % 2].id for index, chunk in enumerate(CHUNKS)} if grouped else {}
    before = {KEYS[index] for index in known}
    aside = plan_start("auto", TRAIN, before, groups, EXACT)
    if aside.plan.candidates == ["base"]:
        assert aside.train == TRAIN
        assert not aside.validation
        return
    assert len(aside.validation) >= LEAST_QUESTIONS
    assert len(aside.train) + len(aside.validation) == len(TRAIN)
    chosen = {groups.get(one.chunk_id, one.chunk_id) for one in aside.validation}
    assert not chosen & {groups.get(one.chunk_id, one.chunk_id) for one in aside.train}
    assert not before & {(one.dataset, one.record_id) for one in aside.validation}
    old_questions = {normalise(TRAIN[index].query) for index in known}
    assert not old_questions & {normalise(one.query) for one in aside.validation}
    assert {one.record_id for one in aside.unused} == {one.record_id for one in aside.validation}


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 40)), min_size=60, max_size=160, unique=True))
@settings(max_examples=40, deadline=None)
def test_nobody_trains_on_a_question_like_one_that_chooses(pairs: list[tuple[int, int]]) -> None:
    train = [Example(**ROW, record_id="old", query="old", text="old", chunk_id="old")]
    train += [
        Example(
            **ROW,
            record_id=f"{question}-{chunk}",
            query=f"What does the manual say of {question * 7919}{' ?' * (chunk % 2)}",
            text=f"text {chunk}",
            chunk_id=str(chunk),
        )
        for question, chunk in pairs
    ]
    near = DedupSettings(threshold=0.9)
    aside = plan_start("auto", train, {("triplets", "old")}, {}, near)
    assert sorted(aside.train + aside.validation, key=train.index) == train
    trained = [one.query for one in aside.train]
    assert find_matches([one.query for one in aside.validation], trained, near) == []
    assert not {one.chunk_id for one in aside.train} & {one.chunk_id for one in aside.validation}


def test_a_question_with_two_right_chunks_is_set_aside_with_both() -> None:
    train = [Example(**ROW, record_id="old", query="old", text="old", chunk_id="old")]
    for number in range(80):
        for chunk in (f"a{number}", f"b{number}"):
            query = f"question {number}"
            train.append(Example(**ROW, record_id=f"q{chunk}", query=query, text=chunk, chunk_id=chunk))
    aside = plan_start("auto", train, {("triplets", "old")}, {}, EXACT)
    assert len(aside.validation) == 40
    assert not {one.query for one in aside.train} & {one.query for one in aside.validation}


def test_the_better_start_is_chosen_and_a_tie_goes_to_the_base() -> None:
    embedding = EmbeddingSettings(model=MODEL, precision="float32", threads=1)
    good, bad = Embedder(MODEL, embedding), Embedder(MODEL, embedding)
    with torch.no_grad():
        for weights in bad.model.parameters():
            weights.copy_(torch.randn(weights.shape, generator=torch.Generator().manual_seed(1)) * 0.02)
    validation, others = TRAIN[:16], [one.text for one in TRAIN[16:24]]
    better = choose_start({"base": bad, "current": good}, validation, others)
    assert better.chosen == "current"
    assert better.scores["current"] > better.scores["base"]
    assert choose_start({"base": good, "current": bad}, validation, others).chosen == "base"
    assert choose_start({"base": good, "current": good}, validation, others).chosen == "base"


def test_the_arithmetic_of_an_earlier_run_is_taken_over_on_the_same_machine_only() -> None:
    texts = [one.text for one in TRAIN[:8]]
    auto = Embedder(MODEL, EmbeddingSettings(model=MODEL, precision="auto", threads=1))
    tried = choose_precision(auto, texts)
    other: Precision = tried.model_copy(
        update={
            "arithmetic": "float32" if tried.arithmetic == "bfloat16" else "bfloat16",
            "reason": "as it was",
        }
    )
    assert choose_precision(auto, texts, [other]) == other
    elsewhere = other.model_copy(update={"machine": "another"})
    assert choose_precision(auto, texts, [elsewhere]).machine == tried.machine
    assert "one small step" in choose_precision(auto, texts, [elsewhere]).reason
    fixed = Embedder(MODEL, EmbeddingSettings(model=MODEL, precision="float32", threads=1))
    assert choose_precision(fixed, texts, [other]).arithmetic == "float32"
