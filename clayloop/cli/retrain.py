"""retrain: also installed as `retrain-from-annotations`."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clayloop.cli.annotation import renew_after
from clayloop.cli.answers import mark_stale
from clayloop.cli.options import context_of
from clayloop.console import check_json_target, out, write_json_to
from clayloop.context import Context
from clayloop.signals import interrupt, on_signals
from curation import ArgillaError, SettingsError, StateError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from curation import DatasetName, Decision
    from training import RetrainOptions, Rung

JsonFile = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Write the summary as JSON; - for stdout.")
]
Force = Annotated[bool, typer.Option("--force", help="Try again although nothing new was annotated.")]
IndexOnly = Annotated[
    bool,
    typer.Option(
        "--index-only",
        help="Bring what was decided into the index of the served model, and train nothing: a few seconds.",
    ),
]
WithoutAnnotator = Annotated[
    list[str] | None,
    typer.Option(
        "--without-annotator",
        metavar="NAME",
        help="As if this annotator (name or user id) had never answered. Repeatable; "
        "training.without_annotators does it for good.",
    ),
]
WithoutRecords = Annotated[
    Path | None,
    typer.Option(
        "--without-records", metavar="FILE", help="As if these records (ids, one a line) were not there."
    ),
]
Since = Annotated[
    datetime | None,
    typer.Option(
        "--since",
        metavar="DATE",
        formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        help="Learn from what was answered then (UTC) or later.",
    ),
]
MaxRecords = Annotated[
    int | None,
    typer.Option("--max-records", min=1, metavar="N", help="Learn from the N records answered last."),
]
Filter = Annotated[
    list[str] | None,
    typer.Option(
        "--filter",
        metavar="CONDITION",
        help="Learn from the records that Argilla finds: 'metadata.source == x', 'status == completed', "
        "'response.is_positive_relevant == yes', or words. Repeatable; all must hold.",
    ),
]
DryRunFlag = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Show what would be learned and dropped; train nothing, and leave the state folder as it is.",
    ),
]

_LEARNED_FROM: tuple[DatasetName, ...] = ("triplets", "conversations")


def retrain(
    ctx: typer.Context,
    json_file: JsonFile = None,
    force: Force = False,
    index_only: IndexOnly = False,
    without_annotator: WithoutAnnotator = None,
    without_records: WithoutRecords = None,
    since: Since = None,
    max_records: MaxRecords = None,
    conditions: Filter = None,
    dry: DryRunFlag = False,
) -> None:
    """Read the annotations back, bring them into the index, train, and serve what is good enough."""
    from curation import parse_condition
    from training import (
        FINE_TUNED,
        INDEX_ONLY,
        RetrainOptions,
        Selection,
        preview,
        render_preview,
    )

    context = context_of(ctx)
    if json_file is not None:
        check_json_target(json_file)
    for condition in conditions or ():
        parse_condition(condition)  # reports a typing error before anything is read
    lasting = context.settings.training.without_annotators
    selection = Selection(
        without_annotators=tuple(dict.fromkeys([*lasting, *(without_annotator or ())])),
        without_records=_ids(without_records),
        since=since.replace(tzinfo=timezone.utc) if since else None,
        max_records=max_records,
        filters=tuple(conditions or ()),
    )
    options = RetrainOptions(
        context.progress, force, INDEX_ONLY if index_only else FINE_TUNED, selection, _finder(context)
    )
    settings = context.settings
    context.progress.say("Reading what annotators decided …")  # the first bar comes when all is loaded
    if dry:
        plan = preview(
            context.home, context.corpus(), settings.training, settings.serving, _reader(context), options
        )
        show(plan, render_preview(plan), json_file)
    else:
        _retrain(context, _reader(context), options, json_file)


def addresses_to_annotate(context: Context) -> dict[str, str]:
    """Where triplets and conversations are annotated; nothing while Argilla does not answer."""
    from curation import dataset_addresses

    with contextlib.suppress(ArgillaError):
        found = dataset_addresses(context.argilla(make_workspace=False), context.settings.curation.argilla)
        return {kind: found[kind] for kind in _LEARNED_FROM if kind in found}
    return {}


def retrain_with(context: Context, decisions: list[Decision] | None, highest: Rung, json_file: Path) -> None:
    """Retrain up to the rung ``highest``, with ``decisions`` that were read already (None: read them)."""
    from training import RetrainOptions, Selection

    lasting = tuple(dict.fromkeys(context.settings.training.without_annotators))
    selection = Selection(without_annotators=lasting)
    options = RetrainOptions(context.progress, highest=highest, selection=selection)
    read = _reader(context) if decisions is None else lambda: decisions
    _retrain(context, read, options, json_file)


def _retrain(
    context: Context, read: Callable[[], list[Decision]], options: RetrainOptions, json_file: Path | None
) -> None:
    """Retrain and tell what came of it. Whoever wrote an answer that a new release has as stale is asked
    again, and what waits in Argilla is put in order by what was learned."""
    from training import render_summary, retrain_from_annotations

    settings = context.settings
    with on_signals(interrupt, signal.SIGTERM):  # who stops a run from the dashboard sends it
        summary = retrain_from_annotations(
            context.home, context.corpus(), settings.training, settings.serving, read, options
        )
    text = render_summary(summary)
    if summary.would_help:
        text += "".join(f"\nAnnotate    {address}" for address in addresses_to_annotate(context).values())
    if summary.release_after:
        mark_stale(context)
        renew_after(context, summary)
    show(summary, text, json_file)  # the last thing: whoever ordered the retrain takes it as done then


def show(result: BaseModel, text: str, json_file: Path | None) -> None:
    """Print the result as text, unless the JSON goes to standard output, and write the JSON where it was
    asked for. The text comes first, so that it is there even if the file cannot be written any more."""
    if str(json_file) != "-":
        out.print(text, markup=False, soft_wrap=True)
    if json_file is None:
        return
    try:
        write_json_to(json_file, result)
    except StateError as error:
        raise StateError(
            f"The summary could not be written, all else is done. {error.message}",
            "The run's summary stands in its run.json (clayloop status), and what is served "
            "in `clayloop releases`.",
        ) from error


def _reader(context: Context) -> Callable[[], list[Decision]]:
    from curation import read_decisions

    argilla = context.settings.curation.argilla
    return lambda: read_decisions(context.argilla(make_workspace=False), argilla, context.progress)


def _finder(context: Context) -> Callable[[Sequence[str]], set[tuple[DatasetName, str]]]:
    from curation import find_matching_records

    argilla = context.settings.curation.argilla
    return lambda filters: find_matching_records(
        context.argilla(make_workspace=False), argilla, filters, _LEARNED_FROM
    )


def _ids(path: Path | None) -> tuple[str, ...]:
    """The ids in a file, one a line. Empty lines and lines that begin with # are skipped."""
    if path is None:
        return ()
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{path} cannot be read: {error}",
            "--without-records wants a text file with one record id a line.",
        ) from error
    ids = [line.strip() for line in lines]
    found = tuple(dict.fromkeys(key for key in ids if key and not key.startswith("#")))
    if not found:
        raise SettingsError(f"{path} names no record.", "--without-records wants one record id a line.")
    return found
