"""bootstrap, reindex: releases without training."""

from __future__ import annotations

from typing import Annotated

import typer

from clayloop.cli.answers import mark_stale
from clayloop.cli.options import JsonFlag, context_of
from clayloop.console import out, print_json


def bootstrap(
    ctx: typer.Context,
    force: Annotated[
        bool, typer.Option("--force", help="Make one although a release is served already.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Make the first release from the base model and the current chunks, with no training."""
    from serving import bootstrap as run

    context = context_of(ctx)
    release = run(context.home, context.corpus(), context.settings.serving, context.progress, force=force)
    if as_json:
        print_json(release)
        return
    out.print(f"Release {release.id} is served: {release.index.rows:,} chunks.", markup=False)
    out.print("Next: `clayloop up` starts the bot that serves it, and Argilla.", markup=False)


def reindex(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """Index the chunks of the last ingest with the served model, without training, and serve that."""
    from serving import reindex as run

    context = context_of(ctx)
    release = run(context.home, context.corpus(), context.settings.serving, context.progress)
    if release is not None:
        mark_stale(context)
    if as_json:
        print_json(release)
    elif release is None:
        out.print("Nothing to do: the served release has exactly these chunks.")
    else:
        out.print(
            f"Release {release.id} is served: {release.index.rows:,} chunks, the model of {release.parent}.",
            markup=False,
        )
