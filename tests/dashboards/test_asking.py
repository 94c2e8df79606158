"""Asking for a retrain from the page: when it can be done, that it is done once, and what is said when it
cannot."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager

from streamlit.testing.v1 import AppTest

from curation import Home
from dashboards import ask_for_retrain, pending_request, settle_request, watch_lock
from dashboards.asking import retrain_act, retrain_obstacle
from dashboards.data.actions import read_actions
from tests.dashboards.state import add_run, kill, told
from tests.dashboards.test_pages import opened, press, said

EVIL = '<script>alert("x")</script> [a](javascript:alert(1))'


@contextmanager
def watched(home: Home) -> Iterator[None]:
    """As a watcher holds it."""
    home.root.mkdir(parents=True, exist_ok=True)
    with watch_lock(home):
        yield


def buttons(page: AppTest) -> dict[str, bool]:
    """Label → whether it can be pressed."""
    return {one.label: not one.disabled for one in page.button if "Dry" not in one.label}


def test_what_stands_in_the_way(home: Home) -> None:
    given = told(home)
    assert retrain_obstacle(given).startswith("Nobody is watching")
    assert not home.root.exists(), "looking makes nothing"
    request = ask_for_retrain(home, "Ada")
    assert "Ada asked for it just now. Nobody is watching" in retrain_obstacle(given)
    with watched(home):
        assert "Ada asked for it just now. The watcher begins" in retrain_obstacle(given)
        settle_request(home, request)
        assert retrain_obstacle(given) == ""
        run = add_run(home, outcome=None)
        assert retrain_obstacle(given).startswith("A retrain is at work")
        kill(run)
        assert retrain_obstacle(given) == "", "a run whose process is gone stands in nobody's way"


def test_one_asks_and_the_next_one_does_not(home: Home) -> None:
    act = retrain_act(told(home))
    with watched(home):
        act.do("ada")
        request = pending_request(home)
        assert request is not None and "ada" in request.by
        act.do("bob")
        assert pending_request(home) == request
        settle_request(home, request)
    act.do("ada")
    assert pending_request(home) is None, "nobody watches any more"


def test_it_takes_two_clicks_and_leaves_one_request(home: Home) -> None:
    with watched(home):
        page = press(opened("loop", home), "Retrain now")
        assert pending_request(home) is None
        page = press(page, "No")
        assert buttons(page) == {"Retrain now": True}
        page = press(press(page, "Retrain now"), "Yes, retrain")
        request = pending_request(home)
        assert request is not None and getpass.getuser() in request.by
        assert buttons(page) == {"Retrain now": False}
        asked = f"A retrain waits to be started: {getpass.getuser()}, on the dashboard, asked for it"
        assert asked in said(page)
        (action,) = read_actions(home, 5)
        assert (action.who, action.what) == (getpass.getuser(), "asked for a retrain")


def test_what_came_in_between_wins(home: Home) -> None:
    with watched(home):
        page = press(opened("loop", home), "Retrain now")
        request = ask_for_retrain(home, EVIL)
        page = press(page, "Yes, retrain")
        assert pending_request(home) == request
        assert buttons(page) == {"Retrain now": False}
        shown = [element.value for element in page.caption]
        assert not any("<script" in text.replace("\\<", "") or "](" in text for text in shown)


def test_without_a_watcher_it_says_what_must_run(home: Home) -> None:
    page = opened("loop", home)
    assert buttons(page) == {"Retrain now": False}
    assert "`clayloop watch`" in said(page) and "`watch.with_up = true`" in said(page)


def test_while_a_run_is_at_work_there_is_nothing_to_press(home: Home) -> None:
    add_run(home, outcome=None)
    ask_for_retrain(home, "Ada")
    with watched(home):
        page = opened("loop", home)
    assert buttons(page)["Retrain now"] is False
    assert "A retrain is at work. Another request waits: Ada asked for it just now" in said(page)


def test_where_others_reach_the_page_it_only_shows(home: Home) -> None:
    with watched(home):
        page = opened("loop", home, host="192.0.2.1")
    assert buttons(page) == {"Retrain now": False}
    assert "`dashboards.accounts`" in said(page)


def test_a_request_that_cannot_be_written_is_told(home: Home) -> None:
    with watched(home):
        page = press(opened("loop", home), "Retrain now")
        home.runs.write_text("a file where the folder should be")
        page = press(page, "Yes, retrain")
        assert "requested.json" in said(page)
        assert buttons(page)["Retrain now"] is True
