"""The set of services as one thing that starts, stops and is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from clayloop import services
from clayloop.settings import Settings
from clayloop.supervisor import Supervisor
from curation.errors import BusyError
from serving.releases import ReleaseStore


@dataclass
class Running:
    """What runs. ``addresses`` maps argilla, model, bot and dashboard to their URLs (those that are there)."""

    settings: Settings
    config: Path | None
    supervisor: Supervisor
    any_port: bool
    addresses: dict[str, str] = field(default_factory=dict)

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
        self.start(services.dashboard_service(self.settings, any_port=self.any_port))

    def wait(self) -> None:
        """Block until Ctrl-C or SIGTERM; the bot is started as soon as there is a release to serve."""
        store = ReleaseStore(self.settings.state)
        while not self.supervisor.wait(5.0):
            if "bot" not in self.addresses and store.current_id() is not None:
                self.start_bot()


@contextmanager
def supervised(
    settings: Settings, config: Path | None, say: Callable[[str], None], *, any_port: bool = False
) -> Iterator[Running]:
    """An empty Running for this state folder; everything started in it is stopped at the end.

    Raises BusyError when another one runs on the same state folder.
    """
    home = settings.state
    home.root.mkdir(parents=True, exist_ok=True)
    lock = FileLock(home.root / ".up.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BusyError(
            f"clayloop is already up on {home.root}.", "Use that one (clayloop status), or stop it first."
        ) from None
    with lock:
        home.services.unlink(missing_ok=True)
        supervisor = Supervisor([], home.logs, say)
        with supervisor.signals(), supervisor:
            try:
                yield Running(settings, config, supervisor, any_port)
            finally:
                home.services.unlink(missing_ok=True)


@contextmanager
def running_services(
    settings: Settings, config: Path | None, say: Callable[[str], None]
) -> Iterator[Running]:
    """Argilla, the model server, the bot (when there is a release) and the dashboard, started in that order."""
    started = time.monotonic()
    with supervised(settings, config, say) as running:
        running.start_argilla()
        running.start_model()
        if ReleaseStore(settings.state).current_id() is not None:
            running.start_bot()
        running.start_dashboard()
        say(f"Everything is up after {time.monotonic() - started:.0f} s")
        yield running
