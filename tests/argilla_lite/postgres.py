"""A private PostgreSQL for tests: Debian's binaries, a temporary cluster on a free loopback port, password
login."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tests.ports import free_port

_USER = "clay"
_PR_SET_PDEATHSIG = 1  # prctl(2)
_LIBC = ctypes.CDLL(None)


@dataclass(frozen=True)
class PostgresServer:
    """A running server. Its password has every character that a careless URL would trip over."""

    binaries: Path
    port: int
    password: str

    def url(self, name: str) -> str:
        """The address of a database on it."""
        return f"postgresql://{_USER}:{quote(self.password, safe='')}@127.0.0.1:{self.port}/{name}"

    def new_database(self) -> str:
        """Makes an empty database and returns its URL."""
        name = f"argilla_{secrets.token_hex(4)}"
        self.run("createdb", name)
        return self.url(name)

    def run(self, program: str, *arguments: str) -> str:
        """Runs one of PostgreSQL's own client programs and returns what it printed."""
        environment = {
            "PATH": os.environ["PATH"],
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.port),
            "PGUSER": _USER,
            "PGPASSWORD": self.password,
            "PGDATABASE": "postgres",
        }
        done = subprocess.run(
            [self.binaries / program, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def postgres_binaries() -> Path | None:
    """The folder with `initdb` of the newest PostgreSQL on this machine, or None."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


@contextlib.contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Makes a cluster, yields its server when it answers, and removes all of it.

    Raises:
        RuntimeError: There is no PostgreSQL, or it did not start; with what it printed.
    """
    binaries = postgres_binaries()
    if binaries is None:
        raise RuntimeError("there is no PostgreSQL on this machine (apt-get install postgresql)")
    # initdb refuses root; and no other user can see into pytest's temporary folders.
    user = _unprivileged_user() if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="clayloop-postgres-"))
    try:
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
        yield from _serve(binaries, folder, user)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _serve(binaries: Path, folder: Path, user: pwd.struct_passwd | None) -> Iterator[PostgresServer]:
    server = PostgresServer(binaries, free_port(), secrets.token_urlsafe(8) + "%p@s/w:d 1#ä")
    password_file = folder / "password"
    password_file.write_text(server.password, encoding="utf-8")
    password_file.chmod(0o644)
    as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    data = folder / "data"
    made = subprocess.run(
        [
            *(binaries / "initdb", "-D", data, "-U", _USER, "--pwfile", password_file, "-A", "scram-sha-256"),
            *("-E", "UTF8", "--locale=C.UTF-8", "--no-sync"),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        **as_user,  # type: ignore[arg-type]
    )
    if made.returncode:
        raise RuntimeError(f"initdb failed:\n{made.stdout}{made.stderr}")
    log = folder / "log"
    settings = {
        "fsync": "off",
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "port": server.port,
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [binaries / "postgres", "-D", data] + [f"--{name}={value}" for name, value in settings.items()],
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_stop_with_parent,
            **as_user,  # type: ignore[arg-type]
        )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                server.run("psql", "-c", "SELECT 1")
                break
            except AssertionError as error:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}") from error
                time.sleep(0.1)
        yield server
    finally:
        process.send_signal(signal.SIGINT)  # a fast shutdown: nobody is waited for
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _stop_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)


def _unprivileged_user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise RuntimeError("PostgreSQL does not run as root, and there is no user postgres or nobody")
