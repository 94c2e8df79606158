"""Duplicates: what counts as one, and what is kept for what."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from curation.records.identity import normalise
from curation.settings import DedupSettings
from curation.similarity import (
    find_duplicates,
    find_matches,
    group,
    jaccard,
    matches_in_meaning,
    same_meaning,
    shingles,
    surely_differ,
)

_Done = TypeVar("_Done")

NEAR = DedupSettings(near=True, threshold=0.8)
EXACT = DedupSettings(near=False)

_words = st.lists(
    st.sampled_from(["red", "green", "blue", "seven", "eleven", "Straße", "café", "ＷＩＤＥ"]), max_size=8
)
_texts = st.lists(st.one_of(_words.map(" ".join), st.text(max_size=30)), max_size=60)


def test_normalising_folds_width_case_and_white_space() -> None:
    assert normalise("  How\tTO\n use ＦＵＬＬ width ") == "how to use full width"
    assert normalise("Straße") == normalise("STRASSE")
    assert normalise("cafe\u0301") == normalise("café")


@given(_texts)
@settings(max_examples=60, deadline=None)
def test_kept_rows_stay_apart_and_dropped_ones_have_a_kept_one(texts: list[str]) -> None:
    matches = find_duplicates(texts, NEAR)
    dropped = {match.index for match in matches}
    for match in matches:
        assert match.kept not in dropped
        assert match.kept < match.index
        if match.exact:
            assert normalise(texts[match.index]) == normalise(texts[match.kept])
    stay = [normalise(text) for row, text in enumerate(texts) if row not in dropped]
    assert len(stay) == len(set(stay))


@given(_texts)
@settings(max_examples=60, deadline=None)
def test_few_texts_and_many_agree_on_what_is_near(texts: list[str]) -> None:
    """Few texts are compared one by one, many through MinHash: pad with strangers to cross that border."""
    strangers = [f"{number * 7919 % 104729} stranger {number * 31}" * 2 for number in range(45)]
    few = {match.index for match in find_duplicates(texts, NEAR)}
    many = {match.index for match in find_duplicates(texts + strangers, NEAR) if match.index < len(texts)}
    assert few == many


@given(_texts, _texts)
@settings(max_examples=40, deadline=None)
def test_matches_with_references_are_real(texts: list[str], references: list[str]) -> None:
    found = {match.index: match for match in find_matches(texts, references, NEAR)}
    known = {normalise(reference) for reference in references}
    for row, text in enumerate(texts):
        if normalise(text) in known:
            assert found[row].exact
        elif row in found:
            pair = shingles(normalise(text)), shingles(normalise(references[found[row].kept]))
            assert jaccard(*pair) >= NEAR.threshold


def test_only_rows_of_one_key_are_compared() -> None:
    texts = ["Install it", "install  IT", "Install it"]
    assert [match.index for match in find_duplicates(texts, NEAR, keys=["a", "b", "a"])] == [2]


def test_exact_only_when_near_is_off() -> None:
    texts = ["How do I install the package?", "How do I install the packages?"]
    assert find_duplicates(texts, EXACT) == []
    assert len(find_duplicates(texts, NEAR)) == 1


def test_groups_join_what_is_connected() -> None:
    sentence = "the quick brown fox jumps over the lazy dog near the river bank at dawn"
    labels = group([sentence, "something else entirely", sentence + "!", sentence.upper()], NEAR)
    assert labels == [0, 1, 0, 0]


def all_at_once(work: Callable[..., _Done], parts: Iterable[object], *shared: object) -> Iterator[_Done]:
    """Workers so many that no part is done before the last is dealt out."""
    return iter([work(part, *shared) for part in list(parts)])


@given(st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=40), st.integers(1, 7))
@settings(max_examples=40, deadline=None)
def test_groups_are_the_same_however_many_work_on_them(kinds: list[str], part: int) -> None:
    """Texts of a kind differ in a word, and most of their likes are in parts that nobody has done yet."""
    pages = {kind: " ".join(f"{kind}{number * 7919 % 1009:x}" for number in range(60)) for kind in "abcdefgh"}
    texts = [f"{pages[kind]} {row}" for row, kind in enumerate(kinds)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("curation.similarity._DEALT_OUT_FROM", 1)
        patch.setattr("curation.similarity._PART", part)
        patch.setattr("curation.similarity._PAIRS", part)
        labels = group(texts, NEAR, all_at_once)
    assert labels == group(texts, NEAR) == [kinds.index(kind) for kind in kinds]


def test_a_copy_is_not_compared_with_all_copies_before_it() -> None:
    pages = [" ".join(f"{kind}{number * 7919 % 1009:x}" for number in range(60)) for kind in "ab"]
    texts = [f"{pages[row % 2]} {row}" for row in range(200)]
    sent: list[object] = []

    def one_by_one(work: Callable[..., _Done], parts: Iterable[object], *shared: object) -> Iterator[_Done]:
        for part in parts:
            sent.extend(getattr(part, "texts", ()))
            yield work(part, *shared)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("curation.similarity._DEALT_OUT_FROM", 1)
        patch.setattr("curation.similarity._PAIRS", 20)
        assert group(texts, NEAR, one_by_one) == [row % 2 for row in range(200)]
    assert 0 < len(sent) < len(texts)


def test_planted_near_duplicates_are_found_and_strangers_kept() -> None:
    chance = random.Random(3)
    words = ["".join(chance.choices("abcdefghijklmnop", k=chance.randint(3, 9))) for _ in range(2000)]
    originals = [" ".join(chance.choices(words, k=12)) for _ in range(4000)]
    planted = []
    for text in originals[:1000]:
        place = chance.randrange(len(text))
        planted.append(text[:place] + "#" + text[place + 1 :])
    matches = find_duplicates(originals + planted, NEAR)
    right = sum(match.kept == match.index - len(originals) for match in matches)
    assert right >= 0.99 * len(planted)
    assert len(matches) - right <= 0.01 * len(planted)


@given(st.integers(1, 30), st.integers(0, 30), st.integers(1, 3), st.floats(0.1, 1.0), st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_in_meaning_too_what_stays_is_apart_and_what_goes_has_a_reason(
    rows: int, references: int, keys: int, threshold: float, seed: int
) -> None:
    chance = np.random.default_rng(seed)
    vectors = chance.normal(size=(rows + references, 3)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    own, others = vectors[:rows], vectors[rows:]
    key_of = [str(number) for number in chance.integers(0, keys, rows)]
    matches = same_meaning(own, key_of, threshold)
    gone = {match.index for match in matches}
    for match in matches:
        assert match.kept < match.index
        assert match.kept not in gone
        assert key_of[match.kept] == key_of[match.index]
        assert not match.exact
        assert float(own[match.index] @ own[match.kept]) >= threshold - 1e-5
    stay = [row for row in range(rows) if row not in gone]
    for place, row in enumerate(stay):
        for other in stay[:place]:
            assert key_of[row] != key_of[other] or float(own[row] @ own[other]) < threshold + 1e-5
    leaks = {match.index: match.kept for match in matches_in_meaning(own, others, threshold)}
    for row in range(rows):
        cosines = own[row] @ others.T if references else np.zeros(0, dtype=np.float32)
        if row in leaks:
            assert float(cosines[leaks[row]]) >= threshold - 1e-5
        else:
            assert not len(cosines) or float(cosines.max()) < threshold + 1e-5


@given(st.text("ab c", max_size=30), st.text("ab c", max_size=30), st.floats(0.0, 1.0))
@settings(max_examples=300, deadline=None)
def test_a_glance_passes_over_nothing_that_is_near(left: str, right: str, threshold: float) -> None:
    left, right = normalise(left), normalise(right)
    if surely_differ(left, right, threshold):
        assert jaccard(shingles(left), shingles(right)) < threshold


def test_a_glance_sees_that_two_questions_are_not_one() -> None:
    asked = "where can i buy a new lamp for the kitchen?"
    assert surely_differ(asked, "who has taken the bicycle of my neighbour?", 0.75)
    assert not surely_differ(asked, asked[:-1], 0.75)
