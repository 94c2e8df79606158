"""The watcher: checks whether a retrain is due and runs it, one at a time, with back-off after failures."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import Timeout

from clayloop.console import undeterred
from clayloop.settings import Settings
from clayloop.watch.annotations import Annotations
from clayloop.watch.bell import Bell
from clayloop.watch.child import STOPPED, Ended, RetrainProcess, as_the_run_says
from clayloop.watch.current import CurrentSettings
from clayloop.watch.need import look
from clayloop.watch.receiver import PATH, Receiver
from clayloop.watch.registration import is_local
from clayloop.watch.state import LastRetrain, load_state
from curation import BusyError, ClayloopError, without_login
from dashboards import RetrainRequest, pending_request, settle_request, watch_lock
from serving import ReleaseStore
from training import FINE_TUNED, Rung, RunStore

if TYPE_CHECKING:
    from clayloop.watch.settings import WatchSettings
    from curation import Decision

log = logging.getLogger(__name__)

_TICK = 0.2
_SOON = 30.0  # seconds until the next check when one failed or somebody else is retraining
# Seconds until the next check when a call may be on its way: Argilla repeats a failed one after 10.
_DOUBT = 15.0
_RETRY = 60.0  # seconds to wait after a failed retrain, doubled after each further one
_LONGEST_RETRY = 3600.0
_OTHERS_LOOK = 0.5  # seconds to wait for the lock: `is_watched` takes it for an instant
STATE_FILE = "watch.json"


class Watcher:
    """Watches over one state folder.

    ``command`` is the command line of a retrain that waits for its order (``RetrainProcess``). ``say`` gets a
    line for people whenever something happens. ``config`` is the settings file, which may change meanwhile.
    Everything but ``stop`` happens in the thread that calls ``run``.

    A webhook call from Argilla only says where to look. Whether to retrain depends on what Argilla holds.
    """

    def __init__(
        self,
        settings: Settings,
        command: Sequence[str],
        say: Callable[[str], None],
        config: Path | None = None,
    ) -> None:
        self._current = CurrentSettings(settings, config)
        self._home = settings.state
        self._process = RetrainProcess(command)
        self._is_stopped = False  # the last retrain was, and nobody has looked since
        self._did_nothing = ""  # what a retrain that succeeded has left as it was (Findings.digest)
        self._say = undeterred(say)
        self._annotations = Annotations(self._current, self._say)
        self._bell = Bell(settings.watch.debounce_seconds)
        self._stopping = threading.Event()
        self._next_look = 0.0  # by time.monotonic: at once
        self._not_before = 0.0  # by time.monotonic: no check until then, because somebody else is retraining
        self._looks = 0
        self._trouble = ""
        self._kind_of_trouble: type[Exception] = Exception
        self._retraining = ""
        self._receiver: Receiver | None = None
        self._state_path = self._home.root / STATE_FILE
        self._state = load_state(self._state_path)
        self._is_kept = True

    def stop(self) -> None:
        """End ``run`` soon. A retrain that is running is stopped, and goes on at the next start."""
        self._stopping.set()

    def run(self, ready: Callable[[str], None] = lambda url: None) -> None:
        """Watch until ``stop``. ``ready`` is called with the receiver's address.

        Raises BusyError when another watcher is at work on this state folder, SettingsError when it cannot
        listen on the address.
        """
        with self._alone(), self._listening() as receiver:
            ready(receiver.url)
            try:
                while not self._stopping.is_set():
                    if self._is_due():
                        self.look()
                    elif not self._trouble and not self._bell.rings:
                        self._process.get_ready()
                    self._stopping.wait(_TICK)
            finally:
                self._process.drop()
                self._annotations.end()

    def look(self) -> None:
        """Check once, and retrain if that is due. Errors are reported, and the check is repeated later."""
        now = time.monotonic()
        is_poll = now >= self._next_look
        self._bell.answer(now)
        if is_poll:
            self._next_look = now + self._watch.poll_seconds
        try:
            try:
                self._look(is_poll)
            finally:
                self._keep()
            self._looks += 1
            self._trouble = ""
        except Exception as error:  # the watcher must survive any error
            if not isinstance(error, ClayloopError):
                log.exception("a look failed")
            self._next_look = min(self._next_look, time.monotonic() + _SOON)
            # Reported once per kind of error: the messages of one outage differ.
            words = str(error) if isinstance(error, ClayloopError) else f"{type(error).__name__}: {error}"
            if not self._trouble or type(error) is not self._kind_of_trouble:
                self._say(f"Cannot look now, trying again: {words}")
            self._trouble, self._kind_of_trouble = words, type(error)

    def health(self) -> dict[str, Any]:
        """The answer to GET /healthz; it holds no secret."""
        receiver, last = self._receiver, self._state.last
        return {
            "status": "trouble" if self._trouble else "ok",
            "trouble": self._trouble.partition("\n")[0],
            "woken_by": "webhooks and polling" if self._annotations.is_called else "polling",
            "calls": {
                "accepted": receiver.accepted if receiver else 0,
                "refused": receiver.refused if receiver else 0,
            },
            "looks": self._looks,
            "about_to_look": self._bell.rings,
            "retraining": self._retraining,
            "failures": self._state.failures,
            "last": last.model_dump(mode="json") if last else None,
        }

    # checking

    def _is_due(self) -> bool:
        now = time.monotonic()
        if now < self._not_before:
            return False
        return (
            now >= self._next_look
            or self._bell.is_due(now)
            or self._current.have_changed
            or self._waiting_request() is not None
        )

    def _waiting_request(self) -> RetrainRequest | None:
        """A request to retrain that is to be tried now.

        That is one that was not tried yet, or one that failed and whose wait is over. A request that
        succeeded may still be there when it could not be removed.
        """
        request = pending_request(self._home)
        if request is None:
            return None
        is_tried = request.id == self._state.request
        return None if is_tried and (not self._state.failures or self._backs_off()) else request

    def _backs_off(self) -> bool:
        if self._state.retry_at is None:
            return False
        now = datetime.now(timezone.utc)
        # If the clock was ahead when the retrain failed, retry_at is too late.
        latest = now + timedelta(seconds=_LONGEST_RETRY)
        self._state.retry_at = min(self._state.retry_at, latest)
        return now < self._state.retry_at

    def _look(self, is_poll: bool) -> None:
        if self._refresh_settings():
            is_poll = True
            self._next_look = time.monotonic() + self._watch.poll_seconds
        if is_poll:
            self._annotations.register()  # before all that needs a release: there may be none yet
        request = self._waiting_request()
        if request is not None:
            ended = self._retrain(f"{request.by} asked for it", FINE_TUNED, request=request.id)
            if ended is not None and ended.exit_code in (0, STOPPED):
                settle_request(self._home, request)
            return
        if self._backs_off():
            return
        ReleaseStore(self._home).current()  # raises when there is no release: no need to read Argilla
        decisions = self._annotations.read(is_poll)
        if is_poll and self._annotations.doubts:
            self._next_look = min(self._next_look, time.monotonic() + _DOUBT)
        found = look(self._current.now, decisions)
        if self._is_stopped:  # by a person: until somebody decides something, or asks
            self._did_nothing, self._is_stopped = found.digest, False
        # A retrain that changed nothing would change nothing again.
        if found.why and found.digest != self._did_nothing:
            ended = self._retrain(found.why, found.rung, decisions)
            if ended is not None and ended.exit_code == 0:
                self._did_nothing = found.digest

    @property
    def _watch(self) -> WatchSettings:
        return self._current.now.watch

    def _refresh_settings(self) -> bool:
        """Take over what was changed in the settings file. Whether anything was. Raises SettingsError when it
        is wrong."""
        before = self._current.now
        if not self._current.refresh():
            return False
        self._say("The settings file has changed and was read again")
        self._bell.quiet = self._watch.debounce_seconds
        self._process.drop()
        if self._current.now.curation.argilla != before.curation.argilla:
            self._annotations.forget()
        return True

    # retraining

    def _retrain(
        self,
        why: str,
        highest: Rung,
        decisions: Sequence[Decision] | None = None,
        request: str | None = None,
    ) -> Ended | None:
        started = datetime.now(timezone.utc)
        before = RunStore(self._home).list()
        self._say(f"Retraining: {why}")
        self._retraining = why
        try:
            ended = self._process.run(highest, decisions, self._stopping.wait)
        finally:
            self._retraining = ""
        if ended is None:  # we are stopping
            return None
        ended = as_the_run_says(ended, self._home, before)
        self._next_look = time.monotonic()  # check at once: people may have answered during the retrain
        if ended.exit_code == BusyError.exit_code:
            self._not_before = self._next_look + min(_SOON, self._watch.poll_seconds)
            self._say("Somebody else is retraining; looking again later")
            return ended
        self._state.request = request or self._state.request
        self._is_stopped = ended.exit_code == STOPPED
        self._note(started, why, ended)
        return ended

    def _note(self, started: datetime, why: str, ended: Ended) -> None:
        state = self._state
        told = {"exit_code": ended.exit_code, "outcome": ended.outcome, "verdict": ended.verdict}
        state.last = LastRetrain(started_at=started, why=why, **told)
        if ended.exit_code in (0, STOPPED):
            state.failures, state.retry_at = 0, None
            how = "was stopped." if ended.exit_code else f"ended: {ended.verdict or ended.outcome or 'well'}"
            self._say(f"The retrain {how}")
        else:
            state.failures += 1
            wait = min(_LONGEST_RETRY, _RETRY * 2 ** min(state.failures - 1, 30))
            state.retry_at = datetime.now(timezone.utc) + timedelta(seconds=wait)
            self._next_look = time.monotonic() + wait
            how = f"{ended.how}, {state.failures} in a row"
            self._say(f"The retrain failed ({how}); trying again in {wait:.0f} s")
        self._is_kept = False

    def _keep(self) -> None:
        """Save the state if it has changed. When that fails, the next check tries again."""
        if not self._is_kept:
            self._state.save(self._state_path)
            self._is_kept = True

    # webhook calls

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._home.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = watch_lock(self._home)
        try:
            lock.acquire(timeout=_OTHERS_LOOK)
        except Timeout:
            raise BusyError(
                f"Another watcher is at work on {self._home.root}.",
                "Use that one (clayloop status), or stop it.",
            ) from None
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _listening(self) -> Iterator[Receiver]:
        receiver = Receiver(
            self._watch.host, self._watch.port, self._annotations.believes, self._called, self.health
        )
        with receiver:
            self._receiver = receiver
            argilla = self._current.now.curation.argilla.url
            callback = self._watch.callback_url.rstrip("/")
            if self._watch.webhooks and (callback or not argilla or is_local(argilla)):
                self._annotations.listen_at((callback or receiver.url) + PATH)
            elif self._watch.webhooks:
                place = f"Argilla at {without_login(argilla)}"
                self._say(
                    f"{place} cannot call this machine's {receiver.url}: polling only (watch.callback_url)"
                )
            yield receiver

    def _called(self, body: bytes) -> None:
        if self._annotations.called(body):
            self._bell.ring(time.monotonic())
