"""`argilla-lite up` and `down`: start Argilla, in the foreground or the background, and stop it."""

from __future__ import annotations

import argparse
import json
import logging
import logging.handlers
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

from argilla_lite import databases
from argilla_lite.databases import DATABASE_VARIABLE
from argilla_lite.errors import ArgillaLiteError, PortTakenError, StartFailedError
from argilla_lite.home import Home, write_private
from argilla_lite.prepare import is_prepared
from argilla_lite.redis import RedisSocket
from argilla_lite.services import Services
from argilla_lite.supervisor import Supervisor, log_output

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_STOP_PATIENCE = 60.0
_EARLY = 2048  # connections that may wait for the server; it sets its own number


def run_in_front(home: Home, options: argparse.Namespace) -> int:
    """Starts everything and watches over it until a signal comes."""
    os.umask(0o077)
    home.create()
    with home.locked():
        if home.pending_restore.exists():
            from argilla_lite.restore import finish

            finish(home)
        if (url := os.environ.pop(DATABASE_VARIABLE, None)) is not None:
            databases.choose(home, url)
        return _run(home, options)


def run_detached(home: Home, arguments: Sequence[str]) -> int:
    """Starts `up` in the background and waits until it is ready. `arguments` are its command line, with
    `--detach`. Returns 0 when it is ready; else the exit code of `up`, after its output was printed."""
    os.umask(0o077)
    home.create()
    new = not home.credentials_file.exists()
    rest = [word for word in arguments if word != "--detach"]
    with home.start_log.open("wb") as output:  # what it prints of itself; the services' lines go to the log
        process = subprocess.Popen(
            [sys.executable, "-m", "argilla_lite.cli", *rest, "--hide-credentials", "--log-only"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    ready = False
    try:
        while process.poll() is None and not ready:
            state = home.read_state()
            ready = state.get("pid") == process.pid and state.get("ready") is True
            time.sleep(0.05)
    except KeyboardInterrupt:
        process.send_signal(signal.SIGTERM)
        process.wait()
        raise
    said = home.start_log.read_text(encoding="utf-8", errors="replace").rstrip()
    if not ready:
        print(said, file=sys.stderr)
        return process.wait() or StartFailedError.exit_code
    _announce(home, show=new and "--hide-credentials" not in rest)
    print(said)
    return 0


def stop(home: Home) -> int:
    """Stops the Argilla of the home and waits until it has ended. Raises ArgillaLiteError if it does not."""
    if not home.is_running():
        print(f"Argilla does not run in {home.root}.")
        return 0
    pid = home.read_state().get("pid")
    if not isinstance(pid, int):
        raise ArgillaLiteError(f"What holds {home.root} is just starting, or is a restore. Try again.")
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_PATIENCE
    while home.is_running():
        if time.monotonic() > deadline:
            raise ArgillaLiteError(f"Process {pid} did not end within {_STOP_PATIENCE:.0f} s of SIGTERM.")
        time.sleep(0.1)
    print("Argilla was stopped.")
    return 0


def _bind(host: str, port: int) -> socket.socket:
    """Takes the address before anything starts; who connects early waits. Raises PortTakenError.

    It listens at once: until one of them does, several programs can bind the same port (SO_REUSEADDR)."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_EARLY)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PortTakenError(
            f"Port {port} on {host} cannot be used: {reason}. Choose another one with --port, "
            "or --port 0 for any."
        ) from error
    return listener


def _log_file(home: Home) -> logging.Logger:
    logger = logging.getLogger("argilla_lite.services")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    handler = logging.handlers.RotatingFileHandler(
        home.log_file, maxBytes=10_000_000, backupCount=3, encoding="utf-8"
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logger.handlers = [handler]
    return logger


def _run(home: Home, options: argparse.Namespace) -> int:
    began = time.monotonic()
    database = databases.database_of(home)
    database.require()
    home.clear_temporary()
    listener = _bind(options.host, options.port)
    port = listener.getsockname()[1]
    shown_host = "127.0.0.1" if options.host in {"0.0.0.0", "::"} else options.host  # noqa: S104 - comparing
    url = f"http://[{shown_host}]:{port}" if ":" in shown_host else f"http://{shown_host}:{port}"
    origins = [f"http://localhost:{port}", *options.origin] if shown_host == "127.0.0.1" else options.origin

    credentials, new = home.store_credentials(url, options.workspace)
    redis = RedisSocket(home.run_dir)
    services = Services(
        home,
        database,
        redis,
        listener,
        url,
        origins,
        api_docs=options.api_docs,
        access_log=options.access_log,
        patches=not options.no_patches,
    )
    output = log_output(_log_file(home), terminal=not options.log_only)
    ready = False

    def note_state(processes: dict[str, int]) -> None:
        state = {"pid": os.getpid(), "url": url, "ready": ready, "processes": processes}
        write_private(home.state_file, json.dumps(state) + "\n")

    supervisor = Supervisor(output, note_state)
    try:
        with supervisor.signals():
            _start(supervisor, services, credentials.workspace)
            if not supervisor.stopping:
                if not options.log_only:
                    _announce(home, show=new and not options.hide_credentials)
                _warn_of_exposure(options)
                stop_it = "`argilla-lite down`" if options.log_only else "Ctrl-C"
                seconds = time.monotonic() - began
                print(f"Argilla is ready at {url} (after {seconds:.1f} s; {stop_it} stops it)", flush=True)
                ready = True
                note_state(supervisor.process_ids())
                supervisor.watch()
    finally:
        services.stem.close()
        redis.close()
        listener.close()
        home.clear_temporary()
    return 0


def _start(supervisor: Supervisor, services: Services, workspace: str) -> None:
    """Starts all services, until a signal comes. Raises StartFailedError."""
    redis_ready = supervisor.launch(services.redis_server())
    stem_ready = supervisor.launch(services.stem_process())
    redis_ready()
    steps = [services.repair_index()]
    if not is_prepared(services.home, services.database, workspace):
        steps.insert(0, services.prepare(workspace))
        stem_ready()
    for step in steps:
        if not supervisor.stopping:
            supervisor.run_step(step)
    stem_ready()
    if not supervisor.stopping:
        server_ready = supervisor.launch(services.server())
        worker_ready = supervisor.launch(services.worker())
        server_ready()
        worker_ready()


def _announce(home: Home, show: bool) -> None:
    credentials = home.read_credentials()
    if show and credentials is not None:
        print(f"Log in as   {credentials.username}")
        print(f"Password    {credentials.password}")
        print(f"API key     {credentials.api_key}")
        print(f"They are shown this once and stored in {home.credentials_file}")
    else:
        print(f"User, password and API key: {home.credentials_file}")


def _warn_of_exposure(options: argparse.Namespace) -> None:
    if options.host in _LOOPBACK:
        return
    docs = ", the API's documentation" if options.api_docs else ""
    print(
        f"Listening on {options.host}. Whoever can reach this machine can see the login page{docs} and the "
        "server's version, and can try passwords, over plain HTTP: put a TLS proxy in front. Redis and the "
        "database files stay private to this user."
    )
    if options.origin:
        print(f"Web pages of {', '.join(options.origin)} may call the API from their visitors' browsers.")
