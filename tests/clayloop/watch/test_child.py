"""The process of the next retrain: ready before its order, and gone with its watcher."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from clayloop.watch.child import RetrainProcess
from clayloop.watch.order import Order, decisions_of, wait_for_order, write_order
from curation import StateError
from tests.clayloop.watch.fake_retrain import starts
from tests.clayloop.watch.fake_watcher import command
from tests.training import material
from training import FINE_TUNED, INDEX_ONLY

ROOT = Path(__file__).parents[3]
ENDS_AT_ONCE = [sys.executable, "-c", "raise SystemExit(5)"]


def never(seconds: float) -> bool:
    time.sleep(seconds)
    return False


def waiting() -> list[psutil.Process]:
    """This process's children that live."""
    return [one for one in psutil.Process().children() if one.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "retrains.txt"


@pytest.fixture
def process(log: Path) -> Iterator[RetrainProcess]:
    made = RetrainProcess(command(log, 0, "0,3"))
    yield made
    made.drop()


def test_the_one_that_waits_gets_the_order_and_the_next_one_the_next(
    process: RetrainProcess, log: Path
) -> None:
    before = waiting()
    for number, code in enumerate([0, 3], 1):
        process.get_ready()
        process.get_ready()
        (ready,) = [one for one in waiting() if one not in before]
        assert starts(log) == number - 1, "it waits"
        ended = process.run(FINE_TUNED, [], never)
        assert ended is not None
        assert (ended.exit_code, ended.outcome) == (code, "rejected" if code == 0 else "")
        assert log.read_text().splitlines()[-1] == f"end {ready.pid}"
        assert waiting() == before
    assert process.run(FINE_TUNED, None, never) is not None, "and one that was not got ready is started"
    assert starts(log) == 3


def test_after_an_order_for_the_index_alone_it_stays_for_the_next(log: Path) -> None:
    process, before = RetrainProcess(command(log, 0, "0,0,0,3")), waiting()
    process.get_ready()
    (ready,) = [one for one in waiting() if one not in before]
    for rung in (INDEX_ONLY, INDEX_ONLY, FINE_TUNED):
        ended = process.run(rung, [], never)
        assert ended is not None and (ended.exit_code, ended.outcome) == (0, "rejected")
        assert log.read_text().splitlines()[-1] == f"end {ready.pid}"
        assert (ready in waiting()) == (rung == INDEX_ONLY)
    failed = process.run(INDEX_ONLY, [], never)
    assert failed is not None and (failed.exit_code, failed.outcome) == (3, "")
    assert waiting() == before, "one that failed is gone"


def test_one_that_dies_while_it_waits_is_not_started_again_and_again_and_nothing_is_lost(log: Path) -> None:
    process, before = RetrainProcess(ENDS_AT_ONCE), waiting()
    process.get_ready()
    psutil.wait_procs([one for one in psutil.Process().children() if one not in before], timeout=30)
    process.get_ready()
    process.get_ready()
    assert waiting() == before
    ended = process.run(FINE_TUNED, [], never)
    assert ended is not None
    assert ended.exit_code == 5
    process.get_ready()
    tried = [one for one in psutil.Process().children() if one not in before]
    assert len(tried) == 1, "after a retrain it is tried again"
    process.drop()


def test_to_stop_ends_it_before_and_after_its_order(process: RetrainProcess, log: Path) -> None:
    before = waiting()
    process.get_ready()
    process.drop()
    assert waiting() == before
    assert process.run(FINE_TUNED, [], lambda seconds: True) is None
    assert waiting() == before


def test_it_ends_with_its_watcher_even_by_kill_9(log: Path) -> None:
    script = (
        "import psutil, sys, time; from clayloop.watch.child import RetrainProcess; "
        "process = RetrainProcess(sys.argv[1:]); process.get_ready(); "
        "print(psutil.Process().children()[0].pid, flush=True); time.sleep(60)"
    )
    watcher = subprocess.Popen(
        [sys.executable, "-c", script, *command(log, 0, "0")], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert watcher.stdout is not None
    child = psutil.Process(int(watcher.stdout.readline()))
    watcher.kill()
    watcher.wait()
    assert psutil.wait_procs([child], timeout=30)[1] == []
    assert starts(log) == 0


def test_the_decisions_go_with_the_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decisions = material.accepted_triplets(material.make_chunks())[:3]
    order = write_order(tmp_path, FINE_TUNED, decisions)
    monkeypatch.setattr(sys, "stdin", io.StringIO(order.model_dump_json() + "\n"))
    assert wait_for_order() == order
    assert decisions_of(order) == decisions
    assert decisions_of(write_order(tmp_path, INDEX_ONLY, None)) is None
    assert wait_for_order() is None
    (tmp_path / "decisions.json").write_text("[{}]")
    with pytest.raises(StateError, match=r"decisions\.json"):
        decisions_of(order)
    with pytest.raises(StateError):
        decisions_of(Order(summary=tmp_path / "s", highest=FINE_TUNED, decisions=tmp_path / "gone.json"))
