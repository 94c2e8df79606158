"""Acting on the pages: who may, twice at once, what is written down, and what cannot be done."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import threading
from contextlib import suppress

import pytest
from filelock import FileLock
from streamlit.testing.v1 import AppTest

from curation import Home
from dashboards.acting import Act, act_once
from dashboards.data.actions import read_actions
from serving import ReleaseStore
from tests.dashboards.state import add_release, add_run, kill, told
from tests.dashboards.test_pages import opened, press, said
from training import RunStore


def about_to_serve(release: str, home: Home) -> AppTest:
    page = opened("releases", home)
    page.selectbox(key="the release").select(release).run()
    return press(page, f"Serve {release}")


def test_going_back_takes_two_clicks_and_is_in_the_log(copied: Home) -> None:
    store = ReleaseStore(copied)
    older, newer = store.ids()
    page = about_to_serve(older, copied)
    assert store.current_id() == newer
    press(page, "Yes, serve it")
    assert store.current_id() == older
    last = store.promotions.lines()[-1]
    assert (last.release, last.is_by_hand, last.who) == (older, True, getpass.getuser())
    assert read_actions(copied, 1)[0].who == getpass.getuser()


def test_two_press_the_same_button_and_it_is_done_once(copied: Home) -> None:
    store = ReleaseStore(copied)
    older, _ = store.ids()
    pages = [opened("releases", copied) for _ in range(2)]
    for page in pages:
        page.selectbox(key="the release").select(older).run()
        press(page, f"Serve {older}")
    before = len(store.promotions.lines())
    for page in pages:
        press(page, "Yes, serve it")
    assert store.current_id() == older
    assert len(store.promotions.lines()) == before + 1


def test_two_clicks_at_the_same_moment_are_one(home: Home) -> None:
    """The second one looks only when the first is through."""
    add_release(home)
    given = told(home)
    done, both = list[str](), threading.Barrier(2)

    def do(who: str) -> None:
        if not done:
            with suppress(threading.BrokenBarrierError):
                both.wait(0.3)  # for the other one, which must not come
            done.append(who)

    act = Act("Serve it", "", "Yes", do)
    clicks = [threading.Thread(target=act_once, args=(given, act, who)) for who in ("ada", "bob")]
    for one in clicks:
        one.start()
    for one in clicks:
        one.join()
    assert len(done) == 1


def test_who_waits_too_long_for_another_is_told(copied: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboards.acting._LONGEST_WAIT", 0.1)
    store = ReleaseStore(copied)
    older, newer = store.ids()
    page = about_to_serve(older, copied)
    with FileLock(copied.root / ".acting.lock"):
        press(page, "Yes, serve it")
    assert store.current_id() == newer
    assert "Somebody else acts just now; try again." in said(page)
    assert ".acting.lock" not in said(page)


def test_only_who_signs_in_can_act(copied: Home) -> None:
    store = ReleaseStore(copied)
    older, _ = store.ids()
    page = opened("releases", copied, host="0.0.0.0", accounts={"ada": "stone"})  # noqa: S104
    page.selectbox(key="the release").select(older).run()
    button = next(one for one in page.button if one.label == f"Serve {older}")
    assert button.disabled and "Sign in to do this." in said(page)
    page.text_input[0].set_value("ada")
    page.text_input[1].set_value("clay")
    press(page, "Sign in")
    assert page.error and next(one for one in page.button if one.label == f"Serve {older}").disabled
    page.text_input[1].set_value("stone")
    press(page, "Sign in")
    press(press(page, f"Serve {older}"), "Yes, serve it")
    assert store.promotions.lines()[-1].who == "ada"


def test_a_damaged_release_is_not_served(copied: Home) -> None:
    store = ReleaseStore(copied)
    older, newer = store.ids()
    (store.folder(older) / "model" / "modules.json").write_text("[]")
    page = opened("releases", copied)
    page.selectbox(key="the release").select(older).run()
    press(press(page, f"Serve {older}"), "Yes, serve it")
    assert store.current_id() == newer
    assert older in said(page) and page.warning


def test_a_release_that_goes_under_the_page_is_said(copied: Home) -> None:
    store = ReleaseStore(copied)
    older, newer = store.ids()
    page = about_to_serve(older, copied)
    shutil.rmtree(store.folder(older))
    page = page.run()
    assert not page.exception
    assert page.selectbox(key="the release").options == [newer]
    assert f"{older} is not there any more." in said(page)


def test_a_stopped_run_is_dropped(home: Home) -> None:
    run = add_run(home, outcome=None)
    assert f"Stop {run.id}" in [one.label for one in opened("loop", home).button]
    kill(run)
    pages = [press(opened("loop", home), f"Drop {run.id}") for _ in range(2)]
    for page in pages:
        press(page, "Yes, drop it")
        assert not page.error
    assert RunStore(home).get(run.id).status == "abandoned"
    assert [one.what for one in read_actions(home, 5)] == ["dropped a run"]


def test_two_stop_a_run_and_it_gets_one_signal(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    run, sent = add_run(home, outcome=None), list[tuple[int, int]]()
    monkeypatch.setattr(os, "kill", lambda process, number: sent.append((process, number)))
    pages = [press(opened("loop", home), f"Stop {run.id}") for _ in range(2)]
    for page in pages:
        press(page, "Yes, stop it")
    assert sent == [(os.getpid(), signal.SIGTERM)]
    assert [one.what for one in read_actions(home, 5)] == ["stopped a run"]
    assert "was asked to stop already" in said(pages[1])
    run._start("fit")  # somebody goes on with it
    press(press(opened("loop", home), f"Stop {run.id}"), "Yes, stop it")
    assert len(sent) == 2


def test_a_canary_begins_and_ends_on_the_page(home: Home) -> None:
    other, _ = add_release(home), add_release(home)
    marks = ReleaseStore(home).marks
    page = opened("releases", home)
    page.selectbox(key="the release").select(other.id).run()
    press(page, f"Try {other.id} on some visitors")
    assert marks.read().canary is None
    press(page, "Yes, begin")
    running = marks.read().canary
    assert running is not None and (running.release, running.share) == (other.id, 0.1)
    pages = [press(opened("releases", home), f"End the canary {other.id}") for _ in range(2)]
    press(pages[0], "Yes, end it")
    assert marks.read().canary is None
    another = running.model_copy(update={"release": add_release(home, promote=False).id})
    marks.set_canary(another)
    press(pages[1], "Yes, end it")
    assert marks.read().canary == another, "it was another canary that the second one saw"
    done = [one.what for one in read_actions(home, 5) if "canary" in one.what]
    assert done == ["ended the canary", "began a canary"]


def test_where_others_can_reach_it_nothing_can_be_changed(home: Home) -> None:
    add_release(home)
    add_release(home)
    page = opened("releases", home, host="0.0.0.0")  # noqa: S104 - this is the case
    page.selectbox(key="the release").select(ReleaseStore(home).ids()[0]).run()
    assert all(button.disabled for button in page.button)
    assert "nobody can sign in" in said(page)
