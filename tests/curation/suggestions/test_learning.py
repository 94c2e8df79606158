"""Scorers that are learned from decisions, and when they count."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from curation.errors import StateError
from curation.suggestions.choice import SIGNALS, Guess, written
from curation.suggestions.features import Features
from curation.suggestions.learning import ENOUGH, Example, learn, learn_from
from curation.suggestions.scorer import load_scorers, save_scorers
from tests.curation.making import decision_of

QUESTION = "is_response_correct"  # one without a cold scorer


def examples(count: int, told_by: float = 3.0, first: int = 0) -> list[Example]:
    """Half of them yes; ``told_by`` is how far apart yes and no are, in standard deviations."""
    chance = random.Random(first)
    made = []
    for number in range(first, first + count):
        is_yes = number % 2 == 0
        features: Features = {"a": told_by * is_yes + chance.gauss(0, 1), "b": chance.gauss(0, 1)}
        made.append(Example(f"record-{number}", features, is_yes))
    return made


def test_nothing_is_learned_from_too_little() -> None:
    found = learn(QUESTION, examples(ENOUGH - 1))
    assert found.scorer is None
    assert "49 of 50" in found.why
    one_sided = [Example(one.record_id, one.features, True) for one in examples(200)]
    assert learn(QUESTION, one_sided).scorer is None


def test_what_tells_yes_from_no_is_learned_whatever_the_order() -> None:
    given = examples(80)
    scorer = learn(QUESTION, given).scorer
    assert scorer is not None
    assert scorer.discriminates
    assert (scorer.probability({"a": 3.0, "b": 0.0}) or 0) > 0.7
    assert (scorer.probability({"a": 0.0, "b": 0.0}) or 1) < 0.3
    assert scorer.probability({"a": 3.0}) is None
    random.Random(1).shuffle(given)
    assert learn(QUESTION, given).scorer == scorer


def test_what_does_not_tell_them_apart_is_silent() -> None:
    scorer = learn(QUESTION, examples(100, told_by=0.0)).scorer
    assert scorer is not None
    assert not scorer.discriminates


def test_a_new_one_takes_over_only_where_it_is_better() -> None:
    standing = learn(QUESTION, examples(60)).scorer
    few = learn(QUESTION, examples(70), standing)
    assert few.scorer == standing
    assert "since the last time" in few.why
    other_way = [Example(one.record_id, one.features, not one.is_yes) for one in examples(200, first=60)]
    turned = learn(QUESTION, [*examples(60), *other_way], standing)
    assert turned.why.startswith("better")
    assert turned.scorer is not None
    assert turned.scorer != standing
    weak = standing.model_copy(update={"bias": 9.0}) if standing else None
    assert learn(QUESTION, examples(200), weak).scorer != weak


def test_what_somebody_took_back_is_forgotten() -> None:
    standing = learn(QUESTION, examples(60)).scorer
    assert learn(QUESTION, examples(59), standing).scorer != standing
    assert learn(QUESTION, examples(20), standing).scorer is None


def test_decisions_are_learned_from_by_what_their_records_remember() -> None:
    decisions = [
        decision_of(
            record_id=one.record_id,
            values={QUESTION: "yes" if one.is_yes else "no"},
            metadata={SIGNALS: written({QUESTION: Guess(features=one.features)})},
        )
        for one in examples(60)
    ]
    (learned,) = learn_from(decisions, {})
    assert learned.scorer is not None
    assert learned.decisions == 60
    forgotten = [one.model_copy(update={"metadata": {}}) for one in decisions]
    assert learn_from(forgotten, {}) == []


def test_scorers_come_back_from_a_folder_as_they_were(tmp_path: Path) -> None:
    scorer = learn(QUESTION, examples(60)).scorer
    assert scorer is not None
    assert load_scorers(tmp_path) == {}
    save_scorers(tmp_path, {QUESTION: scorer})
    assert load_scorers(tmp_path) == {QUESTION: scorer}
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".safetensors"}
    (tmp_path / "scorers.safetensors").write_bytes(b"no tensors")
    with pytest.raises(StateError, match="damaged"):
        load_scorers(tmp_path)
