"""push, simulate: what annotators see, and the simulated one."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Annotated

import typer

from clayloop.cli.options import JsonFlag, context_of
from clayloop.console import out, print_json, print_table
from clayloop.context import Context
from curation import ClayloopError

if TYPE_CHECKING:
    import argilla as rg

    from curation import Scorers
    from training import RetrainSummary


def push(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """Create or update the datasets in Argilla: chunks, triplets, conversations."""
    from curation import PushOptions, load_triplets, push_to_argilla

    context = context_of(ctx)
    corpus = context.corpus()
    triplets = load_triplets(context.home)
    client = context.argilla()
    context.progress.say(f"Bringing {len(corpus.chunks):,} chunks, {len(triplets):,} triplets to Argilla …")
    options = PushOptions(context.progress, learned_scorers(context))
    report = push_to_argilla(
        client, context.settings.curation.argilla, corpus, triplets, context.base_embedder, options
    )
    waiting = _put_to_reviewers(context, client)
    if as_json:
        print_json(report)
        return
    if waiting:
        reviewed = context.settings.curation.argilla.adjudication
        context.progress.say(f"{waiting} questions wait for a reviewer in {reviewed}.")
    if not triplets:
        context.progress.say("There are no triplets yet: make some with `clayloop synthesize`.")
    counts = attrgetter("name", "added", "updated", "unchanged", "retired", "removed")
    columns = ["dataset", "new", "updated", "unchanged", "retired", "removed"]
    print_table("", columns, [*map(counts, report.datasets)])
    out.print(
        "Next: `clayloop annotators add NAME` lets somebody in, `list` has the addresses.", markup=False
    )


def _put_to_reviewers(context: Context, client: rg.Argilla) -> int:
    """What annotators left open, where a reviewer is to decide."""
    from curation import push_adjudication, read_decisions

    settings = context.settings.curation.argilla
    if settings.acceptance != "adjudicated":
        return 0
    return push_adjudication(client, settings, read_decisions(client, settings, context.progress))


def renew_after(context: Context, summary: RetrainSummary) -> None:
    """Put what waits in Argilla in order by what the new release learned, if it learned anything: a model,
    or what annotators say. It must not cost the retrain."""
    from curation import renew_queue
    from serving import model_name
    from training import FINE_TUNED

    scorers = learned_scorers(context, summary.release_after)
    if summary.rung != FINE_TUNED and scorers == learned_scorers(context, summary.release_before):
        return
    settings = context.settings
    try:
        client = context.argilla(make_workspace=False)
        model = model_name(settings.serving.embedding.model)
        with context.progress.task("Renewing the queue in Argilla"):
            changed = renew_queue(client, settings.curation.argilla, scorers, model)
    except ClayloopError as error:
        context.progress.say(f"The queue in Argilla was not renewed (clayloop push does): {error.message}")
        return
    context.progress.say(f"The queue in Argilla was renewed: {changed} changes.")


def learned_scorers(context: Context, release: str | None = None) -> Scorers:
    """What ``release`` (by default the served one) learned about annotators' answers; nothing before there is
    one."""
    from curation import SUGGESTIONS_FOLDER, load_scorers
    from serving import ReleaseStore

    store = ReleaseStore(context.home)
    try:
        return load_scorers(store.folder(release or store.current().id) / SUGGESTIONS_FOLDER)
    except ClayloopError as error:
        context.progress.say(f"Suggestions as before anybody annotated: {error.message}")
        return {}


def simulate(
    ctx: typer.Context,
    limit: Annotated[
        int, typer.Option("--limit", min=1, help="Most records to answer in each dataset.")
    ] = 1_000_000,
    as_json: JsonFlag = False,
) -> None:
    """Let the *simulated* annotator answer pending records by its documented rule. For trying things out."""
    from curation import DATASETS, annotate_as_simulated

    context = context_of(ctx)
    report = annotate_as_simulated(
        context.argilla(),
        context.settings.curation.argilla,
        context.corpus(),
        context.base_embedder,
        dict.fromkeys(DATASETS, limit),
        context.progress,
    )
    if as_json:
        print_json(report)
        return
    columns = ["dataset", "submitted", "accepted", "rejected"]
    print_table(f"Answered as {report.annotator}", columns, [*map(attrgetter(*columns), report.datasets)])
