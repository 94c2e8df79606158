"""Conditions for `--filter`: what they mean, and what a real Argilla finds by them."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from curation.argilla.conditions import Condition, find_matching_records, parse_condition
from curation.errors import SettingsError
from tests.curation.argilla.sample import Workspace, answer, small_corpus, small_triplets


@pytest.mark.parametrize(
    ("written", "meaning"),
    [
        ("metadata.source == pypi:scrapy", Condition("metadata", "source", "==", ("pypi:scrapy",))),
        ("metadata.tokens>=20", Condition("metadata", "tokens", ">=", ("20",))),
        ('metadata.folder == "a b"', Condition("metadata", "folder", "==", ("a b",))),
        ("metadata.origin in [heading, other]", Condition("metadata", "origin", "in", ("heading", "other"))),
        ("status == completed", Condition("status", "", "==", ("completed",))),
        ("response.good_chunk == yes", Condition("response", "good_chunk", "==", ("yes",))),
        ("updated_at >= 2026-11-01", Condition("updated_at", "", ">=", ("2026-11-01",))),
        ("how to install", "how to install"),
        ("log in somewhere", "log in somewhere"),
        ('"status == completed"', "status == completed"),
    ],
)
def test_what_is_written_and_what_it_means(written: str, meaning: Condition | str) -> None:
    assert parse_condition(written) == meaning


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("", "empty"),
        ("status == done", "pending or completed"),
        ("status >= completed", "pending or completed"),
        ("metadata == x", "of what"),
        ("status.x == completed", "no parts"),
        ("source == x", "no such thing"),
        ("metadata.source = x", "'='"),
        ("metadata.source != x", "'!='"),
        ("metadata.source ==", "nothing"),
        ("updated_at == 2026-11-01", ">= or <="),
    ],
)
def test_what_is_nearly_a_condition_is_an_error_and_not_a_search_for_words(written: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        parse_condition(written)


@given(st.text(max_size=40))
def test_anything_is_words_a_condition_or_an_error_that_says_so(written: str) -> None:
    try:
        assert isinstance(parse_condition(written), str | Condition)
    except SettingsError as error:
        assert error.hint


@pytest.mark.argilla
def test_what_argilla_finds(workspace: Workspace) -> None:
    corpus = small_corpus()
    triplets = small_triplets(corpus)
    workspace.push(corpus, triplets)
    ids = {triplet.positive: triplet.id for triplet in triplets}
    install, docker = ids["How do I install the package with pip?"], ids["Docker image"]
    remote = {row["external_id"]: row["id"] for row in workspace.rows("triplets")}
    person = workspace.hire("filter")
    answer(person, remote[install], is_positive_relevant="yes", is_negative_irrelevant="yes")
    answer(person, remote[docker], is_positive_relevant="no", is_negative_irrelevant="yes")

    def find(*written: str) -> set[str]:
        return {
            key
            for kind, key in find_matching_records(
                workspace.client, workspace.settings, written, ("triplets", "conversations")
            )
        }

    assert find("metadata.origin == heading") == {docker}
    assert find("metadata.origin in heading, sentence-pair") == set(ids.values())
    assert find("status == completed") == {install, docker}
    assert find("status == pending") == set(ids.values()) - {install, docker}
    assert find("response.is_positive_relevant == yes") == {install}
    assert find("metadata.rank >= 1") == set(ids.values())
    assert find("metadata.rank >= 1000") == set()
    assert find("updated_at >= 2020-01-01") == set(ids.values())
    assert find("updated_at <= 2020-01-01") == set()
    assert find("capital of France") == {ids["What is the capital of France?"]}
    assert find("status == completed", "metadata.origin == heading") == {docker}
    with pytest.raises(SettingsError, match=r"No dataset has metadata\.sauce") as raised:
        find("metadata.sauce == x")
    assert "source" in raised.value.hint
    with pytest.raises(SettingsError, match="is a number"):
        find("metadata.rank >= many")
    with pytest.raises(SettingsError, match="is no number"):
        find("metadata.origin >= heading")
