from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from curation.documents.corpus import Corpus
from curation.records.chunk import Chunk
from curation.synthesis.headings import clean_heading, heading_queries, is_generic
from curation.synthesis.merging import merge
from curation.synthesis.negatives import NegativeRing
from tests.curation.making import chunk_of

BODY = "Something about it that has enough words to be asked about."


def chunk(*section: str, path: str = "a.md", position: int = 0, body: str = BODY) -> Chunk:
    text = f"{' > '.join(section)}\n\n{body}"
    return chunk_of(path, section, text, position=position)


def queries(*chunks: Chunk) -> list[str]:
    return [query for some in heading_queries(chunks).values() for query in some]


def test_a_heading_belongs_to_the_first_chunk_of_its_section() -> None:
    first = chunk("Feeds", "Choosing which items to export", position=1)
    second = chunk("Feeds", "Choosing which items to export", position=2, body=f"More. {BODY}")
    assert heading_queries([second, first]) == {first.id: ["Choosing which items to export"]}


def test_a_short_heading_takes_its_parent_along() -> None:
    assert queries(chunk("Feed exports", "Item filtering")) == ["Feed exports: Item filtering"]
    assert queries(chunk("Feed exports", "Reference", "item_filter")) == ["Feed exports: item_filter"]


@pytest.mark.parametrize(
    "heading",
    ["Introduction", "See also", "API Reference", "Notes", "2.1.0", "What’s new", "Examples", "---", "7"],
)  # fmt: skip
def test_a_heading_that_says_nothing_is_left_out(heading: str) -> None:
    assert is_generic(clean_heading(heading))
    assert queries(chunk("Feed exports guide", heading)) == []


def test_release_notes_are_left_out() -> None:
    assert queries(chunk("Release notes", "Feeds can filter items now")) == []
    assert queries(chunk("Scrapy 2.11.0 (2023-09-18)", "Feeds can filter items now")) == []
    assert queries(chunk("Changes of feeds", "Feeds can filter items now", path="docs/changelog.md")) == []


def test_a_section_without_a_text_is_left_out() -> None:
    assert queries(chunk("Choosing which items to export", body="See below.")) == []


def test_each_section_of_a_chunk_that_holds_several_has_a_query() -> None:
    short = "### Glazes > Mixing a glaze at home\n\nToo short."
    body = f"{BODY}\n\n### Choosing the right kiln\n\n{BODY}\n\n{short}"
    code = "```\n### no heading of a section, but a comment in code\n```"
    one = chunk(
        "Firing clay in a garden", body=f"{body}\n\n### Cleaning up after a firing\n\n{BODY}\n\n{code}"
    )
    assert heading_queries([one]) == {
        one.id: ["Firing clay in a garden", "Choosing the right kiln", "Cleaning up after a firing"]
    }
    assert one.bare == f"{BODY}\n\n{BODY}\n\nToo short.\n\n{BODY}\n\n{code}"
    whole = chunk("Firing clay in a garden")
    assert (whole.merged, whole.bare) == ([], whole.body)


def test_the_same_heading_in_two_documents_is_told_apart_or_left_out() -> None:
    mail, feed = (
        chunk("Mail", "Setting the number of retries"),
        chunk("Feeds", "Setting the number of retries", path="b.md"),
    )
    assert queries(mail, feed) == [
        "Mail: Setting the number of retries",
        "Feeds: Setting the number of retries",
    ]
    twin = chunk("Mail", "Setting the number of retries", path="b.md")
    assert queries(mail, twin) == []


@pytest.mark.parametrize(
    ("heading", "clean"),
    [
        ("``max_width``", "max_width"),
        ("3.1. Item *filtering*", "Item filtering"),
        ("class scrapy.Request(url[, callback, method='GET'])", "scrapy.Request"),
        ("[Feeds](https://example.org) for `users`:", "Feeds for users"),
        (":class:`~scrapy.Item` objects¶", "scrapy.Item objects"),
        ("How do I filter items?", "How do I filter items?"),
    ],
)
def test_headings_are_cleaned(heading: str, clean: str) -> None:
    assert clean_heading(heading) == clean


@settings(deadline=None)
@given(st.lists(st.lists(st.text(max_size=30), max_size=3), max_size=6))
def test_any_headings_give_one_line_queries_without_repetition(sections: list[list[str]]) -> None:
    chunks = [chunk(*section, path=f"{number}.md") for number, section in enumerate(sections)]
    found = heading_queries(chunks)
    asked = [query for some in found.values() for query in some]
    assert len(set(asked)) == len(asked)
    assert set(found) <= {made.id for made in chunks}
    for query in asked:
        assert query.strip()
        assert "\n" not in query


NAMES = st.lists(st.text("abcdefgh", min_size=4, max_size=6), min_size=2, max_size=4).map(" ".join)


@settings(deadline=None)
@given(
    st.dictionaries(NAMES, st.integers(0, 3).map(str), min_size=2, max_size=30),
    NAMES,
    st.integers(0, 3).map(str),
)  # fmt: skip
def test_a_negative_is_of_another_document_and_stays(pool: dict[str, str], new: str, home: str) -> None:
    ring = NegativeRing((query, ("s", path)) for query, path in pool.items())
    grown = NegativeRing([*((query, ("s", path)) for query, path in pool.items()), (new, ("s", home))])
    for positive, path in pool.items():
        negative = ring.pick(positive, ("s", path))
        if negative:
            assert pool[negative] != path
        else:
            assert set(pool.values()) == {path}
        # A new query takes a positive's negative over or leaves it alone: nothing else moves.
        assert grown.pick(positive, ("s", path)) in (negative, new)


def test_half_of_the_negatives_are_near_misses() -> None:
    others = ["Filtering of items", "Sending mail in a queue", "Filtering of mail"]
    ring = NegativeRing([(query, ("s", str(row))) for row, query in enumerate(others)])
    asked = [
        f"How do I filter mail {end}?" for end in ("daily", "at once", "by hand", "later", "again", "here")
    ]
    picked = {ring.pick(question, ("s", "a")) for question in asked}
    assert "Filtering of mail" in picked, "a near miss"
    assert ring.near_miss("Filtering mail", ("s", "a")) == "Filtering of items", "the same words are no miss"
    assert ring.near_miss("Backups", ("s", "a")) == ""
    assert ring.near_miss("Filter mail daily", ("s", "2")) == "Filtering of items", "of another document"
    assert NegativeRing([]).pick("How do I filter items?", ("s", "a")) == ""


TITLES = st.lists(NAMES, min_size=1, max_size=6, unique=True)


@settings(deadline=None)
@given(TITLES, TITLES)
def test_triplets_stay_as_they_were_when_a_source_is_added(own: list[str], more: list[str]) -> None:
    mine = [chunk(title, path=f"{row}.md") for row, title in enumerate(own)]
    others = [chunk(title, path=f"other/{row}.md") for row, title in enumerate(more)]
    before = merge(Corpus([], mine), {}, "", [])
    after = merge(Corpus([], [*others, *mine]), {}, "", before)
    asked = heading_queries([*others, *mine])
    stays = [one for one in before if one.negative and one.positive in asked.get(one.chunk_id, ())]
    assert all(one in after for one in stays)


def test_a_negative_that_its_own_page_asks_by_now_is_chosen_anew() -> None:
    page, other = chunk("Filtering of items"), chunk("Sending mail", path="b.md")
    before = merge(Corpus([], [page, other]), {}, "", [])
    assert [one.negative for one in before] == ["Sending mail", "Filtering of items"]
    grown = Corpus([], [page, chunk("Sending mail", position=1), chunk("Sending mail now", path="c.md")])
    after = merge(grown, {}, "", before)
    assert next(one for one in after if one.chunk_id == page.id).negative == "Sending mail now"
