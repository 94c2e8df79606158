"""push, simulate: what annotators see, and the simulated one."""

from __future__ import annotations

from typing import Annotated

import typer

from clayloop.cli.context import JsonFlag, of
from clayloop.console import print_json, print_table


def push(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """Create or update the datasets in Argilla: chunks, triplets, conversations."""
    from curation.annotation import push as run
    from curation.triplets import load_triplets

    context = of(ctx)
    corpus = context.corpus()
    triplets = load_triplets(context.home)
    client = context.argilla()
    report = run(
        client, context.settings.curation.argilla, corpus, triplets, context.base_embedder, context.progress
    )
    if as_json:
        print_json(report.model_dump(mode="json"))
        return
    if not triplets:
        context.progress.say("There are no triplets yet: make some with `clayloop synthesize`.")
    print_table("", ["pushed", ""], list(report.model_dump(mode="json").items()))


def simulate(
    ctx: typer.Context,
    limit: Annotated[
        int, typer.Option("--limit", min=0, help="Most records to answer in each dataset; 0: all.")
    ] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Let the *simulated* annotator answer pending records by its documented rule. For trying things out."""
    from curation.annotation import annotate_as_simulated

    context = of(ctx)
    report = annotate_as_simulated(
        context.argilla(),
        context.home,
        context.settings.curation.argilla,
        context.corpus(),
        context.base_embedder,
        limit or None,
        context.progress,
    )
    if as_json:
        print_json(report.model_dump(mode="json"))
        return
    print_table("", ["simulated annotator", ""], list(report.model_dump(mode="json").items()))
