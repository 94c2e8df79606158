"""Runs a command beside a full Argilla: the released server, PostgreSQL, Redis and a genuine Elasticsearch.

    python -m tests.argilla_lite.full PYTHON ELASTICSEARCH_URL -- pytest tests/curation

PYTHON has `argilla-server[postgresql]==2.8.0`; Redis and PostgreSQL are Debian's. The command sees the server
as CLAYLOOP_TEST_ARGILLA_URL, _API_KEY and _WORKSPACE; tests that need argilla_lite itself start their own.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from tests.argilla_lite.postgres import free_port, running_postgres

_START_TIMEOUT = 120.0
WORKSPACE = "clayloop"


@contextmanager
def running_full_argilla(python: str, elasticsearch: str) -> Iterator[dict[str, str]]:
    """The variables that lead to it, while it runs. Raises RuntimeError when it does not start."""
    key, password = secrets.token_urlsafe(24), secrets.token_urlsafe(16)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="clayloop-full-argilla-")))
        postgres = stack.enter_context(running_postgres())
        database = urlsplit(postgres.new_database())
        redis, port = free_port(), free_port()
        variables = {
            **os.environ,
            "ARGILLA_HOME_PATH": str(folder),
            # The parts of the database's address as libpq's variables: Alembic trips over signs in a URL.
            "ARGILLA_DATABASE_URL": "postgresql+asyncpg://",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(postgres.port),
            "PGUSER": database.username or "",
            "PGPASSWORD": postgres.password,
            "PGDATABASE": database.path.removeprefix("/"),
            "ARGILLA_ELASTICSEARCH": elasticsearch,
            "ARGILLA_REDIS_URL": f"redis://127.0.0.1:{redis}/0",
            "ARGILLA_AUTH_SECRET_KEY": secrets.token_hex(16),
            "ARGILLA_ENABLE_TELEMETRY": "0",
            "HF_HUB_OFFLINE": "1",
        }
        server = [python, "-m", "argilla_server"]
        stack.enter_context(_running(["redis-server", "--port", str(redis), "--save", ""], variables, folder))
        _done([*server, "database", "migrate"], variables, folder)
        owner = ["--first-name", "Owner", "--username", "owner", "--role", "owner", "--api-key", key]
        owner += ["--password", password, "--workspace", WORKSPACE]
        _done([*server, "database", "users", "create", *owner], variables, folder)
        listen = ["--host", "127.0.0.1", "--port", str(port)]
        web = [python, "-m", "uvicorn", "argilla_server:app", *listen]
        process = stack.enter_context(_running(web, variables, folder))
        stack.enter_context(_running([*server, "worker"], variables, folder))
        url = f"http://127.0.0.1:{port}"
        _wait(url, process, folder)
        yield {
            "CLAYLOOP_TEST_ARGILLA_URL": url,
            "CLAYLOOP_TEST_ARGILLA_API_KEY": key,
            "CLAYLOOP_TEST_ARGILLA_PASSWORD": password,
            "CLAYLOOP_TEST_ARGILLA_WORKSPACE": WORKSPACE,
        }


@contextmanager
def _running(
    command: Sequence[str], variables: Mapping[str, str], folder: Path
) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, env=variables, cwd=folder, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _done(command: Sequence[str], variables: Mapping[str, str], folder: Path) -> None:
    done = subprocess.run(command, env=variables, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:5])} failed:\n{done.stdout}{done.stderr}")


def _wait(url: str, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + _START_TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/api/v1/version", timeout=5).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise RuntimeError(f"Argilla did not start:\n{(folder / 'log').read_text()[-4000:]}")


def main(arguments: Sequence[str]) -> int:
    if len(arguments) < 4 or arguments[2] != "--":
        sys.exit(__doc__)
    with running_full_argilla(arguments[0], arguments[1]) as variables:
        return subprocess.run(arguments[3:], env={**os.environ, **variables}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
