"""Backups are taken while people work, restored as a whole or not at all, and answer as the original did."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import shutil
import signal
import sqlite3
import stat
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.argilla_lite.commands import alive, run, status
from tests.argilla_lite.postgres import PostgresServer
from tests.argilla_lite.sample import Api, Argilla, Sample, between, by, make_sample, terms
from tests.argilla_lite.server import ArgillaLite, ArgillaServer, interpreter, running_argilla_lite

pytestmark = pytest.mark.argilla


def answers(api: Api, sample: Sample) -> list[Any]:
    """What a server says to one query of each kind, as external ids and totals."""
    vector = {"name": "position", "value": [1.0, -0.5, 0.25, 0, 0, 0, 0.5, -1.0]}
    bodies: list[dict[str, Any]] = [
        {"query": {"text": {"q": "clay"}}},
        {"query": {"text": {"q": "kil*", "field": "title"}}},
        {"filters": {"and": [terms("metadata", ["en", "fr"], metadata_property="language")]}},
        {"filters": {"and": [between("metadata", ge=10, metadata_property="length")]}},
        {"filters": {"and": [terms("suggestion", ["yes"], question="verdict", property="value")]}},
        {"filters": {"and": [terms("response", ["submitted"], property="status")]}},
        {"sort": [by("metadata", "desc", metadata_property="ratio")]},
        {"query": {"vector": {**vector, "max_results": 5}}},
    ]
    said = []
    for body in bodies:
        sorted_body = (
            {"sort": [by("record", property="inserted_at")], **body} if "vector" not in str(body) else body
        )
        found = api.send("POST", f"/datasets/{sample.dataset_id}/records/search?limit=1000", sorted_body)
        said.append(([item["record"]["external_id"] for item in found["items"]], found["total"]))
    for user in sample.users.values():
        said.append(api.get(f"/users/{user}")["username"])
    said.append(api.get(f"/datasets/{sample.dataset_id}/progress"))
    return said


@contextlib.contextmanager
def working(sample: Sample) -> Iterator[None]:
    """Somebody adds records to this dataset without a pause."""
    stop, failures = threading.Event(), []
    dataset_id = sample.dataset_id

    def work() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            fields = {
                "title": "more",
                "body": "work",
                "messages": [{"role": "user", "content": "x"}],
                "extra": {},
            }
            items = [{"fields": fields, "external_id": f"more-{number}-{one}"} for one in range(20)]
            try:
                sample.owner.send("POST", f"/datasets/{dataset_id}/records/bulk", {"items": items})
            except Exception as error:
                failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    assert not failures


def check_round_trip(
    server: ArgillaLite, folder: Path, database: str | None = None
) -> tuple[Path, dict[str, Any], Sample]:
    """Backs a working server up, restores it elsewhere, and compares. Returns the file and what was
    reported."""
    argilla = Argilla(server.url, server.api_key, server.workspace)
    busy, sample = make_sample(argilla, count=1), make_sample(argilla, count=30)
    before = answers(Api(server.url, server.api_key), sample)
    file = folder / "saved.tar.gz"
    with working(busy):
        made = run("backup", file, "--home", server.home, "--json")
    assert made.returncode == 0, made.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(folder.iterdir()) == [file]

    again = folder / "again"
    options = {"ARGILLA_LITE_DATABASE_URL": database} if database else {}
    restored = run("restore", file, "--home", again, **options)
    assert restored.returncode == 0, restored.stderr
    with running_argilla_lite(again) as other:
        assert (other.api_key, other.password) == (server.api_key, server.password)
        api = Api(other.url, other.api_key)
        assert answers(api, sample) == before
        assert run("check", "--home", again).returncode == 0
        # The copy goes its own way.
        api.send("DELETE", f"/datasets/{sample.dataset_id}")
        refused = run("restore", file, "--home", again, "--force")
        assert refused.returncode == 3
        assert "already running" in refused.stderr
    assert answers(Api(server.url, server.api_key), sample) == before
    return file, json.loads(made.stdout), sample


@pytest.fixture(scope="module")
def saved(argilla_lite: ArgillaServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup that was proven to be good."""
    return check_round_trip(argilla_lite, tmp_path_factory.mktemp("backup"))[0]


def test_a_restored_home_answers_the_same(saved: Path) -> None:
    assert saved.exists()


def check_no_password_is_shown(server: ArgillaLite, password: str) -> None:
    shown = status(server.home)["database"]
    assert shown.startswith("postgresql://clay:***@127.0.0.1:")
    command_lines = b" ".join(
        (Path("/proc") / str(pid) / "cmdline").read_bytes() for pid in alive(server.home)
    )
    log = (server.home / "logs" / "argilla-lite.log").read_text() + "".join(server.output)
    for form in (password, quote(password, safe=""), password.partition("%")[0]):
        assert form.encode() not in command_lines
        assert form not in log
    assert stat.S_IMODE((server.home / "database_url").stat().st_mode) == 0o600


def test_postgresql_too(postgres: PostgresServer, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    with running_argilla_lite(
        tmp_path / "first", arguments=["--database", postgres.new_database()]
    ) as server:
        check_no_password_is_shown(server, postgres.password)
        file, _, _ = check_round_trip(server, folder, postgres.new_database())
        other = run("restore", file, "--home", tmp_path / "third")
        assert other.returncode == 1
        assert "--database" in other.stderr
        full = (server.home / "database_url").read_text().strip()
        taken = run("restore", file, "--home", tmp_path / "third", ARGILLA_LITE_DATABASE_URL=full)
        assert taken.returncode == 1
        assert "already" in taken.stderr


def test_a_file_is_not_replaced_unless_asked(saved: Path, argilla_lite: ArgillaServer) -> None:
    refused = run("backup", saved, "--home", argilla_lite.home)
    assert refused.returncode == 1
    assert "--force" in refused.stderr


def test_nothing_is_replaced_unless_asked(saved: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert run("restore", saved, "--home", home).returncode == 0
    refused = run("restore", saved, "--home", home)
    assert refused.returncode == 1
    assert "--force" in refused.stderr
    assert run("restore", saved, "--home", home, "--force").returncode == 0


def _foreign(target: Path, saved: Path) -> None:
    with tarfile.open(target, "w:gz") as tar:
        tar.add(__file__, "something.py")


def _escaping(target: Path, saved: Path) -> None:
    """A manifest that is right, and then a path that leads out."""
    with tarfile.open(saved) as old, tarfile.open(target, "w:gz") as tar:
        manifest = old.next()
        assert manifest is not None
        tar.addfile(manifest, old.extractfile(manifest))
        entry = tarfile.TarInfo("../escaped")
        entry.size = 5
        tar.addfile(entry, io.BytesIO(b"hello"))


def _one_byte_changed(target: Path, saved: Path) -> None:
    plain = bytearray(gzip.decompress(saved.read_bytes()))
    plain[len(plain) // 2] ^= 1
    target.write_bytes(gzip.compress(bytes(plain), 1))


def _newer(target: Path, saved: Path) -> None:
    with tarfile.open(saved) as old, tarfile.open(target, "w:gz") as tar:
        for entry in old:
            content = old.extractfile(entry)
            assert content is not None
            data = content.read()
            if entry.name == "manifest.json":
                data = data.replace(b'"argilla_server": "2.8.0"', b'"argilla_server": "9.8.0"')
                entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))


DAMAGED = {
    "truncated": lambda target, saved: target.write_bytes(saved.read_bytes()[:-1000]),
    "half": lambda target, saved: target.write_bytes(saved.read_bytes()[: saved.stat().st_size // 2]),
    "empty": lambda target, saved: target.write_bytes(b""),
    "text": lambda target, saved: target.write_text("hello\n" * 1000),
    "gzip of something": lambda target, saved: target.write_bytes(gzip.compress(b"hello" * 1000)),
    "a folder": lambda target, saved: target.mkdir(),
    "foreign": _foreign,
    "escaping": _escaping,
    "one byte changed": _one_byte_changed,
    "newer": _newer,
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_or_foreign_file_changes_nothing(saved: Path, tmp_path: Path, kind: str) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "argilla.db").write_bytes(b"precious")
    file = tmp_path / "file"
    DAMAGED[kind](file, saved)
    refused = run("restore", file, "--home", home, "--force")
    assert refused.returncode == 1
    assert refused.stderr.startswith("argilla-lite: ")
    assert str(file) in refused.stderr
    assert "Traceback" not in refused.stderr
    assert (home / "argilla.db").read_bytes() == b"precious"
    assert not (tmp_path / "escaped").exists()
    assert not list(home.glob(".restore*"))


def test_missing_things_are_said(tmp_path: Path) -> None:
    absent = run("restore", tmp_path / "absent", "--home", tmp_path / "home")
    assert (absent.returncode, "no file" in absent.stderr) == (1, True)
    nothing = run("backup", tmp_path / "file", "--home", tmp_path / "home")
    assert (nothing.returncode, "no Argilla" in nothing.stderr) == (1, True)


def _identity(home: Path) -> tuple[str, str, str]:
    """The key in the credentials, the key in the database, the secret. Finishes what was interrupted."""
    if (home / "restore").exists():
        status(home)
    with contextlib.closing(sqlite3.connect(home / "argilla.db")) as connection:
        assert connection.execute("PRAGMA quick_check").fetchone() == ("ok",)
        key = connection.execute("SELECT api_key FROM users WHERE username = 'argilla'").fetchone()[0]
    return (
        json.loads((home / "credentials.json").read_text())["api_key"],
        key,
        (home / "auth_secret").read_text(),
    )


# Runs the command and kills itself before the given change of the file system.
_KILLED = """
import os, signal, sys
left = int(sys.argv[1])
def hook(event, arguments):
    global left
    if event in {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.truncate"}:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
from argilla_lite.cli import main
sys.addaudithook(hook)
sys.exit(main(sys.argv[2:]))
"""


def test_killed_while_restoring(saved: Path, tmp_path: Path) -> None:
    """SIGKILL before each change of the file system: the old home or the new one, never parts of both."""
    home, other = tmp_path / "home", tmp_path / "other"
    for folder in (home, other):
        assert run("restore", saved, "--home", folder).returncode == 0
    with contextlib.closing(sqlite3.connect(other / "argilla.db")) as connection, connection:
        connection.execute("UPDATE users SET api_key = 'another key' WHERE username = 'argilla'")
    credentials = json.loads((other / "credentials.json").read_text())
    (other / "credentials.json").write_text(json.dumps({**credentials, "api_key": "another key"}))
    (other / "auth_secret").write_text("another secret")
    files = [tmp_path / "first.tar.gz", tmp_path / "second.tar.gz"]
    shutil.copy(saved, files[0])
    assert run("backup", files[1], "--home", other).returncode == 0
    known = [_identity(home), _identity(other)]
    assert known[0] != known[1]

    python = interpreter()
    current, outcomes = 0, []
    for step in range(1, 100):
        # What is restored is always what is not there; a derived file of the old home must not survive
        # either.
        wanted = 1 - current
        (home / "text.db").write_text("of the old home")
        arguments = ["restore", files[wanted], "--home", home, "--force"]
        ended = subprocess.run([*python, "-c", _KILLED, str(step), *map(str, arguments)], check=False)
        found = _identity(home)
        assert found in known, step
        current = known.index(found)
        assert (home / "text.db").exists() == (current != wanted), step
        assert not (home / "restore").exists()
        outcomes.append(current == wanted)
        if ended.returncode == 0:
            break
        assert ended.returncode == -signal.SIGKILL
    assert outcomes[-1]
    assert True in outcomes[:-1], "no kill fell after the point of no return"
    assert False in outcomes, "no kill fell before it"
    assert not list(home.glob(".restore*"))
