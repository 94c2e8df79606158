"""Nothing that a document, a user or a model writes loads or runs in the page."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, strategies as st
from markdown_it import MarkdownIt

from curation import Span, blocks, closed, harmless, link, plain, prose, web_address
from tests.xss import XSS

_ALLOWED = {"p", "em", "strong", "s", "code", "pre", "a", "ul", "ol", "li", "hr", "br", "blockquote", "mark"}
_ALLOWED |= {"h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"}


class Tags(HTMLParser):
    """What a browser would make of the HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs


def as_a_browser_sees(markdown: str) -> Tags:
    """Rendered by a parser that lets all HTML through, as the page's does."""
    seen = Tags()
    seen.feed(MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(markdown))
    seen.close()
    return seen


def assert_harmless(markdown: str) -> None:
    seen = as_a_browser_sees(markdown)
    assert seen.tags <= _ALLOWED, seen.tags - _ALLOWED
    for name, value in seen.attributes:
        assert name in ("href", "class", "start", "style"), name
        assert name != "href" or (value or "").startswith(("http://", "https://")), value
        assert name != "style" or re.fullmatch(r"text-align:(left|right|center)", value or ""), value
        assert name != "class" or (value or "").startswith("language-"), value


@pytest.mark.parametrize("text", XSS)
def test_nothing_in_an_answer_loads_or_runs(text: str) -> None:
    assert_harmless(harmless(text))
    assert_harmless(f"before\n\n{harmless(text)}\n\nafter")


@given(st.text(alphabet="<>!`~[]()a:/\n &;#\\javscript|-*_=\"'", max_size=80))
def test_no_text_makes_an_image_or_a_tag(text: str) -> None:
    assert_harmless(harmless(text))


@given(st.text(alphabet="ab.?! `*[]()\n-|<>&", max_size=60), st.integers(0, 40), st.integers(0, 40))
def test_a_mark_anywhere_changes_nothing_but_the_mark(text: str, start: int, end: int) -> None:
    unmarked = [part.shown for part in blocks(text)]
    for number in range(len(prose(text))):
        marked = blocks(text, Span(number, min(start, end), max(start, end)))
        assert [re.sub(r"</?mark>", "", part.shown) for part in marked] == unmarked
        assert_harmless("\n\n".join(part.shown for part in marked))


def test_a_sentence_is_marked_with_its_code() -> None:
    text = "First. Then *run* `kiln` twice. Last."
    start, end = text.replace("*", "").replace("`", "").index("Then"), len("First. Then run kiln twice.")
    (block,) = blocks(text, Span(0, start, end))
    assert block.shown == "<p>First. <mark>Then <em>run</em> <code>kiln</code> twice.</mark> Last.</p>"
    assert block.markdown == text


def test_code_stays_as_it_is() -> None:
    code = "```python\nif a < b: print('![x](y)')\n```"
    assert harmless(f"Use `a < b`:\n{code}") == f"<p>Use <code>a &lt; b</code>:</p>\n\n{code}"
    assert harmless("```a\nx") == "```a\nx\n```", "an open block is closed"
    assert harmless("````\n```\n````") == "````\n```\n````", "what it holds can't close it"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("```py\na", "```py\na\n```"),
        ("```py\na\n```", "```py\na\n```"),
        ("a\n~~~~", "a\n~~~~\n~~~~"),
        ("```\n~~~", "```\n~~~\n```"),
        ("``` a ```", "``` a ```"),
        ("a", "a"),
        ("", ""),
    ],
)
def test_what_comes_after_an_open_code_block_is_not_shown_as_code(text: str, expected: str) -> None:
    assert closed(text) == expected


@given(st.text(max_size=40))
def test_a_title_is_shown_letter_by_letter(text: str) -> None:
    rendered = MarkdownIt("commonmark", {"html": True}).render(f"x [{plain(text)}](https://e.org) y")
    assert rendered.startswith('<p>x <a href="https://e.org">') and rendered.count("<") == 4


def test_sources_are_links_only_where_the_address_is_one() -> None:
    assert web_address("https://e.org/a b(1).html") == "https://e.org/a%20b%281%29.html"
    for address in ("javascript:alert(1)", "file:///etc/passwd", "", "//e.org", "http://", "https://[bad"):
        assert web_address(address) == ""
        assert link("Title", address, "docs/a`b.md") == "Title (`docs/a'b.md`)"


def test_rows_are_a_table_and_a_mark_is_in_each_cell() -> None:
    table = "Key | Meaning\n`port` | Where it listens\n`url` |"
    assert prose(table) == ["Key | Meaning\nport | Where it listens\nurl |"]
    (block,) = blocks(table, Span(0, 14, 37))
    assert block.markdown == table
    assert block.shown == (
        "<table><tr><th>Key</th><th>Meaning</th></tr>"
        "<tr><td><mark><code>port</code></mark></td><td><mark>Where it listens</mark></td></tr>"
        "<tr><td><code>url</code></td><td></td></tr></table>"
    )
    assert "<td>a|b <em>c | d</em></td><td></td><td>e</td>" in harmless("x | y\na|b *c | d* | | e")
    assert prose("Either a | b\nor nothing") == ["Either a | b or nothing"]
