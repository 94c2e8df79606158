"""Anchors are those of the tools that publish pages: of the real ones where they run here."""

from __future__ import annotations

import json
import re
from pathlib import Path

import markdown
import pytest
from hypothesis import given, settings, strategies as st

from curation.documents.anchors import STYLES, anchors
from curation.documents.markup.blocks import Section
from curation.documents.markup.reading import parse
from curation.records.document import Markup

PAGES = Path(__file__).with_name("anchors")


def titled(*headings: str) -> list[Section]:
    return [Section((heading,), 1, level=2) for heading in headings]


@pytest.mark.parametrize(
    ("page", "markup"), [("sphinx.rst", "restructuredtext"), ("myst.md", "markdown")], ids=["sphinx", "myst"]
)
def test_each_section_is_opened_by_an_id_that_sphinx_gave_it(page: str, markup: Markup) -> None:
    sections = parse((PAGES / page).read_text(encoding="utf-8"), markup).sections
    built = json.loads((PAGES / "sphinx.json").read_text(encoding="utf-8"))[page]
    found = anchors(sections, "sphinx")
    assert len(found) == len(built)
    assert found[0] == ""  # the page's title
    for anchor, (heading, ids) in list(zip(found, built, strict=True))[1:]:
        assert anchor in ids, heading
        assert not (re.fullmatch(r"id\d+", anchor) and len(ids) > 1), "a target is surer than a number"


def test_github_s_slugs() -> None:
    rows = json.loads((PAGES / "github.json").read_text(encoding="utf-8"))
    sections = titled(*(heading.strip() for heading, _ in rows))
    assert anchors(sections, "github") == [anchor for _, anchor in rows]


HEADING = st.text("abAB12 _-&.é数", min_size=1, max_size=8).filter(
    lambda text: re.search(r"[abAB12é数]", text)
)


@given(st.lists(HEADING, min_size=1, max_size=8))
@settings(max_examples=80, deadline=None)
def test_python_markdown_s_own_toc(headings: list[str]) -> None:
    text = "\n\n".join(f"## {heading.strip()} .\n\ntext" for heading in headings)
    html = markdown.markdown(text, extensions=["toc", "attr_list"])
    assert anchors(parse(text, "markdown").sections, "mkdocs") == re.findall(r'<h2 id="([^"]*)"', html)


def test_python_markdown_keeps_ids_that_are_given() -> None:
    text = "## Usage\n\na\n\n## Other {#usage}\n\nb\n\n## Third {: #third-one .wide }\n\nc\n"
    html = markdown.markdown(text, extensions=["toc", "attr_list"])
    ids = re.findall(r'<h2[^>]* id="([^"]*)"|<h2 id="([^"]*)"', html)
    found = anchors(parse(text, "markdown").sections, "mkdocs")
    assert found == ["".join(one) for one in ids] == ["usage_1", "usage", "third-one"]


def test_a_hard_space_after_the_marks_of_a_heading() -> None:
    text = "# Exams\n\na\n\n##\u00a0Build the pipeline\n\nb\n"
    html = markdown.markdown(text, extensions=["toc"])
    found = parse(text, "markdown").sections
    assert found[-1].path == ("Exams", "Build the pipeline")
    assert anchors(found, "mkdocs")[-1] == re.findall(r'<h2 id="([^"]*)"', html)[0]


def test_docusaurus_takes_the_id_that_a_heading_has() -> None:
    """https://docusaurus.io/docs/markdown-features/toc#heading-ids: others are GitHub's slugs."""
    text = (
        "# Title\n\n### Hello World {#my-explicit-id}\n\na\n\n### Hello World\n\nb\n\n### Jour d'été\n\nc\n"
    )
    assert anchors(parse(text, "markdown").sections, "docusaurus") == [
        "",
        "my-explicit-id",
        "hello-world-1",
        "jour-dété",
    ]


def test_gitlab_joins_dashes_and_pymdownx_keeps_letters() -> None:
    """https://docs.gitlab.com/user/markdown/#heading-ids-and-links"""
    (anchor,) = anchors(titled("This heading has spaces & more - in it"), "gitlab")
    assert anchor == "this-heading-has-spaces-more-in-it"
    assert anchors(titled("Über & mehr", "Über & mehr"), "pymdownx") == ["über--mehr", "über--mehr_1"]


@pytest.mark.parametrize("style", STYLES)
@given(st.lists(st.tuples(st.text(min_size=1, max_size=6), st.integers(0, 3)), max_size=6))
@settings(max_examples=30, deadline=None)
def test_no_two_headings_share_an_anchor(style: str, headings: list[tuple[str, int]]) -> None:
    sections = [Section((heading,), 1, level=level) for heading, level in headings]
    found = anchors(sections, style)
    assert len(found) == len(sections)
    named = [anchor for anchor in found if anchor]
    assert len(set(named)) == len(named)
