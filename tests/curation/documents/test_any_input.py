"""Whatever is in a file: it is read, or it is passed over with a reason. Prose comes out whole."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings, strategies as st

from curation.documents.ingest import ingest
from curation.documents.markup.page import Page
from curation.documents.markup.reading import markup_of, parse
from curation.errors import ClayloopError
from curation.home import Home
from curation.records.document import Markup
from curation.settings import ChunkSettings
from tests.curation.counting import CharacterCounter

SUFFIXES = (".md", ".mdx", ".qmd", ".rst", ".txt", ".ipynb", ".html", ".pdf")
# What the dialects of all formats look for, to be put together at random.
PIECES = (
    "\n", "\n\n", "    ", "  ", "- ", "1. ", "# ", "word", "文", "|", "=====", "```", "~~~", "`", "``", "*",
    "_", ":::", ":::note", "///", "!!! note", '=== "A"', "--8<--", "{! a.md !}", "{* a *}", "<<< @/a",
    "{{#include a}}", "{{<", ">}}", "{{% a %}}", "{% a %}", "{{ a }}", "{#", "#}", "{/*", "*/}", "<A", "/>",
    "</A>", "<b>", "{a}", "import x from 'y'", "export const a = 1", "```{note}", ":::{list-table}",
    "* - a", ":opt: x", "---", "(a)=", ".. note::", ".. include:: a.rst", ".. list-table::",
    ".. csv-table::", '"', ".. |a| replace::", "|a|", "[#]_", ".. code::", "::", "+--+", "| a|", ".. _a:",
    "a_", ":role:`x`", ".. [1]", "-o FILE  x", ".. only:: html", "~~~~", "[[a|b]]", "[^1]", "[^1]: x",
    "[a](b)", "![a](data:x;base64,AA)", ": def", "> ", "<!--", "-->", "\\", "\t",
)  # fmt: skip


@given(
    data=st.one_of(
        st.binary(max_size=300),
        st.lists(st.sampled_from(PIECES), max_size=40).map(lambda parts: "".join(parts).encode()),
    ),
    suffix=st.sampled_from(SUFFIXES),
)
@settings(max_examples=150, deadline=None)
def test_any_bytes_as_any_format_are_read_or_refused_with_a_reason(data: bytes, suffix: str) -> None:
    with TemporaryDirectory() as folder:
        docs = Path(folder) / "docs"
        docs.mkdir()
        (docs / f"page{suffix}").write_bytes(data)
        try:
            report = ingest([str(docs)], Home(Path(folder) / "home"), ChunkSettings(), CharacterCounter())
        except ClayloopError as error:
            assert error.hint
        else:
            assert report.documents == 1


@given(
    st.lists(st.sampled_from(PIECES), max_size=60).map("".join)
    | st.text("ab \n\t#-=*>`~|:!?[](){}<>\\_.1+\"'&é字😀", max_size=120),
    st.sampled_from(["markdown", "restructuredtext"]),
)
@settings(max_examples=300, deadline=None)
def test_markup_in_any_order_never_raises(text: str, markup: Markup) -> None:
    for name in ("a.mdx", "a.md"):
        for section in parse(text, markup, Page(name)).sections:
            lines = range(1, text.count("\n") + 2)
            assert all(block.text.strip() and block.line in lines for block in section.blocks)


WORDS = st.lists(st.from_regex(r"[a-z]{2,9}", fullmatch=True), min_size=3, max_size=12)
PLACES: dict[str, str] = {
    "a paragraph": "# T\n\nBefore.\n\nPROSE\n\nAfter.\n",
    "a list": "- a\n\n  PROSE\n",
    "a quote": "> PROSE\n",
    "an admonition of MkDocs": "!!! note\n    PROSE\n",
    "a tab of MkDocs": '=== "A"\n\n    PROSE\n',
    "a container": ":::note\n\nPROSE\n\n:::\n",
    "an indented container": "::: note\n  PROSE\n:::\n",
    "a container without an end": ":::note\n\nPROSE\n",
    "a pymdownx block": "/// note | A\n\nPROSE\n\n///\n",
    "a directive of MyST": "```{note}\n:class: x\n\nPROSE\n```\n",
    "a colon fence of MyST": ":::{unheard-of} a\nPROSE\n:::\n",
    "reST in MyST": "```{eval-rst}\n.. note:: PROSE\n```\n",
    "between components": "<Tabs>\n<TabItem label='x'>\n\nPROSE\n\n</TabItem>\n</Tabs>\n",
    "within a component's lines": "<Note>\nPROSE\n</Note>\n",
    "a shortcode": "{{< note >}}\nPROSE\n{{< /note >}}\n",
    "behind an import": "import a from 'b';\n\nPROSE\n",
    "HTML": "<div>\n<p>PROSE</p>\n</div>\n",
    "a table": "| a | b |\n|---|---|\n| PROSE | c |\n",
    "a definition": "term\n: PROSE\n",
    "a footnote": "a[^1]\n\n[^1]: PROSE\n",
}
RST_PLACES: dict[str, str] = {
    "a paragraph": "T\n=\n\nBefore.\n\nPROSE\n\nAfter.\n",
    "a list": "* a\n\n  PROSE\n",
    "a note": ".. note:: PROSE\n",
    "an unknown directive": ".. unheard-of:: a\n   :b: c\n\n   PROSE\n",
    "an admonition in a tab": ".. tab:: A\n\n   .. tip::\n\n      PROSE\n",
    "only": ".. only:: html\n\n   A\n   -\n\n   PROSE\n",
    "a list-table": ".. list-table::\n\n   * - a\n     - PROSE\n",
    "a csv-table": ".. csv-table::\n\n   a, PROSE\n",
    "a definition": "term\n   PROSE\n",
    "a field": ":a: PROSE\n",
    "a quote": "a\n\n   PROSE\n",
    "a line block": "| PROSE\n",
    "a footnote": ".. [1] PROSE\n",
    "a function": ".. py:function:: f()\n\n   PROSE\n",
    "a figure": ".. figure:: a.png\n\n   PROSE\n",
    "a version": ".. versionadded:: 1.0 PROSE\n",
    "below an error": "T\n=\n\nA\n~\n\nB\n-\n\nC\n~\n\nPROSE\n",
    "raw HTML": ".. raw:: html\n\n   <p>PROSE</p>\n",
}


@pytest.mark.parametrize(
    ("markup", "place"),
    [
        *(pytest.param("markdown", text, id=f"md: {name}") for name, text in PLACES.items()),
        *(pytest.param("restructuredtext", text, id=f"rst: {name}") for name, text in RST_PLACES.items()),
    ],
)
@given(words=WORDS)
@settings(max_examples=15, deadline=None)
def test_prose_in_any_place_comes_out_whole(markup: Markup, place: str, words: list[str]) -> None:
    prose = " ".join(words)
    parsed = parse(place.replace("PROSE", prose), markup, Page("a.mdx"))
    found = "\n".join(block.text for section in parsed.sections for block in section.blocks)
    assert prose in found


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.md", "x" * 4_000_000),
        ("a.md", "word " * 800_000),
        ("a.md", "| a | b |\n|---|---|\n" + "| c | d |\n" * 10_000),
        ("a.md", ":::a\n" * 20_000),
        ("a.md", "```{note}\n" * 3_000),
        ("a.md", "/// a\n" * 5_000 + "///\n" * 5_000),
        ("a.mdx", "<A\n" * 20_000),
        ("a.mdx", "<A {\n" * 20_000),
        ("a.mdx", "<A b={[" + "{name: 'x', type: 'y'},\n" * 8_000 + "]}/>\n"),
        ("a.mdx", "{/*\n" * 20_000),
        ("a.mdx", "export const a = {\n" * 5_000),
        ("a.md", "{% highlight x %}\n" * 3_000),
        ("a.md", "{{< a " * 20_000),
        ("a.md", ("> - " * 10 + "b\n") * 50),
        ("a.md", "```js\n[!code a]" + " " * 200_000 + "x\n```\n"),
        ("a.md", ":::" + " " * 30_000 + "a" + " " * 30_000 + "{x\n"),
        ("a.md", "| a | b |\n|---|\n|---|---|---|\n" * 5_000),
        ("a.md", "![" * 250_000),
        ("a.rst", "x" * 4_000_000),
        ("a.rst", "*a |b `c " * 50_000),
        ("a.rst", ".. list-table::\n\n" + "   * - a\n     - b\n" * 4_000),
        ("a.rst", ".. csv-table::\n\n" + "   a, b\n" * 10_000),
        ("a.rst", ":param a: x\n:type a: y\n" * 5_000),
        ("a.rst", ".. note::\n\n   " * 2_000),
        ("a.rst", "".join(f"{'   ' * depth}.. note::\n\n" for depth in range(300))),
    ],
    ids=lambda value: value[:12] if isinstance(value, str) else None,
)
def test_time_is_bounded(name: str, text: str) -> None:
    markup = markup_of(name)
    assert markup
    start = time.process_time()
    parse(text, markup, Page(name))
    assert time.process_time() - start < 30
