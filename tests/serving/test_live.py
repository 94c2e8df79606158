"""The live release: held by a request until its end, kept when the new one is broken."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
import textwrap
import weakref
from pathlib import Path

import httpx
import pytest

from curation import Home, ReleaseError, StateError
from serving.bot.live import LiveRelease
from serving.bot.server import listen
from serving.releases.retriever import ReleaseLoader, Retriever, load_release
from serving.releases.store import ReleaseStore
from serving.settings import ServingSettings
from tests.serving.conftest import MakeRelease


def live_of(home: Home) -> LiveRelease:
    store = ReleaseStore(home)
    return LiveRelease(store, ReleaseLoader(store, ServingSettings()))


def test_a_request_keeps_its_release_and_the_old_one_goes_when_the_last_has_ended(
    home: Home, make_release: MakeRelease
) -> None:
    first = make_release("ONE")
    live = live_of(home)
    held, also_held = live.retriever, live.retriever
    assert held is also_held and held.release.id == first.id
    second = make_release("TWO")
    assert live.check() and live.release_id == second.id
    assert not live.check(), "nothing new"
    assert live.retriever.embedder is held.embedder, "the model is the same, and in memory once"
    assert held.search("Running tasks in parallel")[0].chunk.text.endswith("ONE")
    assert live.retriever.search("Running tasks in parallel")[0].chunk.text.endswith("TWO")
    old = weakref.ref(held)
    del held, also_held
    gc.collect()
    assert old() is None, "the old model's memory is free again"


def test_going_back_to_an_older_release_is_a_swap_like_any_other(
    home: Home, make_release: MakeRelease
) -> None:
    first, second = make_release("ONE"), make_release("TWO")
    live = live_of(home)
    assert live.release_id == second.id
    ReleaseStore(home).promote(first.id)
    assert live.check() and live.release_id == first.id


def test_a_start_without_a_whole_release_is_a_clear_error(home: Home, make_release: MakeRelease) -> None:
    with pytest.raises(StateError, match="bootstrap"):
        live_of(home)
    release = make_release()
    (ReleaseStore(home).folder(release.id) / "model" / "config.json").unlink()
    with pytest.raises(ReleaseError, match=r"config\.json is missing"):
        live_of(home)


def test_whatever_loading_raises_the_old_release_stays(home: Home, make_release: MakeRelease) -> None:
    first = make_release("ONE")
    store = ReleaseStore(home)
    calls: list[str] = []

    def load(release_id: str) -> Retriever:
        calls.append(release_id)
        if release_id != first.id:
            raise MemoryError("no memory for another model")
        return load_release(store, release_id, ServingSettings())

    live = LiveRelease(store, load)
    second = make_release("TWO")
    assert not live.check() and not live.check()
    assert live.release_id == first.id and "no memory" in (live.error or "")
    assert calls == [first.id, second.id], "it is not tried again at every look"
    (store.root / "current").write_text("nonsense")
    assert not live.check() and "does not hold" in (live.error or "")
    store.promote(first.id)
    assert not live.check() and live.error is None


def test_a_port_that_is_taken_is_a_clear_error() -> None:
    first = listen("127.0.0.1", 0)
    with pytest.raises(StateError, match="can't listen"):
        listen("127.0.0.1", first.getsockname()[1])
    first.close()


SERVE = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from curation.home import Home
    from serving.bot.server import run_bot
    from serving.settings import BotSettings, ServingSettings
    settings = ServingSettings(bot=BotSettings(port=0))
    home = Home(Path(sys.argv[1]))
    run_bot(home, settings, None, lambda turns: None, ready=lambda url: print(url, flush=True))
    print("ended", flush=True)
    """
)


def test_the_server_says_where_it_is_and_stops_when_told(home: Home, make_release: MakeRelease) -> None:
    release = make_release()
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(home.root)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    try:
        url = process.stdout.readline().strip()
        assert httpx.get(f"{url}/healthz", timeout=30).json()["release"] == release.id
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) in (0, -signal.SIGTERM)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
