"""How long an annotator waits for the first record of a large dataset, in the browser.

    python -m benchmarks.argilla_lite.first_page [--records 100000] [--rounds 5] [--json FILE]

A fresh home is filled straight in its database (`large_home`) and its server started. Each figure is from the
click on the dataset's name on the home page, or from going to the annotation page's address (which loads the
whole application), until the first record's text can be seen. The first of each follows a start of server and
browser; the bar is for the median of the rounds after it. The search for the records, argilla_lite's own
part, is shown beside it: after a click the web page fades out for half a second (`.page-leave-active`) before
it asks for anything. Seconds are of the wall clock, so the machine's other work is in them: the load is
printed.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import argilla as rg

from benchmarks.argilla_lite import large_home
from tests.argilla_lite.server import binary, running_argilla_lite
from tests.browser import chromium_page

if TYPE_CHECKING:
    from playwright.sync_api import Page

BAR_S = 1.5
_RECORD_TEXT = ".text_field_component .content-area > div"


@dataclass(frozen=True)
class Home:
    """A filled home whose server is stopped, and an annotator of its dataset."""

    folder: Path
    dataset_id: str
    dataset: str
    user: str
    password: str


def prepare(folder: Path, count: int) -> Home:
    """Makes a dataset and an annotator, and fills the dataset with `count` records."""
    home = Home(folder, "", "large", "anna", secrets.token_urlsafe())
    with running_argilla_lite(folder) as server:
        dataset = large_home.make_dataset(server.url, server.api_key, server.workspace, home.dataset)
        client = rg.Argilla(api_url=server.url, api_key=server.api_key)
        workspace = client.workspaces(server.workspace)
        assert workspace is not None
        user = rg.User(username=home.user, password=home.password, role="annotator", client=client).create()
        workspace.add_user(user)
    large_home.fill(folder / "argilla.db", str(dataset.id), [str(user.id)], count)
    subprocess.run([str(binary()), "reindex", "--home", str(folder)], capture_output=True, check=True)
    return Home(folder, str(dataset.id), home.dataset, home.user, home.password)


@contextmanager
def logged_in(home: Home) -> Iterator[tuple[Page, str]]:
    """Server and browser freshly started; the home page is shown. Yields the page and the server's URL."""
    with running_argilla_lite(home.folder) as server, chromium_page() as page:
        page.goto(server.url)
        page.locator("input").first.fill(home.user)
        page.locator("input[type=password]").fill(home.password)
        page.keyboard.press("Enter")
        page.get_by_text(home.dataset, exact=True).first.wait_for()
        yield page, server.url


def seconds(page: Page, act: Callable[[], object]) -> tuple[float, float]:
    """From `act` until a record's text can be seen; and how long the search for the records took of this."""
    with page.expect_response(lambda response: "/records/search?" in response.url) as searched:
        started = time.perf_counter()
        act()
        page.wait_for_function(
            "selector => { const it = document.querySelector(selector); return it && it.innerText.trim() }",
            arg=_RECORD_TEXT,
            polling="raf",
        )
        taken = time.perf_counter() - started
    searched.value.finished()
    return taken, searched.value.request.timing["responseEnd"] / 1000


def measure(count: int, rounds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="clayloop-bench-") as folder:
        home = prepare(Path(folder) / "argilla", count)
        result: dict[str, Any] = {"records": count, "rounds": rounds, "load_before": os.getloadavg()[0]}

        with logged_in(home) as (page, url):

            def click() -> tuple[float, float]:
                page.goto(url)
                name = page.get_by_text(home.dataset, exact=True).first
                name.wait_for()
                page.wait_for_load_state("networkidle")
                return seconds(page, name.click)

            first = click()
            result["click on the dataset"] = {"first": first, "warm": [click() for _ in range(rounds)]}

        with logged_in(home) as (page, url):

            def go() -> tuple[float, float]:
                page.goto("about:blank")
                address = f"{url}/dataset/{home.dataset_id}/annotation-mode"
                return seconds(page, lambda: page.goto(address, wait_until="commit"))

            first = go()
            result["the page's address"] = {"first": first, "warm": [go() for _ in range(rounds)]}
        return {**result, "load_after": os.getloadavg()[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    result = measure(options.records, options.rounds)
    print(f"\n{result['records']} records; seconds until the first record's text is visible (bar: {BAR_S})")
    print(f"{'':24}{'first':>8}{'median':>8}{'slowest':>8}{'search, median':>18}")
    for name in ("click on the dataset", "the page's address"):
        times, searches = zip(*result[name]["warm"], strict=True)
        median = statistics.median(times)
        verdict = "" if median <= BAR_S else "  over the bar"
        print(
            f"{name:24}{result[name]['first'][0]:8.2f}{median:8.2f}{max(times):8.2f}"
            f"{statistics.median(searches):18.3f}{verdict}"
        )
    print(
        f"load of {os.cpu_count()} cores: {result['load_before']:.1f} before, "
        f"{result['load_after']:.1f} after"
    )
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
