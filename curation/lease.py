"""A lease on a folder that several machines share: one holder at a time, until it ends it or falls silent.

FOLDER/<number>         who holds it, or held it last; touched while it is held, so that its age tells
FOLDER/<number>.ticket  lets the holder replace one file, once, and only while it is the holder

Numbers only grow. Whoever takes over from a silent holder removes its ticket first: should that one wake up
(a machine that was suspended, a network that came back), it has nothing left to rename. All times are those
of the file system that the folder is on, so the machines' clocks do not matter.
"""

from __future__ import annotations

import json
import os
import platform
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from pydantic import BaseModel, ValidationError

from curation.errors import BusyError, StateError
from curation.files import sync_folder

_TICKET = ".ticket"
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def this_machine() -> str:
    """The same for all processes that one kernel runs, also in containers: its file locks hold among them."""
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return platform.node()


class Holder(BaseModel):
    """Who holds a lease: the ``process`` on the machine ``machine``, called ``host``, for ``seconds`` after
    each sign of life."""

    machine: str
    host: str
    process: int
    seconds: float


class Lease:
    """``with Lease(…)`` holds the lease, renewed in the background, or raises BusyError.

    ``is_alone``: the caller holds a file lock that no two processes of one machine can hold. Then a holder on
    this machine is dead, and is not waited for.
    """

    def __init__(self, folder: Path, seconds: float, is_alone: bool = False, machine: str = "") -> None:
        self._folder = folder
        self._is_alone = is_alone
        self._holder = Holder(
            machine=machine or this_machine(), host=platform.node(), process=os.getpid(), seconds=seconds
        )
        self._number = 0
        self._ended = threading.Event()
        self._renewal: threading.Thread | None = None

    @property
    def number(self) -> int:
        """Larger than that of every holder before."""
        return self._number

    def __enter__(self) -> Lease:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._take()
        except OSError as error:
            raise StateError(
                f"{self._folder} can't be written: {error.strerror or error}", "Check space and permissions."
            ) from error
        self._renewal = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._renewal.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._renewal is not None:
            self._renewal.join()
        with suppress(OSError):  # somebody else has it
            os.utime(self._path, (0, 0))  # others need not wait
        with suppress(OSError):  # it was used
            self._ticket.unlink()

    def check(self) -> None:
        """Raises BusyError when somebody else has taken over."""
        if self._newest() != self._number:
            raise self._lost()

    def replace(self, path: Path, text: str) -> None:
        """Replace ``path``, on the same file system, with ``text``, atomically and durably; once in a lease.

        Raises BusyError, and ``path`` is as it was, when somebody else has taken over, however late this
        process finds out.
        """
        try:
            with self._ticket.open("r+", encoding="utf-8") as file:  # never made anew
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            self._ticket.rename(path)
        except FileNotFoundError as error:
            raise self._lost() from error
        sync_folder(path.parent)

    @property
    def _path(self) -> Path:
        return self._folder / str(self._number)

    @property
    def _ticket(self) -> Path:
        return self._folder / f"{self._number}{_TICKET}"

    def _numbers(self) -> list[int]:
        return sorted(int(path.name) for path in self._folder.iterdir() if path.name.isdecimal())

    def _newest(self) -> int:
        return max(self._numbers(), default=0)

    def _take(self) -> None:
        descriptor, name = tempfile.mkstemp(dir=self._folder, prefix=".")
        mine = Path(name)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(self._holder.model_dump(), file)
            newest = self._newest()
            if newest:
                self._refuse_if_held(self._folder / str(newest), mine.stat().st_mtime)
            self._number = newest + 1
            os.link(mine, self._path)  # fails if somebody else was faster
        except FileExistsError as error:
            raise self._busy(_read(self._path)) from error
        finally:
            mine.unlink(missing_ok=True)
        self._ticket.touch()
        # Who looked at the folder long ago may have made a number that is in use or was removed since.
        if (newest := self._newest()) != self._number:
            self._ticket.unlink(missing_ok=True)
            self._path.unlink(missing_ok=True)
            raise self._busy(_read(self._folder / str(newest)))
        for number in self._numbers()[:-1]:
            for path in (self._folder / f"{number}{_TICKET}", self._folder / str(number)):
                path.unlink(missing_ok=True)

    def _refuse_if_held(self, path: Path, now: float) -> None:
        try:
            with path.open(encoding="utf-8") as file:  # opened: a network file system asks its server then
                touched = os.fstat(file.fileno()).st_mtime
                holder = Holder.model_validate_json(file.read())
        except (OSError, ValidationError):
            return  # gone, or damaged: who holds it finds its ticket missing
        is_dead = self._is_alone and holder.machine == self._holder.machine
        if not is_dead and abs(now - touched) < holder.seconds:
            raise self._busy(holder)

    def _renew(self) -> None:
        while not self._ended.wait(self._holder.seconds / 4):
            with suppress(OSError):  # the network may come back; who took over meanwhile has removed the file
                os.utime(self._path)

    def _busy(self, holder: Holder | None) -> BusyError:
        who = f"process {holder.process} on {holder.host}" if holder else "another process"
        return BusyError(
            f"{self._folder} is held by {who}.",
            f"Wait for it; if it is dead, for {(holder or self._holder).seconds:.0f} s.",
        )

    def _lost(self) -> BusyError:
        newest = _read(self._folder / str(self._newest()))
        who = f"process {newest.process} on {newest.host}" if newest else "another process"
        return BusyError(
            f"This process gave no sign of life for {self._holder.seconds:.0f} s, and {who} has taken over "
            f"({self._folder}). Nothing was changed.",
            "That one goes on with the work.",
        )


def read_holder(folder: Path) -> Holder | None:
    """Who holds the lease on ``folder``, or held it last; None where nobody did."""
    numbers = [path for path in folder.glob("[0-9]*") if path.name.isdecimal()]
    return _read(max(numbers, key=lambda path: int(path.name))) if numbers else None


def _read(path: Path) -> Holder | None:
    try:
        return Holder.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
