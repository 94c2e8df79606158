"""Asking for a retrain from the page: when it can be done, that it is done once, and what is said when it
cannot."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import dashboards
from curation import ArgillaSettings, Home
from dashboards import ask_for_retrain, pending_request, settle_request, watch_lock
from dashboards.data.asking import ASKER, Asking, ask, read_asking
from dashboards.data.runs import read_runs
from dashboards.handover import write_handover
from dashboards.settings import DashboardSettings
from tests.dashboards.state import add_run, kill

APP = Path(dashboards.__file__).parent / "app.py"
EVIL = '<script>alert("x")</script> [a](javascript:alert(1))'


@contextmanager
def watched(home: Home) -> Iterator[None]:
    """As a watcher holds it."""
    home.root.mkdir(parents=True, exist_ok=True)
    with watch_lock(home):
        yield


def standing(home: Home) -> Asking:
    return read_asking(home, read_runs(home, 5).rows)


def open_page(home: Home, monkeypatch: pytest.MonkeyPatch, host: str = "127.0.0.1") -> AppTest:
    path = write_handover(home, DashboardSettings(refresh_seconds=60, host=host), ArgillaSettings())
    monkeypatch.setattr(sys, "argv", [str(APP), str(path)])
    page = AppTest.from_file(str(APP), default_timeout=30).run()
    assert not page.exception
    return page


def buttons(page: AppTest) -> dict[str, bool]:
    """Label → whether it can be pressed."""
    return {one.label: not one.disabled for one in page.button}


def press(page: AppTest, label: str) -> AppTest:
    next(one for one in page.button if one.label == label).click().run()
    assert not page.exception
    return page


def said(page: AppTest) -> str:
    texts = [element.value for kind in ("caption", "warning") for element in getattr(page, kind)]
    return "\n".join(texts).replace("\\", "").replace("\u2060", "")


def test_how_things_stand(home: Home) -> None:
    assert standing(home) == Asking("unwatched")
    assert not home.root.exists(), "looking makes nothing"
    request = ask_for_retrain(home, "Ada")
    assert standing(home) == Asking("asked-in-vain", request)
    with watched(home):
        assert standing(home) == Asking("asked", request)
        settle_request(home, request)
        assert standing(home) == Asking("ready")
        run = add_run(home, outcome=None)
        assert standing(home).standing == "running"
        kill(run)
        assert standing(home).standing == "ready", "a run whose process is gone stands in nobody's way"


def test_one_asks_and_the_next_one_does_not(home: Home) -> None:
    with watched(home):
        first = ask(home, ())
        assert first.standing == "asked"
        assert first.request is not None and first.request.by == ASKER
        assert ask(home, ()) == first
        assert pending_request(home) == first.request
    settle_request(home, first.request)
    assert ask(home, ()).standing == "unwatched"
    assert pending_request(home) is None


def test_it_takes_two_clicks_and_leaves_one_request(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with watched(home):
        page = press(open_page(home, monkeypatch), "Retrain now")
        assert pending_request(home) is None
        page = press(page, "No")
        assert buttons(page) == {"Retrain now": True}
        page = press(press(page, "Retrain now"), "Yes, retrain")
        request = pending_request(home)
        assert request is not None and request.by == ASKER
        assert buttons(page) == {"Retrain now": False}
        assert "A retrain waits to be started: the dashboard asked for it just now" in said(page)


def test_what_came_in_between_wins(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with watched(home):
        page = press(open_page(home, monkeypatch), "Retrain now")
        request = ask_for_retrain(home, EVIL)
        page = press(page, "Yes, retrain")
        assert pending_request(home) == request
        assert buttons(page) == {"Retrain now": False}
        shown = [element.value for element in page.caption]
        assert not any("<script" in text.replace("\\<", "") or "](" in text for text in shown)


def test_without_a_watcher_it_says_what_must_run(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page(home, monkeypatch)
    assert buttons(page) == {"Retrain now": False}
    assert "`clayloop watch`" in said(page) and "`watch.with_up = true`" in said(page)


def test_while_a_run_is_at_work_there_is_nothing_to_press(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_run(home, outcome=None)
    ask_for_retrain(home, "Ada")
    with watched(home):
        page = open_page(home, monkeypatch)
    assert buttons(page) == {"Retrain now": False}
    assert "A retrain is at work. Another request waits: Ada asked for it just now" in said(page)


def test_where_others_reach_the_page_it_only_shows(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with watched(home):
        page = open_page(home, monkeypatch, host="192.0.2.1")
    assert buttons(page) == {}
    assert "`clayloop watch --ask`" in said(page)


def test_a_request_that_cannot_be_written_is_told(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with watched(home):
        page = press(open_page(home, monkeypatch), "Retrain now")
        home.runs.write_text("a file where the folder should be")
        page = press(page, "Yes, retrain")
        assert "requested.json" in said(page)
        assert buttons(page) == {"Retrain now": True}
