"""Guesses: in range, for reasons."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from curation.argilla import rules
from curation.argilla.signals import code_share, coverage, inverse_document_frequency, link_share
from curation.argilla.suggestions import (
    no_negative,
    places_that_count,
    suggest_answer,
    suggest_chunk,
    suggest_negative,
    suggest_positive,
)
from tests.curation.argilla.sample import make_chunk, make_turn, small_corpus, titled

COSINE = st.floats(-1, 1)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(1, n), st.just(n))), COSINE, COSINE)
def test_scores_are_between_a_coin_and_certainty(
    place_of: tuple[int, int], cosine: float, other: float
) -> None:
    place, chunks = place_of
    for suggestion in (
        suggest_positive(place, chunks, "agent"),
        suggest_negative(place, cosine, other, chunks, "agent"),
    ):
        assert 0.5 <= suggestion.score <= 1
        assert suggestion.value in {"yes", "no"}


@settings(deadline=None)  # the first one imports scikit-learn
@given(st.text(max_size=300), COSINE, st.booleans())
def test_any_text_gets_a_suggestion(text: str, duplicate: float, earlier: bool) -> None:
    suggestion = suggest_chunk(make_chunk("a.md", "Heading", text), duplicate, earlier, "agent")
    assert 0.5 <= suggestion.score <= 1
    answers = suggest_answer(make_turn(text, text, score=duplicate, refused=earlier), [text], "agent")
    assert all(0.5 <= answer.score <= 1 for answer in answers.values())


@given(st.integers(2, 5000))
def test_the_higher_in_the_search_the_surer(chunks: int) -> None:
    top = places_that_count(chunks)
    scores = [suggest_positive(place, chunks, "agent") for place in range(1, top + 1)]
    assert all(suggestion.value == "yes" for suggestion in scores)
    assert [suggestion.score for suggestion in scores] == sorted((s.score for s in scores), reverse=True)
    assert suggest_positive(top + 1, chunks, "agent").value == "no"


def test_chunks_are_told_apart() -> None:
    verdicts = {
        chunk.heading: suggest_chunk(chunk, 0.3, False, "agent").value for chunk in small_corpus().chunks
    }
    assert verdicts.pop("Contents") == "no"
    assert verdicts.pop("License") == "no"
    assert set(verdicts.values()) == {"yes"}


def test_the_later_of_two_copies_is_the_bad_one() -> None:
    chunk = titled(small_corpus(), "Installing")
    assert suggest_chunk(chunk, 0.99, True, "agent").value == "no"
    assert suggest_chunk(chunk, 0.99, False, "agent").value == "yes"


def test_a_change_log_entry_is_not_worth_keeping() -> None:
    chunk = make_chunk(
        "news.md", "Release notes", "- 1.2.0: fixed #123\n- 1.1.9: fixed #119\n- 1.1.8: see PR 12"
    )
    assert suggest_chunk(chunk, 0.1, False, "agent").value == "no"
    assert rules.judge_chunk(chunk) == "no"


def test_an_absent_negative_is_irrelevant() -> None:
    assert no_negative("agent").value == "yes"
    assert rules.judge_negative("", "anything", 1, {}) == "yes"


def test_a_grounded_answer_is_suggested_as_correct_and_an_invented_one_is_not() -> None:
    source = titled(small_corpus(), "Timeouts").text
    good = suggest_answer(
        make_turn("timeout?", "The timeout is set in seconds with request_timeout."), [source], "a"
    )
    bad = suggest_answer(make_turn("timeout?", "Bananas grow in warm countries.", score=0.1), [source], "a")
    refused = suggest_answer(make_turn("bananas?", "I do not know.", score=0.1, refused=True), [], "a")
    assert (good["is_response_correct"].value, good["out_of_guardrails"].value) == ("yes", "no")
    assert (bad["is_response_correct"].value, bad["out_of_guardrails"].value) == ("no", "yes")
    assert (refused["is_response_correct"].value, refused["out_of_guardrails"].value) == ("yes", "no")


def test_shares() -> None:
    assert code_share("text\n\n```\nfour\n```") == pytest.approx(4 / 14, abs=0.15)
    assert code_share("") == 0
    assert link_share("- [a](b)\n- [c](d)\nsome words") == pytest.approx(2 / 3)


def test_rare_words_count_more() -> None:
    rarity = inverse_document_frequency(chunk.text for chunk in small_corpus().chunks)
    anchor = titled(small_corpus(), "Docker").text
    assert coverage("docker images", anchor, rarity) == 1
    assert coverage("docker zebra", anchor, rarity) < 0.6
    assert coverage("the of and", anchor, rarity) == 0


def test_the_simulated_annotator_says_no_for_reasons() -> None:
    corpus = small_corpus()
    rarity = inverse_document_frequency(chunk.text for chunk in corpus.chunks)
    anchor = titled(corpus, "Timeouts").text
    judged = {
        query: rules.judge_positive(query, anchor, place, len(corpus.chunks), rarity)
        for query, place in {
            "How is the request timeout set?": 1,
            "What does the text above say?": 1,
            "timeout": 1,
            "How do I bake bread?": 8,
        }.items()
    }
    assert list(judged.values()) == ["yes", "no", "no", "no"]
