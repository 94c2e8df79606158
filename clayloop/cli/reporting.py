"""report: what the dashboard shows, as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clayloop.cli.options import context_of
from clayloop.console import out


def report(
    ctx: typer.Context,
    html: Annotated[Path, typer.Option("--html", metavar="FILE", help="Where to write it.")] = Path(
        "clayloop.html"
    ),
) -> None:
    """Write what the dashboard shows as one HTML file."""
    from clayloop.up.services import dashboard_handover
    from dashboards import write_report

    context = context_of(ctx)
    settings = context.settings
    handover = dashboard_handover(settings, context.config, settings.dashboards.port)
    with context.progress.task("Reading Argilla and the releases"):
        trouble = write_report(handover, html)
    for line in trouble:
        context.progress.say(line)
    out.print(f"Written: {html}", markup=False)
