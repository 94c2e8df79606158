"""A short look at the real parts, to see that this Python's two environments work; pytest does not collect
it.

Run by `make smoke`, or as `python -m tests.smoke` with ARGILLA_LITE_BIN naming the `argilla-lite` to start.
Documents are ingested, released and searched; a record is logged with Argilla's SDK and found. Says a line
for each check; ends with 1 at the first that fails.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.argilla_lite.server import ArgillaLite, running_argilla_lite

PAGES = {
    "install.md": "# Installing the kettle\n\n"
    "Run `pip install kettle` in a virtual environment. Linux and macOS are supported.\n",
    "cleaning.md": "# Removing limescale\n\n"
    "Fill the kettle with vinegar, boil it once and rinse it twice with fresh water.\n",
    "warranty.md": "# Warranty\n\n"
    "We replace a broken lid within two years. Keep the receipt of your purchase.\n",
    "noise.md": "# Loud noises\n\n"
    "A kettle that whistles without being hot has a worn valve. Order a spare part.\n",
}
QUESTION, ANSWER = "How do I get rid of chalk deposits?", "cleaning.md"
PATIENCE = 300.0  # seconds for one command


class CheckError(Exception):
    """A check did not pass; the message says how."""


def clayloop(home: Path, *arguments: str) -> Any:
    """Runs this environment's `clayloop` in an empty folder and returns the JSON that it prints."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("CLAYLOOP_")}
    done = subprocess.run(
        [Path(sys.executable).with_name("clayloop"), *arguments, "--json"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        cwd=home.parent,
        env=own | {"CLAYLOOP_HOME": str(home)},
    )
    if done.returncode:
        raise CheckError(
            f"`clayloop {arguments[0]}` ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        )
    return json.loads(done.stdout)


def ingest(home: Path) -> str:
    folder = home.parent / "docs"
    folder.mkdir()
    for name, text in PAGES.items():
        (folder / name).write_text(text, encoding="utf-8")
    report = clayloop(home, "ingest", str(folder))
    if report["documents"] != len(PAGES):
        raise CheckError(f"{len(PAGES)} documents were written, {report['documents']} were read.")
    return f"{report['documents']} documents, {report['chunks']} chunks"


def bootstrap(home: Path) -> str:
    release = clayloop(home, "bootstrap")
    if release["index"]["rows"] < len(PAGES):
        raise CheckError(f"The release has {release['index']['rows']} rows for {len(PAGES)} documents.")
    return f"release {release['id']}"


def search(home: Path) -> str:
    hits = clayloop(home, "search", QUESTION)["hits"]
    found = [hit["path"] for hit in hits]
    if not found or Path(found[0]).name != ANSWER:
        raise CheckError(f"{QUESTION!r} should find {ANSWER} first, it found {found}.")
    return f"{QUESTION!r} finds {ANSWER}"


def log_and_find(server: ArgillaLite) -> str:
    os.environ.setdefault("TQDM_DISABLE", "1")  # no progress bar between the lines
    import argilla as rg

    client = rg.Argilla(api_url=server.url, api_key=server.api_key)
    settings = rg.Settings(fields=[rg.TextField(name="text")], questions=[rg.TextQuestion(name="comment")])
    dataset = rg.Dataset(name="smoke", workspace=server.workspace, settings=settings, client=client)
    dataset.create()
    dataset.records.log([{"id": "install.md", "text": PAGES["install.md"]}], batch_size=1)
    found = [record.id for record in dataset.records(query="virtual")]
    if found != ["install.md"]:
        raise CheckError(f"A search for a word of the one record should find it, it found {found}.")
    if missed := [record.id for record in dataset.records(query="vinegar")]:
        raise CheckError(f"A search for a word that no record has should find nothing, it found {missed}.")
    return "a record logged with the SDK is found by a word of it"


@contextmanager
def argilla(home: Path) -> Iterator[ArgillaLite]:
    try:
        with running_argilla_lite(home) as server:
            yield server
    except (RuntimeError, AssertionError) as error:
        raise CheckError(str(error)) from error


def main() -> None:
    """Makes the checks one after another."""
    where = f"Python {platform.python_version()}"
    checks = 0
    began = time.monotonic()

    def passed(what: str) -> None:
        nonlocal checks, began
        checks += 1
        print(f"{where}: {what} ({time.monotonic() - began:.1f} s)", flush=True)
        began = time.monotonic()

    try:
        with tempfile.TemporaryDirectory(prefix="clayloop-smoke-") as folder:
            home = Path(folder) / "home"
            for check in (ingest, bootstrap, search):
                passed(f"{check.__name__}: {check(home)}")
            with argilla(Path(folder) / "argilla") as server:
                passed(f"argilla-lite up: {server.url}")
                passed(f"argilla search: {log_and_find(server)}")
            passed("argilla-lite down")
    except (CheckError, subprocess.TimeoutExpired) as error:
        print(f"{where}: check {checks + 1} FAILED. {error}", flush=True)
        print(f"{checks} passed, 1 failed", flush=True)
        sys.exit(1)
    print(f"{checks} passed, 0 failed", flush=True)


if __name__ == "__main__":
    main()
