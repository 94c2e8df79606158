"""What Python-Markdown's extensions mean, as sites made with MkDocs use them."""

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
        ("Press ++ctrl+page-up++.", "Press `Ctrl+Page up`."),
        ("C++ and C++17++, a ++ b", "C++ and C++17++, a ++ b"),
        ("A ==**hot** `kiln`== and ^^new^^ lids", "A hot `kiln` and new lids"),
        ("a==b and c==d, 2^^3^^4, == apart ==", "a==b and c==d, 2^^3^^4, == apart =="),
        ("Call `#!py fire()`, not `#!/bin/sh`.", "Call `fire()`, not `#!/bin/sh`."),
    ],
)
def test_marks_in_lines(source: str, shown: str) -> None:
    assert texts(source) == [shown]


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("/// html | div.result\nShown.\n///", ["Shown."]),
        ("/// figure-caption | #shelf\nThe shelf.\n///", ["The shelf."]),
        (
            '<figure markdown="span">\n  ![A kiln](a.png){ width="300" }\n'
            "  <figcaption>Its door</figcaption>\n</figure>",
            ["A kiln", "Its door"],
        ),
        ('<div class="grid" markdown>\n**Hot** clay\n</div>', ["Hot clay"]),
        ('```\n;--8<-- "a.md"\n```', ['```\n--8<-- "a.md"\n```']),
    ],
)
def test_blocks(source: str, shown: list[str]) -> None:
    assert texts(source) == shown
