"""Directives of MyST, Sphinx Design and Jupyter Book: what a reader sees of each."""

from __future__ import annotations

from textwrap import dedent

import pytest

from curation.documents.markup.page import Page
from curation.documents.markup.reading import parse


def texts(source: str, page: Page | None = None) -> list[str]:
    parsed = parse(source, "markdown", page)
    return [block.rendered for section in parsed.sections for block in section.blocks]


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        (
            ":::{card}\n:header: With *clay*\n:footer: Dry it.\nKnead.\n:::",
            ["With clay:", "Knead.", "Dry it."],
        ),
        (":::{dropdown} More\nHidden.\n:::", ["More: Hidden."]),
        (
            "::::{tab-set}\n:::{tab-item} Gas\nBlue.\n:::\n:::{tab-item} Wood\nRed.\n:::\n::::",
            ["Gas: Blue.", "Wood: Red."],
        ),
        (":::{aside}\nBeside it.\n:::", ["Beside it."]),
        ("```{margin} Look\nBeside it.\n```", ["Look", "Beside it."]),
        ("```{exercise} Squares\n:label: one\nCount.\n```", ["Squares", "Count."]),
        ("```{solution} one\nFour.\n```", ["Solution: Four."]),
        ("```{iframe} https://example.org/kiln\nThe kiln turns.\n```", ["The kiln turns."]),
        ("```{embed} #plot\n```", []),
        ("```{figure-md} shelf\n![A shelf](a.png)\n\nIts boards.\n```", ["A shelf", "Its boards."]),
        ("```{button-ref} guide\nGo on\n```", ["Go on"]),
        ("```{button-ref} guide\n```", ["guide"]),
        ("```{glossary}\nSlip\n: Thin clay.\n```", ["Slip", "Thin clay."]),
        ("```{raw} html\n<p>Seen <b>here</b></p>\n```", ["Seen here"]),
        ("```{raw} latex\n\\kiln\n```", []),
        ("```{math}\na = b\n```", ["```\na = b\n```"]),
        ("```{admonition} Mind\n:class: tip\nIt is hot.\n```", ["Mind: It is hot."]),
        ('Before\n\n+++ {"class": "wide"}\n\n% unseen\nafter', ["Before", "after"]),
    ],
)
def test_what_a_reader_sees_of_a_directive(source: str, shown: list[str]) -> None:
    page = Page("a.md")
    assert texts(source, page) == shown
    assert not page.unknown


@pytest.mark.parametrize("name", ["toc", "tableofcontents", "nbgallery"])
def test_lists_of_pages_go(name: str) -> None:
    page = Page("a.md")
    assert texts(f"Before.\n\n```{{{name}}}\nguide\n```\n", page) == ["Before."]
    assert [notice.name for notice in page.left_out] == [name]


def test_links_to_other_projects_show_what_they_lead_to() -> None:
    source = "See [](xref:guide/dry-clay) and <xref:guide#the-lid>, or [this](xref:guide)."
    assert texts(source) == ["See dry clay and the lid, or this."]


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("::: {.callout-note}\nMind it.\n:::", ["Note: Mind it."]),
        ('::: {.callout-tip title="Hot clay"}\nMind it.\n:::', ["Hot clay: Mind it."]),
        ("::: {.warning}\nMind it.\n:::", ["Warning: Mind it."]),
        ("::: {#shelf .column-margin}\nBoards.\n:::", ["Boards."]),
        ("A [small]{.smallcaps} kiln.", ["A small kiln."]),
        ("```{python}\n#| label: fire\n#| echo: false\nfire()\n```", ["```python\nfire()\n```"]),
        ("```{r heat, echo=FALSE}\nheat()\n```", ["```r\nheat()\n```"]),
        (
            "```{r, fig.cap='Kilns'}\n#| fig-subcap:\n#|   - Hot\n#|   - Cold\n#| echo: false\nfire()\n```",
            ["Kilns:", "Hot:", "Cold:", "```r\nfire()\n```"],
        ),
        ("```racket\n#| not an option |#\n(fire)\n```", ["```racket\n#| not an option |#\n(fire)\n```"]),
    ],
)
def test_pages_of_quarto(source: str, shown: list[str]) -> None:
    assert texts(source, Page("a.qmd")) == shown


def test_a_toctree_of_myst_goes_and_is_told() -> None:
    page = Page("a.md")
    assert texts("Kilns.\n\n```{toctree}\n:maxdepth: 1\n\nlids\nFire <fire>\n```\n\nThe end.\n", page) == [
        "Kilns.",
        "The end.",
    ]
    assert [(notice.name, notice.line) for notice in page.left_out] == [("toctree", 3)]


def test_a_directive_of_the_projects_own_is_told_and_its_code_stays_code() -> None:
    page = Page("a.md")
    source = "```{kiln:run}\nfire()\nfire(6)\n```\n\n```{kiln:remark}\nFire it,\nthen cool it.\n```"
    assert texts(source, page) == ["```\nfire()\nfire(6)\n```", "Fire it, then cool it."]
    assert [notice.name for notice in page.unknown] == ["kiln:run", "kiln:remark"]


def test_code_in_a_list_table_of_myst() -> None:
    source = """\
    ```{list-table}
    :header-rows: 1

    * - Call
      - Heat
    * - ```python
        def fire():
            burn()
        ```
      - hot
    ```

    After.
    """
    code = "```python\ndef fire():\n    burn()\n```"
    assert texts(dedent(source)) == ["Call:", code, "Heat: hot", "After."]


def test_the_rules_of_a_card_and_options_of_what_is_described() -> None:
    assert texts("```{card} Kiln\nHot\n^^^\nClay\n+++\nEnd\n```\n") == ["Kiln: Hot", "Clay", "End"]
    shown = ["heat", "Type: `int`", "Default: 900", "How hot."]
    assert texts("```{confval} heat\n:type: `int`\n:default: 900\n\nHow hot.\n```\n") == shown


def test_a_csv_table_of_myst() -> None:
    rows = '"K1", "900 `a|b`, hot"\n"K2", "two\nlines"\n'
    assert texts(f'```{{csv-table}} Kilns\n:header: "Name", "Heat"\n\n{rows}```\n') == [
        "Kilns",
        "Name | Heat\nK1 | 900 `a|b`, hot\nK2 | two lines",
    ]
    assert texts("```{csv-table}\na, b\nc, d\n```\n") == ["a | b\nc | d"]
