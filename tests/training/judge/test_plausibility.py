"""Whether new decisions look meant: the statistics, and what they say about swapped answers."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from curation import Decision
from serving import Embedder, Vectors
from tests.training import rounds
from tests.training.judge.rows import ledger
from tests.training.material import conversation, make_chunks, triplet
from training.judge.plausibility import (
    Pair,
    Plausibility,
    area,
    foretell,
    in_order,
    judged_pairs,
    signals,
    view_pairs,
    weigh,
)

CHUNKS = rounds.make_corpus()


@dataclass(frozen=True)
class Eyes:
    """A base model that embeds each question once."""

    embedder: Embedder
    vectors: Vectors

    def see(self, newest: Sequence[Decision], earlier: Sequence[Decision] = ()) -> Plausibility:
        before = {one.fingerprint for one in earlier}
        rows = ledger([*earlier, *newest], CHUNKS)
        return weigh(view_pairs(rows, before, CHUNKS, self.vectors, self.embedder.queries), resamples=300)


@pytest.fixture(scope="module")
def eyes(tiny_model: Path) -> Eyes:
    embedder = Embedder(str(tiny_model), rounds.serving(tiny_model).embedding)
    return Eyes(embedder, embedder.documents([chunk.text for chunk in CHUNKS]))


@cache
def _first() -> list[Decision]:
    return rounds.first_round(CHUNKS)


def test_swapped_answers_show_against_earlier_ones_and_honest_ones_do_not(eyes: Eyes) -> None:
    honest, swapped = [], []
    for seed in range(10):
        newest = rounds.second_round(CHUNKS, seed)
        honest.append(eyes.see(newest, _first()).complaint)
        swapped.append(eyes.see(rounds.poisoned(newest, seed), _first()).complaint)
    assert sum(map(bool, honest)) <= 1, honest
    assert all("hard to tell apart" in complaint for complaint in swapped)
    assert all("of the earlier ones" in complaint for complaint in swapped)


def test_in_a_first_round_most_of_them_show_too(eyes: Eyes) -> None:
    assert not eyes.see(_first()).complaint
    found = [eyes.see(rounds.poisoned(_first(), seed)).complaint for seed in range(5)]
    assert sum(map(bool, found)) >= 3, found


def test_questions_given_to_any_chunk_show(eyes: Eyes) -> None:
    chance = random.Random(5)
    newest = [
        one.model_copy(update={"metadata": {**one.metadata, "chunk_id": chance.choice(CHUNKS).id}})
        if number % 2
        else one
        for number, one in enumerate(rounds.second_round(CHUNKS, 5))
    ]
    found = eyes.see(newest, _first())
    assert found.complaint and found.doubtful
    assert all(pair.new for pair in found.doubtful)


def test_forty_decisions_are_enough_to_show_three_in_ten_wrong(eyes: Eyes) -> None:
    """The seeds are not those that the limits were chosen with."""
    kinds: dict[str, list[str]] = {}
    for seed in range(200, 212):
        small, talks = rounds.second_round(CHUNKS, seed)[:40], rounds.talks(CHUNKS, seed)[:40]
        for name, newest in {
            "good": small,
            "swapped": rounds.poisoned(small, seed),
            "moved": rounds.moved(small, CHUNKS, seed),
            "talks": talks,
            "talks moved": rounds.moved(talks, CHUNKS, seed),
        }.items():
            kinds.setdefault(name, []).append(eyes.see(newest, _first()).complaint)
    held = {name: sum(map(bool, complaints)) for name, complaints in kinds.items()}
    assert min(held[name] for name in ("swapped", "moved", "talks moved")) >= 10, held
    assert max(held[name] for name in ("good", "talks")) <= 5, held
    assert any("are wrong explains them better than that none is" in one for one in kinds["moved"])


def test_too_few_say_nothing(eyes: Eyes) -> None:
    few = rounds.poisoned(rounds.second_round(CHUNKS, 1)[:15], 1)
    found = eyes.see(few, _first())
    assert (found.complaint, found.apart, found.pairs) == ("", None, 15)
    assert eyes.see([]).pairs == 0


def test_the_order_of_the_decisions_does_not_matter(eyes: Eyes) -> None:
    newest = rounds.second_round(CHUNKS, 2)
    assert eyes.see(newest, _first()) == eyes.see(newest[::-1], _first()[::-1])


def test_conversations_that_cite_any_chunk_show_and_honest_ones_do_not(eyes: Eyes) -> None:
    honest, moved = [], []
    for seed in range(10):
        newest = rounds.talks(CHUNKS, seed)
        honest.append(eyes.see(newest, _first()).complaint)
        moved.append(eyes.see(rounds.moved(newest, CHUNKS, seed), _first()).complaint)
    assert sum(map(bool, honest)) <= 1, honest
    assert all("accepted conversations of this round" in complaint for complaint in moved), moved


def test_conversations_are_compared_with_earlier_ones_and_do_not_hide_among_triplets(eyes: Eyes) -> None:
    talks, triplets = rounds.talks(CHUNKS, 1), rounds.second_round(CHUNKS, 2)
    assert not eyes.see([*triplets, *talks], _first()).complaint
    found = eyes.see([*triplets, *rounds.moved(talks, CHUNKS, 1)], _first())
    assert "accepted conversations" in found.complaint
    assert any(pair.dataset == "conversations" for pair in found.doubtful)
    before = eyes.see(triplets, [*_first(), *talks])
    assert before.cited is None and before.cited_before is not None


def test_rejected_conversations_and_bad_negatives_are_not_judged() -> None:
    chunk = make_chunks()[0]
    refused = triplet(chunk, "How?", "rejected")
    bad_negative = refused.model_copy(
        update={"values": {"is_positive_relevant": "yes", "is_negative_irrelevant": "no"}}
    )
    right = conversation(chunk, "Whence?")
    said = [conversation(chunk, "Why?", "rejected"), right, bad_negative, refused]
    found = judged_pairs(ledger(said, make_chunks()))
    assert [(one.record_id, one.query, one.chunk_id) for one in found] == [
        (right.record_id, "Whence?", chunk.id),
        (refused.record_id, "How?", chunk.id),
    ]


_values = st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9]), min_size=1, max_size=12)


@given(_values, _values)
@settings(max_examples=50, deadline=None)
def test_the_area_is_the_share_of_pairs_in_order(accepted: list[float], rejected: list[float]) -> None:
    wanted = np.mean([(left > right) + (left == right) / 2 for left in accepted for right in rejected])
    assert area(*in_order(np.array(accepted), np.array(rejected))) == pytest.approx(wanted)


def test_the_signals() -> None:
    texts = ["the red lamp", "the blue lamp", "the door"]
    vectors = np.array([[1, 0], [0, 1], [0.8, 0.6]], dtype=np.float32)
    asked = np.array([[0.6, 0.8], [0.6, 0.8]], dtype=np.float32)
    found = signals(["Red lamp?", "anything"], asked, [0, 1], texts, vectors)
    place, cosine, lead, held, length, mark = found[0]
    assert (place, cosine, lead) == (pytest.approx(1.0), pytest.approx(0.6), pytest.approx(0.6 - 0.96))
    assert (held, length, mark) == (1.0, pytest.approx(math.log(3)), 1.0)
    assert found[1][0] == 0.5 and found[1][3] == 0.0 and found[1][5] == 0.0


def test_what_follows_from_the_signals_is_foretold() -> None:
    chance = np.random.default_rng(0)
    seen = chance.uniform(0, 1, (80, 6))
    answers = seen[:, 1] > 0.5
    likely = foretell(seen, answers)
    assert area(*in_order(likely[answers], likely[~answers])) > 0.9
    assert foretell(seen, answers, seen[:3]).shape == (3,)


def test_random_pairs_among_the_accepted_are_estimated() -> None:
    chance = np.random.default_rng(1)
    pairs = [
        Pair(record_id=str(number), query="?", chunk_id="c", accepted=True, new=True, place=place, likely=0.5)
        for number, place in enumerate([*([0.01] * 60), *chance.uniform(0, 1, 40)])
    ]
    found = weigh(pairs, 300)
    assert found.chance is not None and 0.25 < found.chance.estimate < 0.55
    assert "seem to have been matched with a chunk at random" in found.complaint


def test_a_named_source_is_judged_as_a_pair_that_was_accepted() -> None:
    chunks = make_chunks()
    named = conversation(chunks[0], "Which one?", "rejected", chunks[1:3], best="2")
    denied = conversation(chunks[0], "And this?", "accepted", chunks[1:3], best="none")
    [row] = judged_pairs(ledger([named, denied], chunks))
    assert (row.teaches, row.query, row.chunk_id) == ("example", "Which one?", chunks[1].id)
