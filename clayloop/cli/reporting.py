"""report: what the dashboard shows, as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clayloop.cli.options import context_of
from clayloop.console import out


def report(
    ctx: typer.Context,
    html: Annotated[Path, typer.Option("--html", metavar="FILE", help="Where to write it.")],
) -> None:
    """Write what the dashboard shows as one HTML file."""
    from clayloop.up.services import loop_settings, this_clayloop
    from dashboards import Handover, write_report

    context = context_of(ctx)
    settings = context.settings
    handover = Handover(
        root=context.home.root,
        dashboard=settings.dashboards,
        argilla=settings.curation.argilla,
        loop=loop_settings(settings),
        command=tuple(this_clayloop(settings, context.config)),
    )
    for line in write_report(handover, html):
        context.progress.say(line)
    out.print(f"Written: {html}", markup=False)
