"""retrain: also installed as `retrain-from-annotations`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clayloop.cli.context import of
from clayloop.console import out, write_json_to

if TYPE_CHECKING:
    from curation.records import Decision

JsonFile = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Write the summary as JSON; - for stdout.")
]
Force = Annotated[bool, typer.Option("--force", help="Try again although nothing new was annotated.")]


def retrain(ctx: typer.Context, json_file: JsonFile = None, force: Force = False) -> None:
    """Read the accepted annotations back, train, evaluate, and swap the bot if the candidate is not worse."""
    from curation.annotation import read_decisions
    from training.retrain import retrain_from_annotations
    from training.summary import render

    context = of(ctx)
    settings = context.settings

    def decisions() -> list[Decision]:
        return read_decisions(context.argilla(), settings.curation.argilla, context.progress)

    summary = retrain_from_annotations(
        context.home,
        context.corpus(),
        settings.training,
        settings.serving,
        decisions,
        context.progress,
        force=force,
    )
    if json_file is not None:
        write_json_to(json_file, summary.model_dump(mode="json"))
    if str(json_file) != "-":
        out.print(render(summary), markup=False, soft_wrap=True)
