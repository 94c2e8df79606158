"""What is suggested, and what is not."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings, strategies as st

from curation.argilla.suggestions import scorers_for
from curation.suggestions.choice import (
    CONTROL_SHARE,
    LEAST_SURE,
    Guess,
    guess,
    in_control_group,
    read_guesses,
    written,
)
from curation.suggestions.features import Features, Place, answer_features, chunk_features, query_features
from curation.suggestions.hints import look_at_answer, look_at_chunk, look_at_queries
from curation.suggestions.scorer import COLD_SCORERS, VERSION
from tests.curation.argilla.sample import small_corpus, titled

COSINE = st.floats(-1, 1)
PLACE = st.integers(1, 5000).flatmap(
    lambda n: st.builds(Place, st.integers(1, n), COSINE, st.floats(-2, 2), st.just(n))
)
SHOWN = next(name for name in map(str, range(100)) if not in_control_group(name))
CONTROL = next(name for name in map(str, range(100)) if in_control_group(name))


def of_chunk(heading: str, body: str, is_copy: bool = False) -> Features:
    return chunk_features(body, heading, 0.99 if is_copy else 0.3, is_copy, 0.5)


@settings(deadline=None)  # the first one imports scikit-learn
@given(st.text(max_size=300), st.text(max_size=100), COSINE, st.booleans(), PLACE)
def test_any_text_gets_finite_numbers_and_a_probability(
    text: str, other: str, cosine: float, flag: bool, place: Place
) -> None:
    found = {
        "good_chunk": chunk_features(text, other, cosine, flag, cosine),
        "is_positive_relevant": query_features(other, (other, text), place, [(text, other)]),
        "is_negative_irrelevant": query_features(other, (other, text), place, [(text, other)]),
        "is_response_correct": answer_features(other, text, [other] if flag else [], cosine),
    }
    for question, features in found.items():
        assert all(math.isfinite(value) for value in features.values())
        one = guess(question, text, features, {})
        assert 0.5 <= one.score <= 1
        assert not one.shown or one.score >= LEAST_SURE
        assert read_guesses(written({question: one})) == {question: one}
    look_at_chunk(text, other)
    look_at_queries(text, other, text)
    look_at_answer(text, [other], flag, 3)


def test_chunks_are_told_apart() -> None:
    said = {
        chunk.heading: guess("good_chunk", SHOWN, of_chunk(chunk.heading, chunk.body), {})
        for chunk in small_corpus().chunks
    }
    bad = {heading for heading, one in said.items() if one.value == "no"}
    assert bad == {"Contents", "License"}


def test_nothing_is_suggested_for_a_chunk_of_nothing_but_code() -> None:
    code = "```python\nfrom jobs import run\n\nrun(steps=3, tries=2)\n```"
    assert not guess("good_chunk", SHOWN, of_chunk("Running", code), {}).shown


@pytest.mark.parametrize("body", ["Coming soon.", "TODO.", "Deprecated.", "![](a.png)", "* * *"])
def test_a_chunk_of_hardly_a_word_is_no_good_one(body: str) -> None:
    one = guess("good_chunk", SHOWN, of_chunk("Paging", body), {})
    assert one.value == "no"
    assert "hardly a word" in look_at_chunk(body, "Paging")


def test_the_later_of_two_copies_is_the_bad_one() -> None:
    chunk = titled(small_corpus(), "Installing")
    scorer = COLD_SCORERS["good_chunk"]
    copy = scorer.probability(of_chunk(chunk.heading, chunk.body, is_copy=True))
    first = scorer.probability(of_chunk(chunk.heading, chunk.body))
    assert copy is not None
    assert first is not None
    assert copy < 0.5 < first


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ("```\n[s]   shelp()\n```", "does it say what it shows"),
        ("7. Then restart the server, and the settings are read.", "by itself"),
        ("# via scrapy\nprotego==0.6.0\nlxml==6.0", "list of packages"),
        ("- [a](a.md)\n- [b](b.md)", "links"),
        ("Next page", "table of contents"),
        ("The timeout is set in seconds with the key `request_timeout`.", ""),
        ("### Paging\n\nThe method `follow` asks for the link to the next page, and reads it.", ""),
    ],
)
def test_a_record_says_what_to_look_at(body: str, hint: str) -> None:
    said = look_at_chunk(body, "Heading")
    assert hint in said
    assert bool(said) == bool(hint)


def test_words_that_speak_against_a_query_or_an_answer_are_named() -> None:
    anchor = titled(small_corpus(), "Timeouts").text
    assert "france" in look_at_queries(anchor, "What is the timeout in France?", "")
    assert "answer that too" in look_at_queries(anchor, "How long?", "request timeout in seconds")
    assert "bananas" in look_at_answer("Bananas have a timeout.", [anchor], False, 3)
    shown = f"This is what the documentation says:\n\n**1.** Some page (`guide/a.md:3`)\n\n{anchor}"
    assert look_at_answer(shown, [anchor], False, 3) == "", "what is the same everywhere is not said"
    stale = "*The documentation has changed since this was written.*"
    curated = f"**Answered by an annotator on 2026-11-30** to “Is it “true”?”\n\n{stale}\n\n{anchor}"
    assert look_at_answer(curated, [anchor], False, 3) == "", "the bot's own words are not the answer's"
    assert "does one of the passages" in look_at_answer("I do not know.", [], True, 3)


def test_nothing_is_suggested_where_nothing_was_shown_to_discriminate() -> None:
    features = answer_features("timeout?", "The timeout is set in seconds.", ["timeout seconds"], 0.8)
    for question in ("is_response_correct", "out_of_guardrails"):
        one = guess(question, SHOWN, features, {})
        assert not one.shown
        assert one.value == ""
        assert one.features  # to learn from
    place = Place(1, 0.9, 0.3, 100)
    relevant = query_features("timeout in seconds", ("Timeouts", "timeout in seconds"), place, [])
    cold = COLD_SCORERS["is_positive_relevant"]
    assert guess(cold.question, SHOWN, relevant, {}).shown
    weak = cold.model_copy(update={"auc": 0.6})
    found = guess(cold.question, SHOWN, relevant, {cold.question: weak})
    assert (found.shown, found.control) == (False, False)
    assert found.probability is not None, "it orders the queue all the same"
    by = {scorers_for((cold.question,), {cold.question: one}, "model") for one in (cold, weak)}
    assert len(by) == 2, "so that what was suggested is taken back"


def test_another_version_is_told_where_nothing_suggests_too() -> None:
    """Else what waits would keep the old version's priority."""
    assert VERSION in scorers_for(("is_response_correct",), {}, "model")


def test_a_share_of_the_records_is_a_control_group() -> None:
    features = query_features("timeout", ("Timeout", "timeout"), Place(1, 0.9, 0.3, 100), [])
    shown = guess("is_positive_relevant", SHOWN, features, {})
    held_back = guess("is_positive_relevant", CONTROL, features, {})
    assert (shown.shown, shown.control) == (True, False)
    assert (held_back.shown, held_back.control) == (False, True)
    assert held_back.probability == shown.probability
    share = sum(in_control_group(str(number)) for number in range(5000)) / 5000
    assert share == pytest.approx(CONTROL_SHARE, abs=0.02)


@pytest.mark.parametrize("text", [None, 3, "", "[]", "{", '{"a": 1}', '{"a": {"features": {"b": "c"}}}'])
def test_what_is_no_guess_reads_as_none(text: object) -> None:
    assert read_guesses(text) == {}


def test_the_score_belongs_to_the_value() -> None:
    assert (Guess(features={}, probability=0.2).value, Guess(features={}, probability=0.2).score) == (
        "no",
        0.8,
    )
