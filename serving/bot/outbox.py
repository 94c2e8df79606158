"""Turns on their way to Argilla: on disk before the answer counts as given, removed after Argilla confirmed.

Each turn is a JSON file whose name sorts by age and names the conversation. A turn may be sent twice, after a
kill between confirmation and removal: turn ids make that harmless.
"""

from __future__ import annotations

import heapq
import logging
import os
import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from curation import ClayloopError, Turn, content_id, sweep, write_text

log = logging.getLogger(__name__)

Send = Callable[[list[Turn]], None]

BATCH = 50
_NAME = re.compile(r"(\d{20})-([0-9a-f]{8})-[0-9a-f]{8}\.json")
_SET_ASIDE = "unreadable"
_WAIT_FIRST, _WAIT_MOST = 1.0, 60.0
# When a whole batch fails, so many turns are tried alone before Argilla counts as down.
_ALONE = 3


class Outbox:
    """A folder of turns to send. Several threads may put; one at a time flushes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._refused: dict[str, int] = {}
        self._last = max((int(name[:20]) for name in self._names()), default=0)

    def put(self, turn: Turn) -> None:
        """Store ``turn``; it survives a crash from here on. Raises StateError when the disk is full."""
        with self._lock:
            # Never backwards, whatever the clock does: the order within a conversation depends on it.
            self._last = max(self._last + 1, time.time_ns())
            name = f"{self._last:020d}-{_conversation(turn)}-{turn.id[:8]}.json"
        write_text(self.folder / name, turn.model_dump_json() + "\n", mode=0o600)

    def pending(self) -> int:
        """How many turns wait."""
        return sum(1 for _ in self._names())

    def set_aside(self) -> int:
        """How many files could not be read as turns; they lie in the subfolder ``unreadable``."""
        aside = self.folder / _SET_ASIDE
        return sum(1 for _ in aside.iterdir()) if aside.is_dir() else 0

    def flush(self, send: Send) -> int:
        """Send what waits, oldest first, in batches; returns how many were confirmed.

        Raises what ``send`` raises once nothing more gets through; what was not confirmed stays. A turn that
        Argilla refuses holds up only the later turns of its own conversation.
        """
        with self._flushing:
            sweep(self.folder)
            confirmed = 0
            failed: ClayloopError | None = None
            blocked: set[str] = set()
            while True:
                names = self._oldest(blocked)
                if not names:
                    break
                batch = self._read(names)
                if not batch:
                    continue
                try:
                    send([turn for _, turn in batch])
                    self._remove(name for name, _ in batch)
                    confirmed += len(batch)
                except ClayloopError as error:
                    failed = error
                    passed = self._send_alone(batch, send, blocked) if len(batch) > 1 else 0
                    confirmed += passed
                    if len(batch) == 1:
                        self._block(batch[0][0], blocked)
                    if not passed:
                        break
            if failed is not None:
                raise failed
            return confirmed

    def _send_alone(self, batch: Sequence[tuple[str, Turn]], send: Send, blocked: set[str]) -> int:
        passed = 0
        failures = 0
        for name, turn in batch:
            if _conversation(turn) in blocked:
                continue
            try:
                send([turn])
            except ClayloopError:
                self._block(name, blocked)
                failures += 1
                if not passed and failures >= _ALONE:
                    break
            else:
                self._remove([name])
                passed += 1
        return passed

    def _block(self, name: str, blocked: set[str]) -> None:
        conversation = _parts(name)
        blocked.add(conversation)
        if len(self._refused) > 10_000:
            self._refused.clear()
        self._refused[conversation] = self._refused.get(conversation, 0) + 1

    def _oldest(self, blocked: set[str]) -> list[str]:
        # Conversations that were refused before come last, so that a few bad ones don't hold up the others.
        candidates = (name for name in self._names() if _parts(name) not in blocked)
        return heapq.nsmallest(BATCH, candidates, key=lambda name: (self._refused.get(_parts(name), 0), name))

    def _read(self, names: Sequence[str]) -> list[tuple[str, Turn]]:
        batch: list[tuple[str, Turn]] = []
        for name in names:
            path = self.folder / name
            try:
                batch.append((name, Turn.model_validate_json(path.read_text(encoding="utf-8"))))
            except FileNotFoundError:  # another process sent it
                continue
            except ValueError:
                aside = self.folder / _SET_ASIDE
                aside.mkdir(exist_ok=True)
                path.replace(aside / name)
                log.error("%s is not a turn and was set aside in %s", name, aside)
        return batch

    def _remove(self, names: Iterator[str] | Sequence[str]) -> None:
        for name in names:
            (self.folder / name).unlink(missing_ok=True)
            self._refused.pop(_parts(name), None)

    def _names(self) -> Iterator[str]:
        try:
            with os.scandir(self.folder) as entries:
                yield from (entry.name for entry in entries if _NAME.fullmatch(entry.name))
        except (FileNotFoundError, NotADirectoryError):
            return


class Sender:
    """A background thread that flushes an outbox when woken, and with growing pauses while it fails."""

    def __init__(self, outbox: Outbox, send: Send, first_wait: float = _WAIT_FIRST) -> None:
        self._outbox = outbox
        self._send = send
        self._first_wait = first_wait
        self._wake = threading.Event()
        self._stop = threading.Event()
        self.error: str | None = None
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)

    def start(self) -> None:
        self._wake.set()
        self._thread.start()

    def wake(self) -> None:
        """There is something to send."""
        self._wake.set()

    def close(self, timeout: float = 5.0) -> None:
        """Stop after the attempt under way; what is left is sent after the next start."""
        self._stop.set()
        self._wake.set()
        self._thread.join(timeout=timeout)

    def _run(self) -> None:
        wait = self._first_wait
        while not self._stop.is_set():
            self._wake.wait(timeout=_WAIT_MOST)
            self._wake.clear()
            if self._stop.is_set():
                return
            try:
                self._outbox.flush(self._send)
                self.error, wait = None, self._first_wait
                continue
            except ClayloopError as error:
                message = error.message
            except Exception as error:  # a fault in what sends must not end the sending
                log.exception("Sending turns failed")
                message = f"{type(error).__name__}: {error}"
            if self.error != message:
                log.warning("%d turns wait in the outbox: %s", self._outbox.pending(), message)
            self.error = message
            # Full jitter: several bots must not knock on a returning Argilla all at once.
            self._stop.wait(wait * random.uniform(0.5, 1.0))  # noqa: S311
            wait = min(wait * 2, _WAIT_MOST)
            self._wake.set()


def _conversation(turn: Turn) -> str:
    return content_id("conversation", turn.conversation_id)[:8]


def _parts(name: str) -> str:
    return name.split("-")[1]
