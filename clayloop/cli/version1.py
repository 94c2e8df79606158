"""import-v1: a dataset of Argilla 1 becomes one of Argilla 2."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clayloop.cli.options import JsonFlag, context_of
from clayloop.console import out, print_json, print_table

if TYPE_CHECKING:
    from curation import ImportReport

_SHOWN = 3


def import_v1(
    ctx: typer.Context,
    folder: Annotated[
        Path,
        typer.Argument(
            help="A FeedbackDataset: argilla.yaml or argilla.cfg, with its parquet or JSON lines."
        ),
    ],
    name: Annotated[
        str | None, typer.Option("--name", help="Of the new dataset. Default: the folder's name.")
    ] = None,
    workspace: Annotated[
        str | None, typer.Option("--workspace", help="Default: that of the settings file.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Bring a FeedbackDataset of Argilla 1 into Argilla 2, with all answers and users."""
    from curation import import_version_1

    context = context_of(ctx)
    client = context.argilla(make_workspace=workspace is None)
    place = workspace or context.settings.curation.argilla.workspace
    report = import_version_1(client, folder, place, name, context.progress)
    if as_json:
        print_json(report)
    else:
        _print(report)


def _print(report: ImportReport) -> None:
    answers = ", ".join(f"{count:,} {status}" for status, count in report.responses.items()) or "no"
    out.print(
        f"The dataset {report.dataset!r} in the workspace {report.workspace!r} has "
        f"{report.records:,} records with {answers} responses and {report.suggestions:,} suggestions.",
        markup=False,
    )
    made = [user for user in report.users if user.made]
    if made:
        print_table(
            "Version 1's data have no names: these users are new, and an owner gives them passwords",
            ["user", "id"],
            [(user.username, user.id) for user in made],
        )
    if report.left_out:
        print_table(
            "What Argilla 2 has no place for",
            ["what", "records", "for example"],
            [
                (one.what, len(one.records) or "all", ", ".join(one.records[:_SHOWN]))
                for one in report.left_out
            ],
        )
