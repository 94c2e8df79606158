"""argilla move: from one Argilla to another."""

from __future__ import annotations

import os
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clayloop.cli.options import JsonFlag, context_of
from clayloop.console import out, print_json, print_table
from curation import ArgillaError

if TYPE_CHECKING:
    import argilla as rg

    from clayloop.context import Context

argilla = typer.Typer(no_args_is_help=True, help="What concerns whole Argilla servers.")

_FILE = "credentials.json"


@argilla.command()
def move(
    ctx: typer.Context,
    source: Annotated[
        str, typer.Argument(metavar="FROM", help="A server's address, or the folder of an argilla_lite.")
    ],
    target: Annotated[str, typer.Argument(metavar="TO", help="The same.")],
    from_key: Annotated[
        str, typer.Option("--from-key", envvar="CLAYLOOP_FROM_KEY", help="An owner's key for an address.")
    ] = "",
    to_key: Annotated[
        str, typer.Option("--to-key", envvar="CLAYLOOP_TO_KEY", help="An owner's key for an address.")
    ] = "",
    update: Annotated[
        bool, typer.Option("--update", help="Records that are there in another state take that of FROM.")
    ] = False,
    passwords: Annotated[
        Path, typer.Option("--passwords", help="Where the new users' passwords are written.")
    ] = Path("argilla-passwords.txt"),
    as_json: JsonFlag = False,
) -> None:
    """Copy all of one Argilla into another: users, datasets, records, answers, suggestions, vectors.

    Start it again after an interruption: what is there is not sent twice. At the end each record is compared.
    Passwords, API keys and webhooks do not come along: Argilla gives none of them away.
    """
    from curation import move as run

    context = context_of(ctx)
    report = run(
        _connected(context, source, from_key),
        _connected(context, target, to_key),
        _keeper(passwords),
        update,
        context.progress,
    )
    if as_json:
        print_json({**report.model_dump(mode="json"), "whole": report.is_whole})
    else:
        counts = attrgetter("workspace", "name", "records", "moved", "there", "updated", "differ", "wrong")
        print_table(
            "",
            ["workspace", "dataset", "records", "moved", "there before", "updated", "left", "not the same"],
            [*map(counts, report.datasets)],
        )
        if report.users:
            out.print(
                f"{len(report.users)} users are new there; their passwords are in {passwords}.",
                markup=False,
                soft_wrap=True,
            )
    if not report.is_whole:
        raise ArgillaError(
            "Not all records are the same in both.",
            "Was FROM or TO in use? Start again; --update makes TO's records those of FROM.",
        )


def _connected(context: Context, place: str, key: str) -> rg.Argilla:
    from pydantic import SecretStr

    from curation import connect_to_argilla, read_json

    if "://" not in place:
        folder = Path(place).expanduser()
        path = next((one / _FILE for one in (folder, folder / "argilla") if (one / _FILE).is_file()), None)
        if path is None:
            raise ArgillaError(
                f"{place!r} is neither an address nor the folder of an argilla_lite ({_FILE} is missing).",
                "For example http://127.0.0.1:6900, or .clayloop",
            )
        found = read_json(path)
        if not isinstance(found, dict) or not (found.get("url") and found.get("api_key")):
            raise ArgillaError(f"{path} does not hold Argilla's url and api_key.", "Start that argilla_lite.")
        place, key = str(found["url"]), str(found["api_key"])
    settings = context.settings.curation.argilla.model_copy(update={"url": place, "api_key": SecretStr(key)})
    return connect_to_argilla(settings, context.home, make_workspace=False)


def _keeper(path: Path) -> Callable[[str, str], None]:
    def keep(name: str, password: str) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(f"{name}\t{password}\n")
            file.flush()
            os.fsync(file.fileno())

    return keep
