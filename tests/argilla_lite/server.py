"""Starts a real argilla_lite for tests, from its own environment, and makes sure that it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

NO_SUGGESTIONS = "its page would choose what is suggested, so nothing is"
START_TIMEOUT = 180.0  # seconds; a first start on a busy machine
_ROOT = Path(__file__).resolve().parents[2]


def only_argilla_lite(why: str) -> pytest.MarkDecorator:
    """Marks a test of what Argilla as released has not."""
    return pytest.mark.skipif("CLAYLOOP_TEST_ARGILLA_URL" in os.environ, reason=why)


@dataclass
class ArgillaServer:
    """A running Argilla of any kind, and its owner. `home` holds at least `credentials.json`."""

    url: str
    api_key: str
    username: str
    password: str
    home: Path
    workspace: str


@dataclass
class ArgillaLite(ArgillaServer):
    """An argilla_lite. `output` grows while it runs."""

    process: subprocess.Popen[str]
    output: list[str] = field(default_factory=list)


def given_argilla(home: Path) -> ArgillaServer | None:
    """The one that the environment names (`full.py` does); None where it names none."""
    url = os.environ.get("CLAYLOOP_TEST_ARGILLA_URL")
    if not url:
        return None
    credentials = {
        "url": url,
        "api_key": os.environ["CLAYLOOP_TEST_ARGILLA_API_KEY"],
        "username": os.environ.get("CLAYLOOP_TEST_ARGILLA_USERNAME", "owner"),
        "password": os.environ.get("CLAYLOOP_TEST_ARGILLA_PASSWORD", ""),
        "workspace": os.environ.get("CLAYLOOP_TEST_ARGILLA_WORKSPACE", "argilla"),
    }
    (home / "credentials.json").write_text(json.dumps(credentials))
    return ArgillaServer(**credentials, home=home)


def binary() -> Path:
    """`argilla-lite` from ARGILLA_LITE_BIN, or from the checkout's `.venv-argilla`."""
    path = Path(os.environ.get("ARGILLA_LITE_BIN", _ROOT / ".venv-argilla" / "bin" / "argilla-lite"))
    if not path.exists():
        raise RuntimeError(f"{path} is missing: run `make setup`, or set ARGILLA_LITE_BIN")
    return path


def interpreter() -> list[str]:
    """The Python that `argilla-lite` runs with."""
    script = binary().read_bytes().splitlines()[0].removeprefix(b"#!").decode()
    return [script]


@contextmanager
def running_argilla_lite(
    home: Path,
    port: int = 0,
    arguments: Sequence[str] = (),
    database: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[ArgillaLite]:
    """Starts a server over `home`, yields it when it is ready, and stops it with SIGTERM.

    Args:
        home: The server's folder, made if missing.
        port: 0 for a free one.
        arguments: Further options of `argilla-lite up`.
        database: A PostgreSQL URL; by default SQLite.
        environment: Variables beside the test's own.

    Raises:
        RuntimeError: It did not become ready; with what it printed.
        AssertionError: It did not end within 40 seconds of SIGTERM, or not with status 0.
    """
    command = [str(binary()), "up", "--home", str(home), "--port", str(port), *arguments]
    variables = {**os.environ, **(environment or {})}
    if database is not None:
        variables["ARGILLA_LITE_DATABASE_URL"] = database
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1, env=variables
    )
    output: list[str] = []
    ready = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            output.append(line.rstrip("\n"))
            if line.startswith("Argilla is ready at "):
                ready.set()
        ready.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        ready.wait(START_TIMEOUT)
        if process.poll() is not None or not any(line.startswith("Argilla is ready at ") for line in output):
            raise RuntimeError("argilla-lite did not become ready:\n" + "\n".join(output[-40:]))
        credentials = json.loads((home / "credentials.json").read_text())
        yield ArgillaLite(
            url=credentials["url"],
            api_key=credentials["api_key"],
            username=credentials["username"],
            password=credentials["password"],
            home=home,
            process=process,
            workspace=credentials["workspace"],
            output=output,
        )
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(
                "argilla-lite did not end within 40 s of SIGTERM:\n" + "\n".join(output[-40:])
            ) from None
        reader.join(5)
    assert status in (0, -signal.SIGKILL), f"argilla-lite ended with {status}:\n" + "\n".join(output[-40:])
