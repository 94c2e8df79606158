"""Asked, failing, killed, twice at once: the real watcher with a fake retrain, and no Argilla."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import httpx
import psutil
import pytest

from clayloop.settings import Settings
from clayloop.watch.annotations import Annotations
from clayloop.watch.child import Ended, RetrainProcess
from clayloop.watch.need import Findings
from clayloop.watch.settings import WatchSettings
from clayloop.watch.state import LastRetrain, WatchState, load_state
from clayloop.watch.watcher import STATE_FILE, Watcher
from curation import BusyError, Corpus, Home
from dashboards import ask_for_retrain, is_watched, pending_request, settle_request
from serving import ReleaseStore
from tests.clayloop.watch.fake_retrain import starts
from tests.clayloop.watch.fake_watcher import command
from training import INDEX_ONLY, RunInputs, RunStore

PATIENCE = 120.0  # seconds
ROOT = Path(__file__).parents[3]


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def settings(home: Home, **watch: float) -> Settings:
    chosen = {"webhooks": False, "debounce_seconds": 0.1, **watch}
    return Settings(home=home.root, watch=WatchSettings.model_validate(chosen))


@contextmanager
def watching(
    home: Home, log: Path, seconds: float = 0.0, codes: str = "0"
) -> Iterator[tuple[Watcher, list[str]]]:
    """A watcher in a thread, and what it says."""
    said: list[str] = []
    watcher = Watcher(settings(home), command(log, seconds, codes), said.append)
    thread = threading.Thread(target=watcher.run)
    thread.start()
    try:
        yield watcher, said
    finally:
        watcher.stop()
        thread.join(30)
        assert not thread.is_alive()


def _alive(process: int) -> bool:
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed is tried again soon."""
    monkeypatch.setattr("clayloop.watch.watcher._RETRY", 0.2)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clayloop.watch.watcher._RETRY", 3600.0)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "retrains.txt"


def test_asking_retrains_once_and_the_request_is_gone(home: Home, log: Path) -> None:
    ask_for_retrain(home, "Ada")
    with watching(home, log) as (watcher, said):
        until(lambda: pending_request(home) is None)
        assert watcher.health()["failures"] == 0
    assert starts(log) == 1
    assert "Retraining: Ada asked for it" in said
    last = load_state(home.root / STATE_FILE).last
    assert last is not None
    assert (last.exit_code, last.outcome) == (0, "rejected")


def test_a_request_that_comes_in_meanwhile_is_not_lost_and_never_two_run_at_once(
    home: Home, log: Path
) -> None:
    ask_for_retrain(home, "first")
    with watching(home, log, seconds=0.5):
        until(lambda: starts(log) == 1)
        for number in range(5):
            ask_for_retrain(home, f"later {number}")
        until(lambda: pending_request(home) is None)
    lines = [line.split() for line in log.read_text().splitlines()]
    assert [what for what, _ in lines] == ["start", "end"] * 2
    assert all(lines[at][1] == lines[at + 1][1] for at in range(0, len(lines), 2))


def test_what_fails_is_tried_again_after_a_while_that_grows(home: Home, log: Path) -> None:
    ask_for_retrain(home, "Ada")
    with watching(home, log, codes="3,1,0") as (watcher, said):
        until(lambda: pending_request(home) is None)
        assert watcher.health()["failures"] == 0
    assert starts(log) == 3
    failed = [line for line in said if line.startswith("The retrain failed")]
    assert ["exit code 3, 1 in a row" in failed[0], "exit code 1, 2 in a row" in failed[1]] == [True, True]
    state = load_state(home.root / STATE_FILE)
    assert (state.failures, state.retry_at) == (0, None)


def test_a_retrain_that_somebody_stopped_is_no_failure_and_not_tried_again(home: Home, log: Path) -> None:
    ask_for_retrain(home, "Ada")
    said: list[str] = []
    watcher = Watcher(settings(home), command(log, 0, "130,0"), said.append)
    watcher.look()
    assert "The retrain was stopped." in said
    assert pending_request(home) is None
    assert watcher.health()["failures"] == 0
    ask_for_retrain(home, "Ada, after all")
    watcher.look()
    assert starts(log) == 2


def test_a_failure_is_remembered_by_the_next_watcher_and_asking_again_goes_before_it(
    home: Home, log: Path, patient: None
) -> None:
    ask_for_retrain(home, "Ada")
    watcher = Watcher(settings(home), command(log, 0, "1,0"), lambda _: None)
    watcher.look()
    assert starts(log) == 1
    again = Watcher(settings(home), command(log, 0, "1,0"), lambda _: None)
    again.look()
    assert starts(log) == 1, "it waits"
    assert pending_request(home) is not None
    ask_for_retrain(home, "Ada, who cannot wait")
    again.look()
    assert starts(log) == 2
    assert pending_request(home) is None


def test_somebody_elses_retrain_is_no_failure(home: Home, log: Path) -> None:
    ask_for_retrain(home, "Ada")
    watcher = Watcher(settings(home), command(log, 0, "7"), lambda _: None)
    watcher.look()
    assert watcher.health()["failures"] == 0
    assert pending_request(home) is not None


def test_a_second_watcher_is_refused(home: Home, log: Path) -> None:
    assert not is_watched(home)
    with watching(home, log) as (watcher, _):
        until(lambda: bool(watcher.health()["trouble"]))  # it has looked: there is no Argilla
        assert is_watched(home)
        with pytest.raises(BusyError, match="Another watcher"):
            Watcher(settings(home), command(log, 0, "0"), lambda _: None).run()


def test_a_damaged_request_or_state_is_no_reason_to_stop(home: Home, log: Path) -> None:
    ask_for_retrain(home, "Ada")
    (home.runs / "requested.json").write_text("{")
    (home.root / STATE_FILE).write_text("[")
    with watching(home, log):
        until(lambda: pending_request(home) is None)
    assert starts(log) == 1


def test_a_look_that_fails_in_a_way_nobody_thought_of_is_tried_again(
    home: Home, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    watcher = Watcher(settings(home), command(log, 0, "0"), said.append)
    with monkeypatch.context() as broken:
        broken.setattr("clayloop.watch.watcher.ReleaseStore", lambda *_: dict[str, str]()["nobody"])
        watcher.look()
        watcher.look()
    assert said == ["Cannot look now, trying again: KeyError: 'nobody'"], "told once"
    assert watcher.health()["status"] == "trouble"
    ask_for_retrain(home, "Ada")
    watcher.look()
    assert (starts(log), watcher.health()["status"]) == (1, "ok")


def test_a_clock_that_was_ahead_holds_up_nothing_for_long(
    home: Home, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = datetime.now(timezone.utc) + timedelta(days=30)
    last = LastRetrain(started_at=ahead, why="x", exit_code=8)
    state = WatchState(failures=1, retry_at=ahead, last=last)
    state.save(home.root / STATE_FILE)
    asked = Watcher(settings(home), command(log, 0, "0"), lambda _: None)
    ask_for_retrain(home, "Ada")
    asked.look()
    assert (starts(log), pending_request(home)) == (1, None), "who asks is heard at once"
    state.model_copy(update={"request": ask_for_retrain(home, "Ada").id}).save(home.root / STATE_FILE)
    monkeypatch.setattr("clayloop.watch.watcher._LONGEST_RETRY", 0.2)
    waiting = Watcher(settings(home), command(log, 0, "0"), lambda _: None)
    waiting.look()
    assert starts(log) == 1, "that one failed and waits"
    time.sleep(0.25)
    waiting.look()
    assert (starts(log), pending_request(home)) == (2, None), "but no longer than the longest wait"


@pytest.mark.parametrize("code", [0, 1])
def test_a_state_that_cannot_be_written_makes_no_crowd_of_retrains(
    home: Home, log: Path, code: int, patient: None
) -> None:
    (home.root / STATE_FILE).mkdir(parents=True)  # stands for a file that cannot be replaced
    ask_for_retrain(home, "Ada")
    said: list[str] = []
    watcher = Watcher(settings(home), command(log, 0, str(code)), said.append)
    for _ in range(3):
        watcher.look()
    assert starts(log) == 1
    assert (pending_request(home) is None) == (code == 0)
    assert any(STATE_FILE in line for line in said)
    assert watcher.health()["failures"] == code
    (home.root / STATE_FILE).rmdir()
    watcher.look()
    assert load_state(home.root / STATE_FILE).failures == code, "written as soon as it can be"


def test_a_request_that_cannot_be_removed_is_answered_once(
    home: Home, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("clayloop.watch.watcher.settle_request", refuse)
    ask_for_retrain(home, "Ada")
    watcher = Watcher(settings(home), command(log, 0, "0"), lambda _: None)
    for _ in range(3):
        watcher.look()
    assert starts(log) == 1
    ask_for_retrain(home, "Ada again")
    watcher.look()
    assert starts(log) == 2


def test_it_goes_on_when_nobody_can_be_told(home: Home, log: Path) -> None:
    def say(line: str) -> None:
        raise OSError(28, "No space left on device")

    watcher = Watcher(settings(home), command(log, 0, "0"), say)
    watcher.look()  # there is no Argilla, and that cannot be said
    assert watcher.health()["status"] == "trouble"
    ask_for_retrain(home, "Ada")
    watcher.look()
    assert (starts(log), pending_request(home)) == (1, None)


def test_a_retrain_that_finished_its_run_has_not_failed(
    home: Home, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def finish(*_: object) -> Ended:
        inputs = RunInputs(decisions="abcdef", corpus="c", settings="s", release="r0001")
        RunStore(home).create(inputs, "r0001").finish("promoted", "It is better.", "r0002")
        return Ended(8)

    monkeypatch.setattr(RetrainProcess, "run", finish)
    ask_for_retrain(home, "Ada")
    said: list[str] = []
    Watcher(settings(home), command(log, 0, "0"), said.append).look()
    assert pending_request(home) is None
    assert said[-1] == "The retrain ended: It is better."
    monkeypatch.setattr(RetrainProcess, "run", lambda *_: Ended(8))
    ask_for_retrain(home, "Ada")
    Watcher(settings(home), command(log, 0, "0"), said.append).look()
    assert "The retrain failed (exit code 8, 1 in a row)" in said[-1], "that run was there before"


def test_to_close_an_earlier_run_is_no_retrain(
    home: Home, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = RunInputs(decisions="abcdef", corpus="c", settings="s", release="r0001")
    earlier = RunStore(home).create(inputs, "r0001")

    def close(*_: object) -> Ended:
        earlier.finish("rejected", "Promoted as r0002, but somebody has promoted r0003 since.", None)
        return Ended(4)

    monkeypatch.setattr(RetrainProcess, "run", close)
    ask_for_retrain(home, "Ada")
    said: list[str] = []
    Watcher(settings(home), command(log, 0, "0"), said.append).look()
    assert "The retrain failed (exit code 4, 1 in a row)" in said[-1]


@pytest.mark.parametrize("asked", [False, True])
def test_without_a_release_argilla_is_asked_to_call_and_not_read(
    asked: bool, home: Home, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    registered: list[int] = []
    monkeypatch.setattr(Annotations, "read", lambda *_: read.append(1))
    monkeypatch.setattr(Annotations, "register", lambda _: registered.append(1))
    monkeypatch.setattr(Corpus, "load", lambda _: Corpus(documents=[], chunks=[]))
    if asked:
        ask_for_retrain(home, "Ada")
    watcher = Watcher(settings(home), command(log, 0, "4" if asked else "0"), lambda _: None)
    watcher.look()
    assert asked or "release" in watcher.health()["trouble"]
    assert not read
    assert registered


def test_settings_that_change_are_read_again_and_wrong_ones_are_told_until_they_are_right(
    home: Home, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "clayloop.toml"
    seen: list[list[str]] = []
    polls: list[bool] = []
    found = Findings(why="", rung=INDEX_ONLY, digest="")
    monkeypatch.setattr(ReleaseStore, "current", lambda _: None)
    monkeypatch.setattr(Annotations, "read", lambda _, is_poll: polls.append(is_poll) or [])
    monkeypatch.setattr(
        "clayloop.watch.watcher.look",
        lambda settings, *_: seen.append(list(settings.training.without_annotators)) or found,
    )
    said: list[str] = []
    watcher = Watcher(settings(home, poll_seconds=3600), command(log, 0, "0"), said.append, config)
    thread = threading.Thread(target=watcher.run)
    thread.start()
    try:
        until(lambda: len(seen) == 1)
        config.write_text("[watch]\nwebhooks = false\n[training]\nwithout_annotators = ['ada']\n")
        until(lambda: len(seen) == 2)
        config.write_text("[training]\nwithout = [")
        until(lambda: watcher.health()["status"] == "trouble")
        time.sleep(0.5)
        assert len(seen) == 2
        config.write_text("[watch]\nwebhooks = false\n")
        until(lambda: watcher.health()["status"] == "ok")
    finally:
        watcher.stop()
        thread.join(30)
    assert seen == [[], ["ada"], []]
    assert polls == [True] * 3, "Argilla may be another one, which does not call yet"
    assert sum("Cannot look now" in line for line in said) == 1, "told once"


def test_a_retrain_that_does_nothing_is_not_repeated_until_something_changes(
    home: Home, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [Findings(why="something is new", rung=INDEX_ONLY, digest="a")]
    monkeypatch.setattr(ReleaseStore, "current", lambda _: None)
    monkeypatch.setattr(Annotations, "read", lambda *_: [])
    monkeypatch.setattr("clayloop.watch.watcher.look", lambda *_: found[-1])
    watcher = Watcher(settings(home), command(log, 0, "0"), lambda _: None)
    for digest, expected in (("a", 1), ("a", 1), ("b", 2), ("a", 3)):
        found.append(Findings(why="something is new", rung=INDEX_ONLY, digest=digest))
        watcher.look()
        assert starts(log) == expected


def test_settling_leaves_a_later_request(home: Home) -> None:
    first = ask_for_retrain(home, "first")
    later = ask_for_retrain(home, "later")
    settle_request(home, first)
    assert pending_request(home) == later
    settle_request(home, later)
    assert pending_request(home) is None


def test_killed_it_takes_its_retrain_along_and_the_next_one_does_it(home: Home, log: Path) -> None:
    ask_for_retrain(home, "Ada")
    environment = {**os.environ, "CLAYLOOP_WATCH__WEBHOOKS": "false"}
    arguments = [sys.executable, "-m", "tests.clayloop.watch.fake_watcher", str(home.root), str(log)]
    process = subprocess.Popen([*arguments, "600", "0"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        until(lambda: starts(log) == 1)
        child = int(log.read_text().split()[1])
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        until(lambda: not _alive(child))
        assert pending_request(home) is not None
    finally:
        process.kill()
        process.wait()
    second = subprocess.Popen(
        [*arguments, "0", "0"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert second.stdout is not None
        url = second.stdout.readline().split()[-1]
        until(lambda: pending_request(home) is None)
        assert starts(log) == 2
        assert httpx.get(f"{url}/healthz").json()["last"]["outcome"] == "rejected"
        second.send_signal(signal.SIGTERM)
        assert second.wait(60) == 0
    finally:
        second.kill()
        second.wait()
