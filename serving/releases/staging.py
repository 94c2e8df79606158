"""The folders in which releases are put together, each held by the process that builds in it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection
from pathlib import Path

from filelock import FileLock, Timeout

from curation import BusyError, StateError

_STAGING = ".staging-"
_LOCK = ".lock"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Staging:
    """The staging folders below ``root``, each with a lock file beside it while somebody builds in it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._held: dict[str, FileLock] = {}

    def take(self, name: str, empty: bool) -> Path:
        """See ReleaseStore.staging."""
        folder = self._folder(name)
        if name not in self._held:
            self._root.mkdir(parents=True, exist_ok=True)
            lock = self._try(name)
            if lock is None:
                raise BusyError(
                    f"Another process is building {name} in {folder}.", "Wait for it, or stop it."
                )
            self._held[name] = lock
        try:
            if empty and folder.exists():
                shutil.rmtree(folder)
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StateError(
                f"{folder} can't be made: {error.strerror}", "Check space and permissions."
            ) from error
        return folder

    def let_go(self, folder: Path) -> None:
        """Give up the lock of a folder that ``take`` returned and that was renamed since."""
        lock = self._held.pop(folder.name.removeprefix(_STAGING), None)
        if lock is not None:
            _remove(lock)

    def discard(self, name: str) -> bool:
        """Remove a folder and its lock. False, and nothing happens, while another process holds it or when
        there is neither folder nor lock."""
        folder = self._folder(name)
        if name not in self._held and not (folder.exists() or self._lock_file(name).exists()):
            return False
        lock = self._held.pop(name, None) or self._try(name)
        if lock is None:
            return False
        shutil.rmtree(folder, ignore_errors=True)
        _remove(lock)
        return True

    def clean(self, keep: Collection[str]) -> tuple[str, ...]:
        """Discard what no living process holds, this one included, but not those named in ``keep``.

        Returns the names that were discarded.
        """
        if not self._root.is_dir():
            return ()
        found = {
            path.name.removeprefix(_STAGING).removesuffix("" if path.is_dir() else _LOCK)
            for path in self._root.glob(f"{_STAGING}*")
        }
        return tuple(
            name
            for name in sorted(found - set(keep) - set(self._held))
            if _NAME.fullmatch(name) and self.discard(name)
        )

    def _folder(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} can't name a build: letters, digits, '.', '_' and '-' only")
        return self._root / f"{_STAGING}{name}"

    def _lock_file(self, name: str) -> Path:
        return self._root / f"{_STAGING}{name}{_LOCK}"

    def _try(self, name: str) -> FileLock | None:
        # Not thread-local: a build may start in one thread and end in another.
        lock = FileLock(self._lock_file(name), thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return None
        return lock


def _remove(lock: FileLock) -> None:
    """Remove the lock's file while the lock is held, so that nobody can take it in between."""
    Path(lock.lock_file).unlink(missing_ok=True)
    lock.release()
