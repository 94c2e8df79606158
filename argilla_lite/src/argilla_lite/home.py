"""The home folder, which holds all files of one Argilla."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from argilla_lite.errors import AlreadyRunningError, ArgillaLiteError

OWNER = "argilla"
DEFAULT_WORKSPACE = "clayloop"


@dataclass(frozen=True)
class Credentials:
    """How to reach this Argilla, as stored in `credentials.json`."""

    url: str
    username: str
    password: str
    api_key: str
    workspace: str


@dataclass(frozen=True)
class Home:
    """One Argilla's folder. Every path below it is private to the user (0700 / 0600)."""

    root: Path

    @property
    def database(self) -> Path:
        """Argilla's own SQLite database. It is absent when PostgreSQL is used."""
        return self.root / "argilla.db"

    @property
    def database_url_file(self) -> Path:
        """Holds the URL of a PostgreSQL database, with its password."""
        return self.root / "database_url"

    @property
    def text_index(self) -> Path:
        """The full-text index. It can be deleted while Argilla is stopped: a start builds it anew."""
        return self.root / "text.db"

    @property
    def credentials_file(self) -> Path:
        return self.root / "credentials.json"

    @property
    def secret_file(self) -> Path:
        """Signs the web UI's login tokens."""
        return self.root / "auth_secret"

    @property
    def prepared_file(self) -> Path:
        """Holds the versions for which the database was prepared, so that a restart can skip that."""
        return self.root / "prepared.json"

    @property
    def spool_file(self) -> Path:
        """Jobs that wait for Redis to come back."""
        return self.root / "spool.db"

    @property
    def pending_restore(self) -> Path:
        """A verified backup that is being put in place; there only for a moment, or after a crash."""
        return self.root / "restore"

    def derived_files(self) -> list[Path]:
        """Files that were made from the database, to be deleted when it is replaced."""
        bases = (self.text_index, self.spool_file)
        return [Path(f"{base}{suffix}") for base in bases for suffix in ("-wal", "-shm", "")] + [
            self.prepared_file
        ]

    @property
    def run_dir(self) -> Path:
        """Sockets and process ids; empty while stopped."""
        return self.root / "run"

    @property
    def state_file(self) -> Path:
        return self.run_dir / "state.json"

    @property
    def lock_file(self) -> Path:
        return self.root / "lock"

    @property
    def temp_dir(self) -> Path:
        """TMPDIR of every service, because argilla_server leaves 14 MB there at each start."""
        return self.root / "tmp"

    @property
    def web_dir(self) -> Path:
        """The web page's files, a folder per version of argilla_server."""
        return self.root / "web"

    @property
    def redis_dir(self) -> Path:
        return self.root / "redis"

    @property
    def log_file(self) -> Path:
        return self.root / "logs" / "argilla-lite.log"

    @property
    def start_log(self) -> Path:
        """What the last start in the background printed."""
        return self.root / "logs" / "start.log"

    def create(self) -> None:
        """Makes the folders, private to this user. Raises ArgillaLiteError where the folder cannot be made,
        belongs to another user, or has a name that cannot be part of a database address."""
        if odd := sorted(set(str(self.root)) & set("?#%")):
            raise ArgillaLiteError(
                f"The home folder's path {self.root} contains {' '.join(odd)}, which a database address "
                "cannot hold. Choose another one with --home."
            )
        try:
            for folder in (self.root, self.run_dir, self.temp_dir, self.redis_dir, self.log_file.parent):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                folder.chmod(0o700)
        except OSError as error:
            raise ArgillaLiteError(
                f"The home folder {self.root} cannot be made or made private: {error.strerror}. "
                "Choose another one with --home."
            ) from error

    def clear_temporary(self) -> None:
        """Removes what a start or a crash left in the temporary and the run folder."""
        for folder in (self.temp_dir, self.run_dir):
            if not folder.is_dir():
                continue
            for entry in folder.iterdir():
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry, ignore_errors=True)
                else:
                    entry.unlink(missing_ok=True)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Locks the home for this process. The kernel releases the lock however the process ends. Raises
        AlreadyRunningError when another process has locked it."""
        descriptor = os.open(self.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                state = self.read_state()
                where = f" at {state['url']} (process {state['pid']})" if state else ""
                raise AlreadyRunningError(
                    f"Argilla is already running{where} with the home {self.root}. "
                    "Stop that one first, or choose another folder with --home."
                ) from None
            yield
        finally:
            os.close(descriptor)

    def is_running(self) -> bool:
        """Whether another process has locked the home."""
        if not self.lock_file.exists():
            return False
        try:
            with self.locked():
                return False
        except AlreadyRunningError:
            return True

    def read_state(self) -> dict[str, object]:
        """What the running supervisor wrote about itself; empty when there is nothing to read."""
        try:
            state = json.loads(self.state_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return state if isinstance(state, dict) else {}

    def read_credentials(self) -> Credentials | None:
        """The stored credentials, or None before the first start. Raises ArgillaLiteError for a damaged
        file."""
        try:
            return Credentials(**json.loads(self.credentials_file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            raise ArgillaLiteError(
                f"{self.credentials_file} cannot be read ({error}). Restore it, or move it away to have new "
                "credentials made for a new owner."
            ) from error

    def store_credentials(self, url: str, workspace: str | None) -> tuple[Credentials, bool]:
        """Updates `credentials.json`, and makes the secrets on the first start. Returns the credentials, and
        whether they are new."""
        known = self.read_credentials()
        credentials = Credentials(
            url=url,
            username=known.username if known else OWNER,
            password=known.password if known else secrets.token_urlsafe(18),
            api_key=known.api_key if known else secrets.token_urlsafe(60),
            workspace=workspace or (known.workspace if known else DEFAULT_WORKSPACE),
        )
        if credentials != known:
            write_private(self.credentials_file, json.dumps(asdict(credentials), indent=2) + "\n")
        return credentials, known is None

    def auth_secret(self) -> str:
        """The secret that signs login tokens; it is kept, so that a restart logs nobody out."""
        try:
            secret = self.secret_file.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            secret = ""
        if not secret:
            secret = secrets.token_hex(32)
            write_private(self.secret_file, secret + "\n")
        return secret


def write_private(path: Path, text: str) -> None:
    """Replaces a file atomically with one that only this user can read (0600)."""
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise
