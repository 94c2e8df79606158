"""All services together: started, waited for and stopped as one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from clayloop.settings import Settings
from clayloop.signals import interrupt, on_signals
from clayloop.up import services
from clayloop.up.supervisor import Supervisor
from curation import BusyError, ClayloopError, Home, StateError
from serving import ReleaseStore

_LOCK, _STARTING = ".up.lock", ".up.starting"


@dataclass
class Running:
    """The services that run. ``addresses`` maps the names of those that were started to their URLs."""

    settings: Settings
    config: Path | None
    supervisor: Supervisor
    any_port: bool
    addresses: dict[str, str] = field(default_factory=dict)
    trouble: str = ""

    def start(self, placed: services.Placed) -> str:
        """Start one service, wait until it answers, and note its address."""
        self.supervisor.add(placed.service)
        return self.note(placed.service.name, placed.url)

    def note(self, name: str, url: str) -> str:
        self.addresses[name] = url
        services.note_address(self.settings.state, name, url)
        return url

    def start_argilla(self) -> None:
        """argilla_lite, or the configured server's address."""
        configured = self.settings.curation.argilla.url
        if configured:
            self.note("argilla", configured)
        else:
            self.start(services.argilla_service(self.settings, any_port=self.any_port))

    def start_model(self) -> None:
        """The embedded model server, or the configured endpoint's address."""
        configured = self.settings.curation.language_model.base_url
        if configured:
            self.note("model", configured)
        else:
            self.start(services.model_service(self.settings, any_port=self.any_port))

    def start_bot(self) -> None:
        self.start(services.bot_service(self.settings, self.config, any_port=self.any_port))

    def start_dashboard(self) -> None:
        self.start(services.dashboard_service(self.settings, self.config, any_port=self.any_port))

    def start_watch_if_wanted(self) -> None:
        """The watcher, if watch.with_up says so."""
        if self.settings.watch.with_up:
            self.start(services.watch_service(self.settings, self.config, any_port=self.any_port))

    def wait(self) -> None:
        """Block until Ctrl-C or SIGTERM; the bot is started as soon as there is a release to serve."""
        while not self.supervisor.wait(5.0):
            self.start_bot_if_possible()

    def start_bot_if_possible(self) -> None:
        """Start the bot unless it runs or there is nothing to serve.

        An error is reported once and the start is tried again later: it must not stop Argilla, where
        annotators may be at work.
        """
        if "bot" in self.addresses:
            return
        try:
            if ReleaseStore(self.settings.state).current_id() is not None:
                self.start_bot()
        except ClayloopError as error:
            if str(error) != self.trouble:
                self.trouble = str(error)
                self.supervisor.say(f"The bot could not be started: {error}")


def is_starting(home: Home) -> bool:
    """Whether a `clayloop up` has begun on this state folder and not all of it answers yet."""
    if not (home.root / _STARTING).exists():
        return False
    try:
        with FileLock(home.root / _LOCK, timeout=0):
            return False  # it was killed
    except (Timeout, OSError):
        return True


@contextmanager
def supervised(
    settings: Settings, config: Path | None, say: Callable[[str], None], *, any_port: bool = False
) -> Iterator[Running]:
    """A Running without services for this state folder. All that is started in it is stopped at the end.

    Raises BusyError when another one runs on the same state folder.
    """
    home = settings.state
    try:
        home.root.mkdir(parents=True, exist_ok=True, mode=0o700)  # people's conversations are in there
        lock = FileLock(home.root / _LOCK)
        lock.acquire(timeout=1)  # `is_starting` may hold it for a moment
    except Timeout:
        if is_starting(home):
            raise BusyError(
                f"clayloop is starting on {home.root}, in another terminal.",
                "Wait until that one says that everything is up (clayloop status).",
            ) from None
        raise BusyError(
            f"clayloop is already up on {home.root}.", "Use that one (clayloop status), or stop it first."
        ) from None
    except OSError as error:
        raise StateError(
            f"The state folder {home.root} cannot be used: {error.strerror or error}",
            "Choose another CLAYLOOP_HOME.",
        ) from error
    try:
        home.services.unlink(missing_ok=True)
        supervisor = Supervisor([], home.logs, say)
        with on_signals(interrupt), supervisor:
            try:
                yield Running(settings, config, supervisor, any_port)
            finally:
                home.services.unlink(missing_ok=True)
                (home.root / _STARTING).unlink(missing_ok=True)
    finally:
        lock.release()


@contextmanager
def running_services(
    settings: Settings, config: Path | None, say: Callable[[str], None]
) -> Iterator[Running]:
    """Start Argilla, the model server, the bot (when there is a release) and the dashboard, in that order."""
    started = time.monotonic()
    with supervised(settings, config, say) as running:
        (settings.state.root / _STARTING).touch()
        services.check_ports(settings)
        services.check_parts(settings)
        for line in services.silent_servers(settings):
            say(line)
        running.start_argilla()
        running.start_model()
        running.start_bot_if_possible()
        running.start_dashboard()
        running.start_watch_if_wanted()
        (settings.state.root / _STARTING).unlink(missing_ok=True)
        say(f"Everything is up after {time.monotonic() - started:.0f} s")
        yield running
