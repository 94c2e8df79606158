"""export, publish data: what clayloop holds, as files and as a dataset on the Hugging Face Hub."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clayloop.cli.options import JsonFlag, context_of
from clayloop.console import out, print_json, print_table
from clayloop.context import Context
from curation import SettingsError

if TYPE_CHECKING:
    from curation import ExportName


Repo = Annotated[str, typer.Argument(metavar="OWNER/NAME", help="A repository on the Hugging Face Hub.")]
Public = Annotated[
    bool, typer.Option("--public", help="Everybody may read it. Default: only you and your organisation.")
]


def export(
    ctx: typer.Context,
    what: Annotated[
        str,
        typer.Argument(
            metavar="chunks|triplets|accepted|questions|conversations",
            help="The last three come from Argilla.",
        ),
    ],
    target: Annotated[
        Path, typer.Argument(help="A .parquet or .jsonl file, or a folder for a test set in BEIR's layout.")
    ],
    as_json: JsonFlag = False,
) -> None:
    """Write chunks, triplets, accepted questions, a test set or conversations to a file."""
    from curation import chunk_table, format_of, write_export

    context = context_of(ctx)
    name = _known([what])[0]
    format_of(target, name)  # before Argilla is asked
    table = _tables(context, [name])[name]
    done = write_export(name, table, target, chunk_table(context.corpus()))
    if as_json:
        print_json(done)
    else:
        out.print(f"{done.rows:,} {done.what} are in {done.path}.", markup=False, soft_wrap=True)


def publish_data(
    ctx: typer.Context,
    repo: Repo,
    what: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="TABLE",
            help="Repeatable, as in `export`. Default: all but conversations, which are people's words.",
        ),
    ] = None,
    licence: Annotated[
        str, typer.Option("--licence", help="The documentation's, as the Hub calls it, such as apache-2.0.")
    ] = "",
    public: Public = False,
    as_json: JsonFlag = False,
) -> None:
    """Push them as a dataset with a card: private, unless it is told otherwise."""
    from curation import EXPORTS, HubRepo, publish_tables

    context = context_of(ctx)
    wanted = _known(what or [name for name in EXPORTS if name != "conversations"])
    tables = _tables(context, wanted)
    address = publish_tables(HubRepo(repo, "dataset", private=not public), tables, context.corpus(), licence)
    rows = {name: len(table) for name, table in tables.items()}
    if as_json:
        print_json({"address": address, "private": not public, "rows": rows})
        return
    print_table("", ["table", "rows"], list(rows.items()))
    out.print(f"Published at {address}", markup=False, soft_wrap=True)


def _known(given: Sequence[str]) -> list[ExportName]:
    from curation import EXPORTS

    known = {str(name): name for name in EXPORTS}
    for one in given:
        if one not in known:
            raise SettingsError(f"{one!r} cannot be exported.", f"There are {', '.join(EXPORTS)}.")
    return [known[one] for one in given]


def _tables(context: Context, wanted: Sequence[ExportName]) -> dict[ExportName, Any]:
    """The tables by name. Argilla is asked only for what it alone knows."""
    from curation import (
        accepted_table,
        chunk_table,
        conversation_table,
        load_triplets,
        question_table,
        read_decisions,
        triplet_table,
    )

    corpus, argilla = context.corpus(), context.settings.curation.argilla
    client = cache(lambda: context.argilla(make_workspace=False))
    accepted = cache(lambda: accepted_table(read_decisions(client(), argilla, context.progress), corpus))
    make: dict[ExportName, Callable[[], Any]] = {
        "chunks": lambda: chunk_table(corpus),
        "triplets": lambda: triplet_table(load_triplets(context.home)),
        "accepted": accepted,
        "questions": lambda: question_table(accepted()),
        "conversations": lambda: conversation_table(client(), argilla, context.progress),
    }
    return {name: make[name]() for name in dict.fromkeys(wanted)}
