"""What people and models write is shown, never run."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given, strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from curation.argilla.conversations import (
    Source,
    answer_in,
    render_instruction,
    render_response,
    render_worth_a_look,
)
from curation.shown.page import fenced, link
from curation.shown.records import harmless_markdown, inert, linked, literal, original, readable, with_page
from tests.curation.argilla.sample import history, make_chunk, make_turn
from tests.xss import XSS

# Like Argilla's renderer: raw HTML is let through, addresses become links, tables and strike-through are on.
RENDERER = MarkdownIt("gfm-like", {"html": True, "linkify": False}).enable(["table", "strikethrough"])
ACTIVE = {"html_inline", "html_block", "image", "link_open"}
NASTY = st.text(alphabet=st.sampled_from(list("<>&![]()`~*_#-+=|\\/:.@\"' \t\nabx1iw")), max_size=80)


def active(tokens: list[Token]) -> set[str]:
    found: set[str] = set()
    for token in tokens:
        found |= {token.type} & ACTIVE
        found |= active(token.children or [])
    return found


def shown(markdown: str) -> str:
    """The text that a reader sees."""
    rendered = RENDERER.render(markdown)
    rendered = re.sub(r"<br ?/?>\n?", "\n", rendered)
    return html.unescape(re.sub(r"</?p>\n?", "", rendered)).replace("\xa0", " ")


@pytest.mark.parametrize("text", XSS)
def test_known_attacks_come_to_nothing(text: str) -> None:
    assert active(RENDERER.parse(literal(text))) == set()
    assert active(RENDERER.parse(harmless_markdown(text))) == set()
    assert active(RENDERER.parse(harmless_markdown(text, keep_lines=True))) == set()


@given(NASTY)
def test_nothing_active_survives(text: str) -> None:
    assert active(RENDERER.parse(literal(text))) == set()
    assert active(RENDERER.parse(harmless_markdown(text))) == set()
    assert active(RENDERER.parse(harmless_markdown(text, keep_lines=True))) == set()


@given(NASTY)
def test_a_chunk_is_read_back_but_for_white_space(text: str) -> None:
    text = text.replace("\\", "/").replace("```", "``").replace("~~~", "~~")
    shown = harmless_markdown(text, keep_lines=True)
    assert readable(shown).split() == text.split()
    with_link = with_page(shown, "https://e.org/a.html#b_c")
    assert readable(with_link) == readable(shown)
    assert active(RENDERER.parse(with_link)) == active(RENDERER.parse("[open](https://e.org/a.html#b_c)"))


@given(NASTY)
def test_a_question_is_shown_exactly_as_written(text: str) -> None:
    lines = [line.rstrip() for line in text.replace("\t", " ").split("\n") if line.strip()]
    assert shown(literal("\n".join(lines))).strip() == "\n".join(lines).strip()


@given(NASTY)
def test_a_link_shows_its_words_and_leads_nowhere_else(text: str) -> None:
    line = " ".join(text.split())
    assert active(RENDERER.parse(linked(text, "javascript:alert(1)"))) == set()
    assert shown(linked(text, "")).strip() == line
    (block,) = [one for one in RENDERER.parse(linked(text, "https://e.org/a.html#b_c")) if one.children]
    links = [one.attrs["href"] for one in block.children or [] if one.type == "link_open"]
    assert links == ["https://e.org/a.html#b_c"]
    assert active([one for one in block.children or [] if one.type != "link_open"]) == set()


def test_code_lists_and_emphasis_of_an_answer_still_work() -> None:
    code = "```python\nif a < b:\n    print('<b>')\n```"
    answer = f"Do **this**:\n\n- run `pip install x`\n- then\n\n{code}\n\nDone."
    rendered = RENDERER.render(harmless_markdown(answer))
    assert "<strong>this</strong>" in rendered
    assert "<li>" in rendered
    assert "<code>pip install x</code>" in rendered
    assert "if a &lt; b:\n    print('&lt;b&gt;')" in rendered


def test_only_what_leads_to_a_source_is_a_link_in_an_answer() -> None:
    chunk = make_chunk("a.md", "Heading", "```python\ncode()\n```")
    chunk = chunk.model_copy(update={"url": "https://www.docs.example/a.html#b"})
    bad = f"[evil](https://evil.example/) [odd\\]({chunk.url}) [J](javascript:x)"
    answer = f"**1.** [A \\> B]({chunk.url})\n\n{bad}"
    turn = make_turn("How?", answer, cited=(chunk.id,))
    response = render_response(turn, {chunk.id: Source.of_chunk(chunk)})
    links = re.findall(r'<a href="([^"]*)">([^<]*)</a>', RENDERER.render(response))
    assert links == [(chunk.url, "A &gt; B"), (chunk.url, "open")]
    assert (
        "evil.example" in response and "```python" not in response.partition("<summary>")[2].partition("<")[0]
    )
    assert "[A" in answer_in(response)


def test_passages_of_one_section_are_told_apart_by_their_first_words() -> None:
    bodies = ("Add a shell by its class.", "Then *register* it.", "Alone here.")
    headings = ("Shells", "Shells", "Paging")
    chunks = [make_chunk("a.md", head, body) for head, body in zip(headings, bodies, strict=True)]
    turn = make_turn("How?", "So.", offered=tuple(one.id for one in chunks))
    response = render_response(turn, {one.id: Source.of_chunk(one) for one in chunks})
    lines = [line for line in response.splitlines() if re.match(r"\*\*\d", line)]
    assert lines == [
        "**1.** a\\.md · Shells · “Add a shell by its class\\.”",
        "**2.** a\\.md · Shells · “Then register it\\.”",
        "**3.** a\\.md · Paging",
    ]


def test_brackets_and_parentheses_leave_a_link_to_a_source() -> None:
    chunk = make_chunk("a.md", "list[int] [0]", "Some words.")
    chunk = chunk.model_copy(update={"url": "https://docs.example/list_(type).html#a[0]"})
    answer = f"**1.** {link(chunk.heading, chunk.url, '')}\n\n!{link('no picture', chunk.url, '')}"
    response = render_response(
        make_turn("How?", answer, cited=(chunk.id,)), {chunk.id: Source.of_chunk(chunk)}
    )
    rendered = RENDERER.render(response)
    address = "https://docs.example/list_%28type%29.html#a%5B0%5D"
    assert re.findall(r'<a href="([^"]*)">([^<]*)</a>', rendered) == [
        (address, "list[int] [0]"),
        (address, "open"),
    ]
    assert "<img" not in rendered


def test_a_bracket_that_is_escaped_already_stays_so() -> None:
    for text in (r"\[x\](//evil.example)", r"\\[x\\](//evil.example)"):
        assert active(RENDERER.parse(harmless_markdown(text))) == set()
        assert readable(harmless_markdown(text)) == text


def test_an_unclosed_code_block_does_not_swallow_the_sources() -> None:
    turn = make_turn("How?", "Like so:\n```\ncode", cited=("a" * 32,))
    rendered = RENDERER.render(render_response(turn, {}))
    assert rendered.index("</code>") < rendered.index("Sources")


def test_a_visitors_word_stands_on_the_card_and_does_nothing() -> None:
    turn = make_turn("How?", "Like so.").model_copy(update={"thumb": "down", "comment": "<img src=x> **no**"})
    rendered = render_worth_a_look(turn, ["Like so."])
    assert rendered.startswith("The visitor did not find this helpful.")
    assert "The visitor wrote: “&lt;img src=x> **no**”" in rendered
    assert "visitor" not in render_worth_a_look(make_turn("How?", "Like so."), [])


def test_code_cannot_close_its_own_block() -> None:
    tokens = RENDERER.parse(fenced("a\n````\n<b>\n```", "py' onclick=x"))
    assert [token.type for token in tokens] == ["fence"]
    assert tokens[0].info == "py"


def test_a_longer_conversation_shows_all_of_it() -> None:
    turn = make_turn("And <b>then</b>?", "x", turn=1, history=history("First?", "An *answer*"))
    text = shown(render_instruction(turn))
    assert text.index("First?") < text.index("An") < text.index("And <b>then</b>?")
    assert active(RENDERER.parse(render_instruction(turn))) == set()


def test_what_no_database_takes_is_replaced() -> None:
    assert literal("a\x00b\ud800c") == "a\ufffdb\ufffdc"


@given(st.text(max_size=60) | NASTY)
def test_plain_fields_hold_no_tags_and_come_back_as_they_were(text: str) -> None:
    assert "<" not in inert(text)
    assert original(inert(text)) == inert(text).replace("&lt;", "<").replace("&amp;", "&")
    assert html.unescape(inert(text)) == original(inert(text))
    if "\x00" not in text:
        assert original(inert(text)) == text


@pytest.mark.parametrize("text", XSS)
def test_a_source_unfolds_and_nothing_else_of_it_is_active(text: str) -> None:
    chunk = make_chunk("a.md", "Heading", text).model_copy(update={"url": "https://docs.example/a.html#b"})
    card = Source.of_chunk(chunk).card(3)
    rendered = RENDERER.render(card)
    assert rendered.count("<details>") == rendered.count("</details>") == 1
    tags = set(re.findall(r"<(\w+)", rendered))
    assert not tags & {"img", "script", "embed"}
    assert re.findall(r'<a href="([^"]*)"', rendered) == ["https://docs.example/a.html#b"]
    hostile = chunk.model_copy(update={"url": "javascript:alert(1)"})
    assert 'href="' not in RENDERER.render(Source.of_chunk(hostile).card(3))
