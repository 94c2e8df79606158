"""Reading aside: the page never waits, and a failure keeps what was known."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable

import pytest

from curation import ArgillaError, ClayloopError
from dashboards.data.commands import run_clayloop
from dashboards.data.feed import Feed, Snapshot, Telling


def until(found: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def test_a_slow_source_does_not_hold_the_page_up() -> None:
    gate = threading.Event()

    def read() -> list[int]:
        gate.wait(10)
        return [1]

    feed = Feed(read, every=0.01, what="Numbers")
    started = time.monotonic()
    assert feed.latest().waiting
    assert feed.latest(patience=0.05).waiting
    assert time.monotonic() - started < 2
    gate.set()
    until(lambda: feed.latest().items == [1])


def test_how_far_a_long_reading_is_can_be_seen() -> None:
    telling, gate = Telling(), threading.Event()

    def read() -> list[int]:
        with telling.task("Reading triplets", 1_000, "records") as advance:
            advance(400)
            gate.wait(10)
        return [1]

    feed = Feed(read, every=60, what="Numbers", telling=telling)
    until(lambda: feed.latest().told == "Reading triplets: 400 of 1,000 records.")
    gate.set()
    until(lambda: feed.latest().items == [1])
    assert feed.latest().told == ""


def test_many_pages_make_one_request() -> None:
    calls: list[int] = []
    feed = Feed(lambda: calls.append(1) or [1], every=60, what="Numbers")  # type: ignore[func-returns-value]
    readers = [threading.Thread(target=feed.latest, args=(1.0,)) for _ in range(20)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert calls == [1]


def test_a_failure_keeps_the_last_answer_and_recovery_forgets_the_failure() -> None:
    down = threading.Event()

    def read() -> list[int]:
        if down.is_set():
            raise ArgillaError("Argilla is down.", "Start it.")
        return [7]

    feed = Feed(read, every=0.01, what="Numbers")
    assert feed.latest(1.0).items == [7]
    down.set()
    until(lambda: feed.latest().problem is not None)
    snapshot: Snapshot[int] = feed.latest()
    assert snapshot.items == [7]
    assert snapshot.problem is not None and snapshot.problem.hint == "Start it."
    down.clear()
    until(lambda: feed.latest().problem is None)


def test_a_surprise_is_named_and_not_quoted() -> None:
    def read() -> list[int]:
        raise RuntimeError("the key is hunter2")

    problem = Feed(read, every=60, what="Numbers").latest(1.0).problem
    assert problem is not None
    assert "RuntimeError" in problem.message and "hunter2" not in problem.message


def test_after_a_long_absence_the_old_answer_is_not_shown_at_once() -> None:
    answers = iter([[1], [2]])

    def read() -> list[int]:
        time.sleep(0.05)
        return next(answers)

    feed = Feed(read, every=0.01, what="Numbers")
    assert feed.latest(5.0).items == [1]
    time.sleep(0.5)
    assert feed.latest(5.0).items == [2]


def test_a_command_says_how_far_it_is_while_it_works() -> None:
    script = "import sys; print('Embedding', file=sys.stderr, flush=True); print('[1]' * 30000); sys.exit({})"
    said: list[str] = []
    with pytest.raises(ClayloopError, match="`clayloop gaps` ended with exit code 3: Embedding"):
        run_clayloop([sys.executable, "-c", script.format(3)], "gaps", say=said.append)
    assert said == ["Embedding"]
    with pytest.raises(ClayloopError, match="gave no answer"):
        run_clayloop([sys.executable, "-c", script.format(0)], "gaps")
    assert run_clayloop([sys.executable, "-c", "print([1])"], "gaps") == [1]
