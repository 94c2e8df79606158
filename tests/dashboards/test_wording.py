"""Text from outside, and numbers in words."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, strategies as st
from markdown_it import MarkdownIt

from dashboards.escaping import LONGEST, one_line, plain, with_commands
from dashboards.wording import age, duration, plural

NOW = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)


@given(st.text(max_size=LONGEST))
def test_escaped_text_is_shown_as_it_is(text: str) -> None:
    line = one_line(text)
    blocks = MarkdownIt("commonmark").parse(plain(text))
    assert {block.type for block in blocks} <= {"paragraph_open", "inline", "paragraph_close"}
    tokens = [token for block in blocks for token in block.children or []]
    assert {token.type for token in tokens} <= {"text", "text_special"}
    assert "".join(token.content for token in tokens).replace("\u2060", "") == line.replace("\u2060", "")


@given(st.text(max_size=LONGEST) | st.text("`a <![](/)*\\", max_size=40))
def test_with_commands_adds_code_and_nothing_else(text: str) -> None:
    blocks = MarkdownIt("commonmark").parse(with_commands(text))
    tokens = [token for block in blocks for token in block.children or []]
    assert {token.type for token in tokens} <= {"text", "text_special", "code_inline"}


def test_commands_are_code() -> None:
    assert with_commands("Run `clayloop up` <now>.") == "Run `clayloop up` \\<now\\>\\."
    assert with_commands("one ` alone") == plain("one ` alone")


@given(st.text())
def test_one_line_is_one_short_line(text: str) -> None:
    assert len(one_line(text).splitlines()) <= 1
    assert len(one_line(text)) <= LONGEST


@pytest.mark.parametrize(
    "address", ["https://evil.example/x", "www.evil.example", "a@evil.example", ":smile:"]
)
def test_what_github_would_link_is_kept_apart(address: str) -> None:
    assert "\u2060" in plain(address)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.0 s"), (0.44, "0.4 s"), (12, "12 s"), (59.9, "1 min 00 s"), (60, "1 min 00 s"),
        (185, "3 min 05 s"), (7800, "2 h 10 min"), (86400, "1 day"), (400000, "4 days"), (-1, "–"),
        (float("nan"), "–"),
    ],
)  # fmt: skip
def test_duration(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(seconds=-59), "just now"),
        (timedelta(seconds=-500), "8 min 20 s ahead of this machine's clock"),
        (timedelta(minutes=5), "5 min ago"),
        (timedelta(hours=3, minutes=50), "3 h ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=40), "40 days ago"),
    ],
)
def test_age(ago: timedelta, words: str) -> None:
    assert age(NOW - ago, NOW) == words
    assert age((NOW - ago).replace(tzinfo=None), NOW) == words


def test_plural() -> None:
    assert plural(1, "chunk") == "1 chunk"
    assert plural(1200, "chunk") == "1,200 chunks"
    assert plural(0, "query", "queries") == "0 queries"
