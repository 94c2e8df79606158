"""Calls `argilla-lite` as a person at a terminal would."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tests.argilla_lite.server import binary

Result = TypeVar("Result")


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end and returns its status and output."""
    return subprocess.run(
        [binary(), *arguments],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
        env={**os.environ, **environment},
    )


def status(home: Path) -> Mapping[str, Any]:
    """What `argilla-lite status --json` says."""
    said: Mapping[str, Any] = json.loads(run("status", "--home", home, "--json").stdout)
    return said


def alive(home: Path) -> list[int]:
    """Processes whose environment names the home: services and whatever they forked."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.fsencode(home) in (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return [pid for pid in found if pid != os.getpid()]


def wait_for(what: Callable[[], Result], seconds: float = 30.0) -> Result:
    """Asks until the answer is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.HTTPError, KeyError, json.JSONDecodeError):
            if result := what():
                return result
        time.sleep(0.1)
    raise AssertionError("it did not happen in time")
