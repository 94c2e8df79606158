"""What can be told about a text without a model, and the rules of the simulated annotator."""

from __future__ import annotations

import pytest

from curation.argilla import rules
from curation.suggestions.signals import code_share, coverage, inverse_document_frequency, link_share
from tests.curation.argilla.sample import make_chunk, small_corpus, titled


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


def test_a_change_log_entry_is_not_worth_keeping() -> None:
    chunk = make_chunk(
        "news.md", "Release notes", "- 1.2.0: fixed #123\n- 1.1.9: fixed #119\n- 1.1.8: see PR 12"
    )
    assert rules.judge_chunk(chunk) == "no"


def test_an_absent_negative_is_irrelevant() -> None:
    assert rules.judge_negative("", "anything", 1, {}) == "yes"
