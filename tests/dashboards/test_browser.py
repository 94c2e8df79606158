"""The real page in a real browser: Streamlit started the way `clayloop dashboard` starts it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from curation import Home, write_json
from dashboards import pending_request, settle_request, watch_lock
from dashboards.launch import Launch, prepare
from serving import ReleaseStore
from tests.browser import chromium_page
from tests.dashboards.state import add_release, add_run, evaluation, metrics_around, told
from tests.xss import XSS
from training import RunStore

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

EVIL = '<script>document.title="evil"</script> ![b](https://evil.example/b.png) :smile:'
LOOPBACK = ("127.0.0.1", "localhost")


@contextlib.contextmanager
def served(launch: Launch, folder: Path) -> Iterator[Launch]:
    """The page's own process, from an unrelated working folder, until the end of the block."""
    environment = {**os.environ, **launch.environment}
    with (folder / "streamlit.log").open("w") as log:
        process = subprocess.Popen(
            launch.command, env=environment, cwd=folder, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            end = time.monotonic() + 60
            while True:
                assert process.poll() is None, (folder / "streamlit.log").read_text()
                with contextlib.suppress(OSError), urllib.request.urlopen(launch.health, timeout=2) as answer:
                    assert answer.status == 200
                    break
                assert time.monotonic() < end, "the dashboard did not start within a minute"
                time.sleep(0.1)
            yield launch
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _picture(page: Page, name: str) -> None:
    """A screenshot, for somebody who wants to look (docs/dashboard.md)."""
    if folder := os.environ.get("CLAYLOOP_SCREENSHOTS"):
        page.wait_for_timeout(1500)
        page.screenshot(path=Path(folder) / name, full_page=True)


@pytest.fixture
def used(home: Home) -> Home:
    """A home with three releases, two of them evaluated, a finished run and one at work."""
    add_release(home)
    for step, (before, after) in enumerate(((0.641, 0.683), (0.680, 0.712))):
        release = add_release(
            home,
            metrics=metrics_around(after),
            trained_on={"examples": 900 + 400 * step},
            evaluation=evaluation(before, after),
        )
        add_run(home, release_after=release.id, number=step)
    add_run(home, outcome=None, number=9)
    add_release(home, base_model=EVIL, promote=False)
    write_json(home.services, {"argilla": "http://127.0.0.1:6900", "bot": "http://127.0.0.1:6901"})
    return home


def test_the_page_in_a_browser(used: Home, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    expect.set_options(timeout=120_000)  # a busy machine is no failure
    trouble: list[str] = []
    foreign: list[str] = []
    launch = prepare(told(used, refresh_seconds=2))
    with served(launch, tmp_path), chromium_page(1360, 1700) as page:
        page.on("console", lambda said: trouble.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on(
            "request",
            lambda request: (
                foreign.append(request.url)
                if urlsplit(request.url).hostname not in (*LOOPBACK, None)
                else None
            ),
        )
        page.goto(launch.url)
        release = ReleaseStore(used).current_id() or ""
        expect(page.get_by_test_id("stMetricValue").first).to_have_text(release)
        expect(page.get_by_test_id("stVegaLiteChart").locator("canvas, svg").first).to_be_visible()
        expect(page.get_by_text("No Argilla is configured").first).to_be_visible()
        expect(page.get_by_role("link", name="Annotate in Argilla")).to_have_attribute(
            "href", "http://127.0.0.1:6900"
        )
        expect(page).to_have_title("clayloop")

        # Somebody retrains while the page is open: it shows the new release by itself.
        for hostile in (" ".join(XSS[:10]), " ".join(XSS[10:18]), EVIL):
            new = add_release(used, base_model=hostile, metrics={"ndcg@10": 0.75})
            expect(page.get_by_test_id("stMetricValue").first).to_have_text(new.id)
            shown = page.get_by_text("Base model")
            expect(shown).to_contain_text(hostile[:8])
            assert shown.locator("img, script, a, iframe, svg, code, details").count() == 0
        expect(page).to_have_title("clayloop")

        _picture(page, "dashboard.png")

        # The run ends and somebody watches: a click, a second one to confirm it, and the request is there for
        # the watcher.
        page.get_by_role("link", name="Loop").first.click()
        expect(page.get_by_text("is running, step")).to_be_visible()
        button = page.get_by_role("button", name="Retrain now")
        expect(button).to_be_disabled()
        runs = RunStore(used)
        runs.open(runs.list()[0]).finish("rejected", "Rejected: worse than the served release.", None)
        expect(page.get_by_text("Nobody is watching, so nobody would see the click")).to_be_visible()
        with watch_lock(used):
            expect(button).to_be_enabled()
            button.click()
            expect(page.get_by_text("Retrain now?")).to_be_visible()
            assert pending_request(used) is None
            page.get_by_role("button", name="Yes, retrain").click()
            expect(page.get_by_text("A retrain waits to be started")).to_be_visible()
            expect(button).to_be_disabled()
            request = pending_request(used)
            assert request is not None
            settle_request(used, request)
            expect(button).to_be_enabled()
    assert trouble == []
    assert foreign == []


def test_a_maintainer_compares_two_releases_and_goes_back(copied: Home, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    expect.set_options(timeout=120_000)  # the first search loads torch
    store = ReleaseStore(copied)
    older, newer = store.ids()
    launch = prepare(told(copied))
    with served(launch, tmp_path), chromium_page(1280, 1100) as page:
        page.set_default_timeout(120_000)
        page.goto(f"{launch.url}/retrieval")
        page.get_by_label("Question", exact=True).fill("How do I clean a lamp?")
        page.get_by_label("Question", exact=True).press("Enter")
        expect(page.get_by_text("The lamp > Cleaning a lamp").first).to_be_visible()
        assert f"newer={newer}" in page.url and f"older={older}" in page.url
        _picture(page, "dashboard-retrieval.png")

        page.get_by_role("link", name="Releases and runs").click()
        expect(page.frame_locator("iframe").get_by_text("How sure it is").first).to_be_visible()
        page.get_by_label("A release", exact=True).click()
        page.get_by_role("option", name=older).click()
        page.get_by_role("button", name=f"Serve {older}").click()
        _picture(page, "dashboard-releases.png")
        page.get_by_role("button", name="Yes, serve it").click()
        expect(page.get_by_text("The bot serves it now.")).to_be_visible()
        assert store.current_id() == older


def test_other_names_and_other_sites_are_refused(home: Home, tmp_path: Path) -> None:
    """DNS rebinding and foreign pages: the socket that carries the page answers neither."""
    import httpx

    launch = prepare(told(home))
    host = urlsplit(launch.url).netloc
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    with served(launch, tmp_path), httpx.Client(timeout=20) as client:

        def status(host: str, origin: str) -> int:
            headers = {**upgrade, "Host": host, "Origin": origin}
            return client.get(f"{launch.url}/_stcore/stream", headers=headers).status_code

        assert status(host, launch.url) == 101
        assert status("rebound.example", "http://rebound.example") == 403
