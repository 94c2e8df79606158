"""answers, gaps: what people wrote that the bot should have answered, and what the documentation lacks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clayloop.cli.options import JsonFlag, context_of
from clayloop.console import out, print_json, print_table, shortened
from clayloop.context import Context
from curation import ClayloopError, write_text

if TYPE_CHECKING:
    from serving import ListedAnswer

_Id = Annotated[str, typer.Argument(metavar="ID", help="The record's id, or the start of it.")]
_SHOWN = 80  # characters of a question or an answer in the table

answers = typer.Typer()


@answers.callback(invoke_without_command=True)
def list_all(
    ctx: typer.Context,
    as_json: JsonFlag = False,
    export: Annotated[
        Path | None, typer.Option("--export", metavar="FILE", help="Write them as JSON lines.")
    ] = None,
) -> None:
    """List the answers that people wrote, served or not and why; switch one off or on."""
    if ctx.invoked_subcommand is not None:
        return
    found = _answers(context_of(ctx))
    rows = [one.model_dump(mode="json") for one in found]
    if export is not None:
        write_text(export, "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), mode=0o600)
        out.print(f"{len(rows):,} answers are in {export}.", markup=False)
    elif as_json:
        print_json(rows)
    elif not found:
        out.print("Nobody has written an answer that the served release knows.")
    else:
        print_table(
            "",
            ["id", "question and answer", "by", "state"],
            [
                (
                    one.record_id[:8],
                    "\n".join([shortened(one.question, _SHOWN), shortened(one.text, _SHOWN), *_sources(one)]),
                    f"{one.role}\n{one.at:%Y-%m-%d}" if one.at else one.role,
                    "\n".join(filter(None, [f"{one.fate}, stale" if one.stale else one.fate, one.why])),
                )
                for one in found
            ],
        )


def _sources(answer: ListedAnswer) -> list[str]:
    return [f"from {source.url or source.place}" for source in answer.sources]


@answers.command()
def off(ctx: typer.Context, record: _Id) -> None:
    """Do not serve this answer any more, from the next round on."""
    _switch(context_of(ctx), record, on=False)


@answers.command()
def on(ctx: typer.Context, record: _Id) -> None:
    """Serve this answer again, from the next round on."""
    _switch(context_of(ctx), record, on=True)


def gaps(
    ctx: typer.Context,
    most: Annotated[int, typer.Option("--most", min=1, help="How many gaps.")] = 20,
    as_json: JsonFlag = False,
) -> None:
    """Report what the documentation lacks: questions without a good source, like ones together."""
    from serving import LINEAGE_FILE, ReleaseStore, find_gaps, open_questions

    context = context_of(ctx)
    store = ReleaseStore(context.home)
    questions = open_questions(store.folder(store.current().id) / LINEAGE_FILE)
    found = find_gaps(questions, lambda texts: context.base_embedder.queries(texts)) if questions else []
    if as_json:
        print_json(found[:most])
    elif not found:
        out.print("Nobody has judged a question that the documentation does not answer.")
    else:
        print_table(
            f"{len(questions):,} questions without a good source",
            ["questions", "for example", "how it showed"],
            [
                (
                    gap.questions,
                    "\n".join(shortened(text, _SHOWN) for text in gap.examples),
                    "\n".join(f"{count} × {lack}" for lack, count in gap.lacks.items()),
                )
                for gap in found[:most]
            ],
        )


def mark_stale(context: Context) -> None:
    """Ask again in Argilla about the answers whose source has changed. It must not cost what was done
    before."""
    from curation import mark_stale_answers
    from serving import ReleaseStore, read_answers

    try:
        store = ReleaseStore(context.home)
        known = read_answers(store.folder(store.current().id))
        if not known:
            return
        stale = {one.record_id for one in known if one.is_stale}
        client = context.argilla(make_workspace=False)
        mark_stale_answers(client, context.settings.curation.argilla, stale)
    except ClayloopError as error:
        context.progress.say(f"Stale answers could not be marked in Argilla: {error.message}")
        return
    if stale:
        context.progress.say(
            f"{len(stale)} answers are older than what the documentation says now: filter conversations by "
            "Metadata, Correction: stale or not, stale."
        )


def _answers(context: Context) -> list[ListedAnswer]:
    from serving import ReleaseStore, list_answers

    return list_answers(ReleaseStore(context.home), context.home)


def _switch(context: Context, record: str, on: bool) -> None:
    from serving import find_answer, switch

    found = find_answer(_answers(context), record)
    how = "on" if on else "off"
    if switch(context.home, found, on):
        out.print(
            f"{found} is {how}: the next round brings it (clayloop retrain --index-only).", markup=False
        )
    else:
        out.print(f"{found} was {how} already.", markup=False)
