"""Queries of several styles, and what people accepted as examples of them."""

from __future__ import annotations

import pytest

from curation.records.triplet import QueryStyle, Triplet
from curation.synthesis.asked import accepted_examples, asked
from curation.synthesis.checking import check_pair
from curation.synthesis.cleaning import fault
from curation.synthesis.prompts import SHOTS, few_shot_query, in_style
from curation.synthesis.styles import EVERY_STYLE, STYLES, style_of
from tests.curation.garden import NAMES, chunk

SOURCE = (
    "Feeds > Item filtering\n\nSet item_filter to a class to choose the items of a feed, else ValueError."
)


@pytest.mark.parametrize("style", EVERY_STYLE)
def test_the_worked_examples_hold_to_what_is_asked_of_a_model(style: QueryStyle) -> None:
    assert len(STYLES[style].examples) == SHOTS
    for one in STYLES[style].examples:
        source = f"{one.topic}\n{one.text}"
        assert STYLES[style].fits(one.query), one.query
        assert fault(one.query, source, small_model=True) == "", one.query


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ("Which class chooses the items of a feed?", {"question"}),
        ("How do I choose the items of a feed?", {"question", "how-to"}),
        ("How are the items of a feed chosen?", {"question"}),
        ("choose items feed", {"keywords", "error"}),
        ("ValueError when I set item_filter to a class of items", {"error"}),
        ("How do I choose items? And which class is set?", {"follow-up"}),
        ("Can I choose items? Yes, a class.", set()),
    ],
)
@pytest.mark.parametrize("style", EVERY_STYLE)
def test_a_query_in_another_style_is_refused(query: str, fits: set[str], style: QueryStyle) -> None:
    pair = check_pair(query, "", SOURCE, True, style)
    assert (pair.positive == query) == (style in fits)
    assert pair.positive or pair.malformed


def test_each_chunk_has_a_style_and_errors_are_asked_where_there_are_any() -> None:
    calm = [chunk(name, "Water it daily, and put it into the ground in spring.") for name in NAMES * 20]
    wrong = [chunk(name, "It fails with DryError where nobody waters it.") for name in NAMES]
    of_calm = {style_of(one, EVERY_STYLE) for one in calm}
    assert "error" not in of_calm
    assert len(of_calm) > 1
    assert {style_of(one, ("error",)) for one in [*calm, *wrong]} == {"error"}, "what was asked for"
    assert [style_of(one, EVERY_STYLE) for one in wrong] == [style_of(one, EVERY_STYLE) for one in wrong]


def test_what_people_accepted_is_shown_to_the_model_but_not_about_the_same_page() -> None:
    chunks = [chunk(name) for name in NAMES]
    triplets = [
        Triplet(
            id=one.path,
            chunk_id=one.id,
            anchor=one.text,
            positive=f"{name} spring water",
            origin="sentence-pair",
            style="question" if name == "birch" else "keywords",
            path=one.path,
        )
        for name, one in zip(NAMES, chunks, strict=True)
    ]
    gone = triplets[0].model_copy(update={"id": "gone", "chunk_id": "gone"})
    accepted = {"apple.md", "birch.md", "cedar.md", "gone"}
    found = accepted_examples([gone, *triplets], accepted, {one.id: one for one in chunks})
    apple = asked(chunks[0], ("keywords",), found)
    assert [one.query for one in apple.accepted] == ["cedar spring water"]
    assert apple.accepted[0].text in chunks[2].text
    small = few_shot_query(apple.topic, apple.body, "keywords", apple.accepted)
    assert len(small) == len(few_shot_query("a", "b", "keywords"))
    assert small[2]["content"] == "cedar spring water"
    assert small[-2]["content"] == STYLES["keywords"].examples[-1].query
    assert "cedar spring water" in in_style("keywords", apple.accepted)
    copied = check_pair(
        "cedar spring water for the apple tree",
        "",
        apple.anchor,
        True,
        "keywords",
        ["cedar spring water for the apple tree"],
    )
    assert copied.malformed == ("template",)
