"""The `argilla-lite` command line."""

from __future__ import annotations

import argparse
import json
import logging
import logging.handlers
import os
import socket
import sys
import time
from pathlib import Path
from typing import NoReturn

from argilla_lite import __version__, databases
from argilla_lite.errors import ArgillaLiteError, PortTakenError
from argilla_lite.home import Home, write_private
from argilla_lite.prepare import is_prepared
from argilla_lite.redis import RedisSocket
from argilla_lite.services import Services
from argilla_lite.supervisor import Supervisor, log_output

DEFAULT_HOME = Path("~/.argilla-lite")
_DATABASE_VARIABLE = "ARGILLA_LITE_DATABASE_URL"
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="argilla-lite", description="Argilla 2.8 with its web UI, all in one folder and one command."
    )
    parser.add_argument("--version", action="version", version=f"argilla-lite {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)

    up = commands.add_parser("up", help="start Argilla and stay in front until Ctrl-C", allow_abbrev=False)
    up.add_argument("--port", type=int, default=6900, help="0 picks a free one (default: %(default)s)")
    up.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    up.add_argument(
        "--database",
        metavar="URL",
        help="postgresql://USER:PASSWORD@HOST:PORT/DATABASE instead of SQLite; also from the environment's "
        "ARGILLA_LITE_DATABASE_URL; remembered in the home",
    )
    up.add_argument("--workspace", help="workspace to create (default: clayloop)")
    up.add_argument(
        "--hide-credentials",
        action="store_true",
        help="do not print the generated password and key (for when the output goes to a log)",
    )
    up.add_argument(
        "--origin", action="append", default=[], metavar="URL", help="a web origin that may call the API"
    )
    up.add_argument("--api-docs", action="store_true", help="serve the API documentation at /api/v1/docs")
    up.add_argument("--no-patches", action="store_true", help="leave argilla_server exactly as released")
    up.add_argument("--access-log", action="store_true", help="log each request")

    backup = commands.add_parser("backup", help="write everything into one file (Argilla may run meanwhile)")
    backup.add_argument("file", type=Path, metavar="FILE")
    backup.add_argument("--force", action="store_true", help="replace the file if it exists")
    restore = commands.add_parser(
        "restore", help="make a stopped home what it was at a backup", allow_abbrev=False
    )
    restore.add_argument("file", type=Path, metavar="FILE")
    restore.add_argument("--force", action="store_true", help="replace the Argilla that is in the home")
    restore.add_argument("--database", metavar="URL", help="where to restore a backup of PostgreSQL to")

    status = commands.add_parser("status", help="tell whether Argilla runs, where, and how large it is")
    reindex = commands.add_parser("reindex", help="build the text index anew (Argilla may run meanwhile)")
    check = commands.add_parser("check", help="compare the text index with the database")
    for command in (status, reindex, check, backup):
        command.add_argument("--json", action="store_true", help="print JSON")
    for command in (up, status, reindex, check, backup, restore):
        command.add_argument(
            "--home", type=Path, default=DEFAULT_HOME, help="folder of this Argilla (default: %(default)s)"
        )
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Runs one command.

    Returns:
        0; 1 for an error or, from `status`, when nothing runs; 2 for wrong usage; 3 when the home is in use;
        4 when the port is; 5 when a service failed to start; 6 when `check` found differences.
    """
    options = _parser().parse_args(arguments)
    home = Home(options.home.expanduser().absolute())
    try:
        if getattr(options, "database", None):
            _hide_database(sys.argv[1:] if arguments is None else arguments)
        if options.command == "up":
            return _up(home, options)
        from argilla_lite import maintenance

        if options.command == "restore":
            return maintenance.restore(home, options.file, os.environ.get(_DATABASE_VARIABLE), options.force)
        maintenance.finish_restore(home)
        if options.command == "backup":
            return maintenance.backup(home, options.file, options.force, options.json)

        command = {"status": maintenance.status, "reindex": maintenance.reindex, "check": maintenance.check}
        return command[options.command](home, options.json)
    except ArgillaLiteError as error:
        print(f"argilla-lite: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130


def _hide_database(arguments: list[str]) -> NoReturn:
    """Starts this program anew with the URL in the environment: its own user may see that, everybody a command line."""
    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        if word.startswith("--database="):
            os.environ[_DATABASE_VARIABLE] = word.partition("=")[2]
        elif word == "--database":
            os.environ[_DATABASE_VARIABLE] = next(words)
        else:
            rest.append(word)
    os.execv(sys.executable, [sys.executable, "-m", "argilla_lite.cli", *rest])  # noqa: S606 - no shell wanted


def _bind(host: str, port: int) -> socket.socket:
    """Takes the address before anything starts.

    Raises:
        PortTakenError: The address cannot be bound.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PortTakenError(
            f"Port {port} on {host} cannot be used: {reason}. Choose another one with --port, or --port 0 for any."
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


def _up(home: Home, options: argparse.Namespace) -> int:
    os.umask(0o077)
    home.create()
    with home.locked():
        if home.pending_restore.exists():
            from argilla_lite.restore import finish

            finish(home)
        databases.choose(home, os.environ.pop(_DATABASE_VARIABLE, None))
        return _run(home, options)


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
        options.host,
        origins,
        api_docs=options.api_docs,
        access_log=options.access_log,
        patches=not options.no_patches,
    )
    output = log_output(_log_file(home))

    def note_state(processes: dict[str, int]) -> None:
        state = {"pid": os.getpid(), "url": url, "processes": processes}
        write_private(home.state_file, json.dumps(state) + "\n")

    supervisor = Supervisor(output, note_state)
    try:
        with supervisor.signals():
            supervisor.launch(services.redis_server())()
            if not supervisor.stopping and not is_prepared(home, database, credentials.workspace):
                supervisor.run_step(services.prepare(credentials.workspace))
            if not supervisor.stopping:
                supervisor.run_step(services.repair_index())
            if not supervisor.stopping:
                server_ready = supervisor.launch(services.server())
                worker_ready = supervisor.launch(services.worker())
                server_ready()
                worker_ready()
            if not supervisor.stopping:
                _announce(
                    home, new and not options.hide_credentials, url, options.host, time.monotonic() - began
                )
                supervisor.watch()
    finally:
        redis.close()
        listener.close()
        home.clear_temporary()
    return 0


def _announce(home: Home, show: bool, url: str, host: str, seconds: float) -> None:
    credentials = home.read_credentials()
    if show and credentials is not None:
        print(f"Log in as   {credentials.username}")
        print(f"Password    {credentials.password}")
        print(f"API key     {credentials.api_key}")
        print(f"They are shown this once and stored in {home.credentials_file}")
    else:
        print(f"User, password and API key: {home.credentials_file}")
    if host not in _LOOPBACK:
        print(
            f"Listening on {host}: everybody who can reach this machine can see the login page and try passwords, "
            "over plain HTTP. Put a TLS proxy in front."
        )
    print(f"Argilla is ready at {url} (after {seconds:.1f} s; Ctrl-C stops it)", flush=True)


if __name__ == "__main__":
    sys.exit(main())
