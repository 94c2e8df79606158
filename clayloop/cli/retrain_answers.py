"""retrain-answers: the language model that writes the bot's answers learns from what people said of them."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clayloop.cli.language_models import GGUF, open_model
from clayloop.cli.options import context_of
from clayloop.cli.retrain import DryRunFlag, JsonFile, show
from clayloop.console import check_json_target
from clayloop.context import Context
from clayloop.up.model_server import find_gguf
from curation import SettingsError

if TYPE_CHECKING:
    from training import AnsweringContext


def retrain_answers(
    ctx: typer.Context,
    candidate: Annotated[
        str,
        typer.Option(
            "--candidate",
            metavar="MODEL",
            help="Train nothing, and judge this model: a GGUF file, an endpoint's address, or a name at the "
            "configured endpoint.",
        ),
    ] = "",
    json_file: JsonFile = None,
    force: Annotated[
        bool, typer.Option("--force", help="Try again although nothing new was decided.")
    ] = False,
    dry: DryRunFlag = False,
) -> None:
    """Train the language model on accepted answers, and serve it if it is surely better."""
    from training import retrain_answers as work

    context = context_of(ctx)
    if json_file is not None:
        check_json_target(json_file)
    if not candidate:
        _base(context)
    elif candidate.endswith(GGUF):
        find_gguf(candidate)
    with ExitStack() as stack:
        summary = work(answering_context(context, stack), _datasets(context), candidate, force, dry)
    lines = [
        summary.verdict,
        f"To learn from {summary.accepted_answers} accepted answers, {summary.preferences} preferences; "
        f"{summary.leaks_left_out} left out that ask what a held-out question asks",
        f"Held out      {summary.held_out_questions} questions with an accepted answer",
    ]
    if summary.evaluation is not None:
        lines.append(f"Evaluation    {context.home.answering / 'evaluation.json'}")
    if summary.candidate and not summary.served:
        lines.append(f"Candidate     {summary.candidate}")
        lines.append("              `clayloop generations --model A --model B` lets people compare.")
    if summary.release:
        lines.append(f"Release       {summary.release}{' is served now' if summary.served else ''}")
    if summary.release and summary.evaluation is not None:
        lines += _advice(summary.writes, summary.evaluation.beats_passages)
    show(summary, "\n".join(lines), json_file)


def _advice(writes: bool, beats: bool) -> list[str]:
    """Whether the bot should let the new model write, where it does otherwise."""
    if writes and beats:
        return []
    more = "surely says more" if beats else "does not surely say more"
    if beats:
        does = 'to let it write, set serving.bot.answers = "model".'
    elif writes:
        does = 'with serving.bot.answers = "passages" the bot shows those.'
    else:
        does = "the bot goes on to show those."
    return [f"This model {more} of what was accepted than the sentences marked in the passages: {does}"]


def answering_context(context: Context, stack: ExitStack) -> AnsweringContext:
    """What a candidate is made with: models run for as long as the ``stack`` is open."""
    from serving import ReleaseStore
    from training import AnsweringContext

    release = ReleaseStore(context.home).current()
    return AnsweringContext(
        context.home,
        context.settings.training,
        context.settings.serving,
        lambda name: open_model(context, name, stack, release),
        lambda: _base(context),
        context.progress,
    )


def _datasets(context: Context) -> list[Any]:
    """The datasets of `clayloop generations` that are there. Corrections come with the release."""
    client, argilla = context.argilla(make_workspace=False), context.settings.curation.argilla
    names = (argilla.generations, argilla.preferences)
    found = [client.datasets(name, workspace=argilla.workspace) for name in names]
    return [one for one in found if one is not None]


def _base(context: Context) -> Path:
    own = context.settings.curation.language_model
    if own.base_url and not own.gguf:
        raise SettingsError(
            "The bot asks an endpoint, and this machine has no file of that model to train.",
            "Train it where it is served and give --candidate ADDRESS (docs/trainer.md), or set gguf under "
            "[curation.language_model] to a file of the architecture llama.",
        )
    return find_gguf(own.gguf)
