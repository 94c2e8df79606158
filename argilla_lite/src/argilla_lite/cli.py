"""The `argilla-lite` command line."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import NoReturn

from argilla_lite import __version__
from argilla_lite.databases import DATABASE_VARIABLE
from argilla_lite.errors import ArgillaLiteError
from argilla_lite.home import Home

DEFAULT_HOME = Path("~/.argilla-lite")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="argilla-lite", description="Argilla 2.8 with its web UI, all in one folder and one command."
    )
    parser.add_argument("--version", action="version", version=f"argilla-lite {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    up = _add_up(commands)
    down = commands.add_parser("down", help="stop the Argilla that runs in the home")

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
    users = _add_users(commands)
    for command in (status, reindex, check, backup, *users):
        command.add_argument("--json", action="store_true", help="print JSON")
    for command in (up, down, status, reindex, check, backup, restore, *users):
        command.add_argument(
            "--home", type=Path, default=DEFAULT_HOME, help="folder of this Argilla (default: %(default)s)"
        )
    return parser


def _add_up(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
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
    up.add_argument(
        "--detach", action="store_true", help="start in the background and return when Argilla is ready"
    )
    up.add_argument("--log-only", action="store_true", help="services' output to the log file only")
    return up


def _add_users(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> list[argparse.ArgumentParser]:
    users = commands.add_parser("users", help="list, add and remove users, and set passwords")
    actions = users.add_subparsers(dest="action", required=True)
    shown = actions.add_parser("list", help="names, roles and workspaces")
    add = actions.add_parser("add", help="make a user; a generated password is printed once")
    remove = actions.add_parser("remove", help="take a user out of all workspaces; answers stay")
    remove.add_argument(
        "--with-answers", action="store_true", help="delete the user and every answer for good"
    )
    remove.add_argument("--yes", action="store_true", help="do not ask before that")
    password = actions.add_parser("password", help="give a user a new password, which is printed once")
    for command in (add, remove, password):
        command.add_argument("name", metavar="NAME")
    add.add_argument("--role", choices=("annotator", "admin", "owner"), default="annotator")
    add.add_argument(
        "--workspace",
        action="append",
        metavar="NAME",
        help="a workspace to work in, made if missing; repeatable (default: the home's own)",
    )
    for command in (add, password):
        command.add_argument(
            "--password-stdin", action="store_true", help="read the password from standard input"
        )
    return [shown, add, remove, password]


def main(arguments: list[str] | None = None) -> int:
    """Runs one command. Returns 0; 1 for an error or, from `status`, when nothing runs; 2 for wrong usage; 3
    when the home is in use; 4 when the port is; 5 when a service failed to start; 6 when `check` found
    differences."""
    options = _parser().parse_args(arguments)
    home = Home(options.home.expanduser().absolute())
    try:
        words = sys.argv[1:] if arguments is None else arguments
        if getattr(options, "database", None):
            _hide_database(words)
        if options.command in {"up", "down"}:
            from argilla_lite import up

            if options.command == "down":
                return up.stop(home)
            return up.run_detached(home, words) if options.detach else up.run_in_front(home, options)
        from argilla_lite import maintenance

        if options.command == "restore":
            return maintenance.restore(home, options.file, os.environ.get(DATABASE_VARIABLE), options.force)
        maintenance.finish_restore(home)
        if options.command == "backup":
            return maintenance.backup(home, options.file, options.force, options.json)
        if options.command == "users":
            from argilla_lite import users

            return users.run(home, options)
        command = {"status": maintenance.status, "reindex": maintenance.reindex, "check": maintenance.check}
        return command[options.command](home, options.json)
    except ArgillaLiteError as error:
        print(f"argilla-lite: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # The reader of the output has closed it; Python would report that again when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def _hide_database(arguments: list[str]) -> NoReturn:
    """Restarts this program with the database URL in the environment instead of on the command line.

    Every user of the machine can see a command line, but only this one the environment.
    """
    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        if word.startswith("--database="):
            os.environ[DATABASE_VARIABLE] = word.partition("=")[2]
        elif word == "--database":
            os.environ[DATABASE_VARIABLE] = next(words)
        else:
            rest.append(word)
    os.execv(sys.executable, [sys.executable, "-m", "argilla_lite.cli", *rest])  # noqa: S606 - no shell wanted


if __name__ == "__main__":
    sys.exit(main())
