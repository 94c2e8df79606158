"""What visitors wrote is shown on a maintainer's terminal, never obeyed by it."""

from __future__ import annotations

import json
import re
import time

import pytest
from hypothesis import given, strategies as st

from clayloop.cli.explain import _print_record
from clayloop.console import TerminalProgress, harmless, out, print_error, print_json, print_table
from curation import StateError
from training import LedgerRow, Preview, RecordExplanation, render_preview

ATTACK = "\x1b[2J\x1b]0;owned\x07\x9b2J\rHow \u202e\ud800?"
ROW = LedgerRow(
    dataset="conversations",
    record_id="r",
    teaches="example",
    query=ATTACK,
    chunk_id="c",
    place=ATTACK,
    fate="duplicate",
    reason=f"same question as y: {ATTACK}",
    origin=ATTACK,
)


def test_whatever_is_printed_is_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    plan = Preview(would_train=True, verdict=ATTACK, release_before="r", new=1, withdrawn=0, rows=[ROW])
    out.print(render_preview(plan), markup=False, soft_wrap=True)
    _print_record(RecordExplanation(release="r", rows=[ROW]))
    print_table(ATTACK, [ATTACK, "n"], [[ATTACK, 1]])
    print_error(StateError(ATTACK, ATTACK))
    progress = TerminalProgress()
    progress.say(ATTACK)
    with progress.task(ATTACK) as advance:
        advance(1)
    said = capsys.readouterr()
    for text in (said.out, said.err):
        assert not set("\x1b\x07\x9b\r\u202e") & set(text)
        assert "\\x1b[2J" in text
        assert "How" in text
    shown = "\\x1b[2J\\x1b]0;owned\\x07\\x9b2J How \\u202e\\ud800?: same question"
    assert re.search(rf"duplicate +{re.escape(shown)}", said.out), "in one line"


def test_names_between_colons_are_no_pictures(capsys: pytest.CaptureFixture[str]) -> None:
    out.print("folder:x: 3 pages")
    print_error(StateError("pypi:fire: is damaged.", "Look at :bug: first."))
    said = capsys.readouterr()
    assert "folder:x: 3 pages" in said.out
    assert "pypi:fire: is damaged." in said.err and "Look at :bug: first." in said.err


def test_json_for_the_terminal_is_the_same_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"question": ATTACK, "é": [1]})
    said = capsys.readouterr().out
    assert not set("\x1b\x07\x9b\r") & set(said)
    assert "é" in said
    assert json.loads(said) == {"question": ATTACK, "é": [1]}


def test_long_work_speaks_up_where_no_bar_can_be_drawn(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clayloop.console._TELL_SECONDS", 0.4)
    with TerminalProgress().task("Generating queries", 5, "chunks") as advance:
        advance(2)
        time.sleep(1)
    with TerminalProgress().task("Loading a model"):
        time.sleep(1)
    said = [
        re.sub(r"\d+(\.\d)? (?=s\b|chunks/s)", "… ", line) for line in capsys.readouterr().err.splitlines()
    ]
    assert list(dict.fromkeys(said)) == [
        "Generating queries: 2 of 5 chunks after … s",
        "Generating queries: 2 chunks in … s, … chunks/s",
        "Loading a model after … s",
        "Loading a model in … s",
    ]


def test_work_that_is_done_at_once_is_no_line_of_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    with TerminalProgress().task("Embedding questions", 10, "texts") as advance:
        advance(10)
    assert capsys.readouterr().err == ""


@given(st.text())
def test_what_is_harmless_stays_as_it_is(text: str) -> None:
    shown = harmless(text)
    assert harmless(shown) == shown
    if text.isprintable() or not text.strip("abc \n\t"):
        assert shown == text
