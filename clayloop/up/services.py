"""The services of `clayloop up` (Argilla, model server, bot, dashboard, watcher) and their addresses."""

from __future__ import annotations

import errno
import json
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from clayloop.settings import Settings, find_config
from clayloop.up.supervisor import Service, Supervisor, by_whom
from curation import Home, SettingsError, StateError, local_url, read_json, without_login, write_json

if TYPE_CHECKING:
    from dashboards import Handover

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Placed:
    """A service and the address that it will answer at."""

    service: Service
    url: str


def known_addresses(home: Home) -> dict[str, str]:
    """What a running `clayloop up` wrote: service name → URL. Empty when nothing did."""
    try:
        value = read_json(home.services)
    except (OSError, StateError):  # it is written anew by the next `up`
        return {}
    return {str(name): str(url) for name, url in value.items()} if isinstance(value, dict) else {}


def note_address(home: Home, name: str, url: str) -> None:
    """Write down where a service answers, for the other commands and the dashboard.

    A user and password in the address are left out: the file holds no secrets.
    """
    write_json(home.services, {**known_addresses(home), name: without_login(url)})


def answers(url: str, below: int = 500) -> bool:
    """Whether a GET of ``url`` is answered with a status under ``below`` within two seconds."""
    try:
        address = httpx.URL(url)
        login = (address.username, address.password) if address.userinfo else None
        # The login goes beside the address, because httpx logs the address.
        plain = address.copy_with(userinfo=b"")
        return httpx.get(plain, timeout=2.0, auth=login).status_code < below
    except (httpx.HTTPError, httpx.InvalidURL, OSError):
        return False


def argilla_answers(url: str) -> bool:
    """Whether an Argilla is at ``url``."""
    return answers(url.rstrip("/") + "/api/v1/version", 400)


def endpoint_answers(base_url: str) -> bool:
    """Whether a language model's endpoint is at ``base_url``; it may want a key."""
    return answers(base_url.rstrip("/") + "/models")


def silent_servers(settings: Settings, *, argilla: bool = True, model: bool = True) -> Iterator[str]:
    """What to say of each server in the settings that is wanted and does not answer yet."""
    url, base_url = settings.curation.argilla.url, settings.curation.language_model.base_url
    if argilla and url and not argilla_answers(url):
        yield f"curation.argilla.url: no Argilla answers at {without_login(url)} yet."
    if model and base_url and not endpoint_answers(base_url):
        yield (
            f"curation.language_model.base_url: no language model answers at {without_login(base_url)}. It "
            "is tried with each question; until then the bot shows passages."
        )


def check_servers(settings: Settings) -> None:
    """Raises ArgillaError or LanguageModelError where a server in the settings cannot be used."""
    from curation import LanguageModel, connect_to_argilla

    if settings.curation.argilla.url:
        connect_to_argilla(settings.curation.argilla, settings.state, make_workspace=False)
    if settings.curation.language_model.base_url:
        LanguageModel(settings.curation.language_model).check()


def argilla_service(settings: Settings, *, any_port: bool = False) -> Placed:
    """argilla_lite in the state folder. Raises SettingsError if its command is missing or its port taken."""
    home = settings.state
    port = free_port("curation.argilla.port", settings.curation.argilla.port, any_port)
    url = f"http://{LOOPBACK}:{port}"
    command = [
        *_argilla_lite_command(settings),
        *("up", "--home", str(home.argilla), "--port", str(port), "--hide-credentials"),
        *("--workspace", settings.curation.argilla.workspace),
    ]
    service = Service(
        "argilla",
        command,
        lambda: answers(f"{url}/api/v1/status"),
        port=port,
        setting="curation.argilla.port",
        starting="Starting Argilla (the first time it prepares its database) …",
        chatter="redis",
    )
    return Placed(service, url)


def model_service(
    settings: Settings, *, gguf: str = "", any_port: bool = False, port: int | None = None
) -> Placed:
    """The embedded llama.cpp server, with the file ``gguf`` and ``port`` (0: any free one) in place of those
    in the settings; ``url`` ends in /v1."""
    from clayloop.up.model_server import find_gguf

    model = settings.curation.language_model
    port = free_port("curation.language_model.port", model.port if port is None else port, any_port)
    command = [
        *(sys.executable, "-m", "clayloop.up.model_server", "--gguf", str(find_gguf(gguf or model.gguf))),
        *("--port", str(port), "--threads", str(model.threads), "--context", str(model.context)),
    ]
    base = f"http://{LOOPBACK}:{port}"
    ready: Callable[[], bool] = lambda: answers(f"{base}/health", 400)  # noqa: E731
    return Placed(
        Service("model", command, ready, port=port, setting="curation.language_model.port"), f"{base}/v1"
    )


def bot_service(settings: Settings, config: Path | None, *, any_port: bool = False) -> Placed:
    """`clayloop serve` as a process of its own."""
    bot = settings.serving.bot
    port = free_port("serving.bot.port", bot.port, any_port, bot.host)
    url = local_url(bot.host, port)
    command = [*this_clayloop(settings, config), "serve", "--port", str(port)]
    return Placed(
        Service("bot", command, lambda: answers(f"{url}/healthz"), port=port, setting="serving.bot.port"), url
    )


def dashboard_service(settings: Settings, config: Path | None, *, any_port: bool = False) -> Placed:
    """The Streamlit page as a process of its own."""
    from dashboards import prepare

    wanted = settings.dashboards
    port = free_port("dashboards.port", wanted.port, any_port, wanted.host)
    launch = prepare(dashboard_handover(settings, config, port))
    ready: Callable[[], bool] = lambda: answers(launch.health, 400)  # noqa: E731
    return Placed(
        Service("dashboard", launch.command, ready, launch.environment, port, "dashboards.port"), launch.url
    )


def dashboard_handover(settings: Settings, config: Path | None, port: int) -> Handover:
    """What the dashboard is told of the settings; ``port`` is where it is to answer."""
    from dashboards import Handover, LoopSettings

    return Handover(
        root=settings.state.root,
        dashboard=settings.dashboards.model_copy(update={"port": port}),
        argilla=settings.curation.argilla,
        loop=LoopSettings(
            training=settings.training,
            serving=settings.serving,
            min_accepted=settings.watch.min_accepted,
            every_hours=settings.watch.every_hours,
        ),
        command=tuple(this_clayloop(settings, config)),
    )


def watch_service(settings: Settings, config: Path | None, *, any_port: bool = False) -> Placed:
    """`clayloop watch` as a process of its own."""
    watch = settings.watch
    port = free_port("watch.port", watch.port, any_port, watch.host)
    url = local_url(watch.host, port)
    command = [*this_clayloop(settings, config), "watch", "--port", str(port)]
    return Placed(
        Service("watch", command, lambda: answers(f"{url}/healthz"), port=port, setting="watch.port"), url
    )


def model_address(settings: Settings, stack: ExitStack, say: Callable[[str], None]) -> str:
    """Where the language model answers: the configured endpoint, else the embedded server that is up, else
    one that runs until ``stack`` is closed."""
    if settings.curation.language_model.base_url:
        return settings.curation.language_model.base_url
    running = known_addresses(settings.state).get("model", "")
    if running and answers(running.removesuffix("/v1") + "/health", 400):
        return running
    placed = model_service(settings, port=0)  # the set port is for `up`, which may be starting
    stack.enter_context(Supervisor([placed.service], settings.state.logs, say))
    return placed.url


def login(home: Home) -> tuple[str, str] | None:
    """User name and password of argilla_lite's owner, from its file; None when there is none."""
    try:
        value = json.loads((home.argilla / "credentials.json").read_text(encoding="utf-8"))
        return str(value["username"]), str(value["password"])
    except (OSError, ValueError, KeyError):
        return None


def _argilla_lite_command(settings: Settings) -> list[str]:
    beside = Path(sys.prefix).parent / ".venv-argilla" / "bin" / "argilla-lite"
    found = settings.argilla_lite or (str(beside) if beside.exists() else shutil.which("argilla-lite"))
    if not found or not shutil.which(found):
        raise SettingsError(
            f"The command argilla-lite was not found ({found or beside}).",
            "Run `make setup`, or install argilla_lite into an environment of its own and set argilla_lite "
            "to its command; or set curation.argilla.url to an Argilla that runs elsewhere.",
        )
    return [found]


def this_clayloop(settings: Settings, config: Path | None) -> list[str]:
    """The command line that runs this clayloop on this state folder; the command's name comes after it."""
    command = [sys.executable, "-m", "clayloop", "--home", str(settings.state.root)]
    path = find_config(config)
    return [*command, "--config", str(path.absolute())] if path else command


def check_parts(settings: Settings) -> None:
    """Raises SettingsError or LanguageModelError where the command of argilla_lite or the embedded model's
    file is wanted and missing, before anything is started."""
    from clayloop.up.model_server import find_gguf

    if not settings.curation.argilla.url:
        _argilla_lite_command(settings)
    if not settings.curation.language_model.base_url:
        find_gguf(settings.curation.language_model.gguf)


def check_ports(settings: Settings) -> None:
    """Raises SettingsError for the first port that a service of `up` wants and somebody else has, or another
    service wants too, before any of them is started."""
    argilla, model = settings.curation.argilla, settings.curation.language_model
    bot, dashboard, watch = settings.serving.bot, settings.dashboards, settings.watch
    wanted = [
        *([("curation.argilla.port", argilla.port, LOOPBACK)] if not argilla.url else []),
        *([("curation.language_model.port", model.port, LOOPBACK)] if not model.base_url else []),
        ("serving.bot.port", bot.port, bot.host),
        ("dashboards.port", dashboard.port, dashboard.host),
        *([("watch.port", watch.port, watch.host)] if watch.with_up else []),
    ]
    keys: dict[tuple[str, int], str] = {}
    for key, port, host in wanted:
        free_port(key, port, host=host)
        other = keys.setdefault((host, port), key)
        if port and other != key:
            raise SettingsError(
                f"{other} and {key} are both {port}.", f"Set {key} to another port (0: any free one)."
            )


def free_port(key: str, wanted: int, any_port: bool = False, host: str = LOOPBACK) -> int:
    """``wanted`` if it is free, else with ``any_port`` (or when 0 is wanted) another one. Raises
    SettingsError, which names the setting or option ``key``."""
    why: Exception | None = None
    for port in (wanted, 0) if any_port else (wanted,):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except (OSError, UnicodeError) as error:  # UnicodeError: the host is no name
                why = error
                continue
            return int(probe.getsockname()[1])
    another = f"set {key} to another port (0: any free one; `clayloop init` writes the settings file)"
    if isinstance(why, OSError) and why.errno == errno.EADDRINUSE:
        raise SettingsError(
            f"Port {wanted} on {host} is taken{by_whom(wanted)}.", f"Stop what listens there, or {another}."
        )
    raise SettingsError(
        f"Port {wanted} on {host} cannot be used: {getattr(why, 'strerror', '') or why}.",
        f"Set the host to an address of this machine, or {another}.",
    )
