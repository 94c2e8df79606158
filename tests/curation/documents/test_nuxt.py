"""Components between colons, as Nuxt writes them, and the directives of remark."""

from __future__ import annotations

import pytest

from curation.documents.markup.page import Page
from curation.documents.markup.reading import parse


def texts(source: str) -> list[str]:
    parsed = parse(source, "markdown", Page("a.md"))
    return [block.rendered for section in parsed.sections for block in section.blocks]


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("::warning\nMind **it**.\n::", ["Warning: Mind it."]),
        ('::hero{color="red"}\nBe quick.\n::', ["Be quick."]),
        (
            "::card\n---\nicon: fire\ntitle: Heat\ndescription: How hot.\n---\n#body\nText.\n::",
            ["Heat: How hot.", "Text."],
        ),
        (
            '::tabs\n:::tab{label="Gas"}\nBlue.\n:::\n:::tab{label="Wood"}\nRed.\n:::\n::\n\nEnd.',
            ["Gas: Blue.", "Wood: Red.", "End."],
        ),
        ('A :badge[New]{color="red"} lid, :icon{name="x"} shut.', ["A New lid, shut."]),
        (
            '::hero{title="Clay" description="Of the river."}\n---\nlinks:\n  - label: Begin\n    to: /a\n'
            "features:\n  - title: Hot\n    description: Very.\n---\nText.\n::",
            ["Clay: Of the river.", "- Begin", "- Hot: Very.", "Text."],
        ),
        ('::field{name="lid" type="boolean"}\nWhether shut.\n::', ["`lid` (boolean): Whether shut."]),
        ("At 10:30 a[:n[0]] is {it}:[x].", ["At 10:30 a[:n[0]] is {it}:[x]."]),
        ("::before and std::\n\n::after\n\nText.", ["::before and std::", "::after", "Text."]),
    ],
)
def test_components_between_colons(source: str, shown: list[str]) -> None:
    assert texts(source) == shown
