"""The application: global options, the commands, and how errors leave the program."""

from __future__ import annotations

import errno
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, cast

import typer

import clayloop
from clayloop.cli import (
    agreement,
    annotation,
    annotators,
    answers,
    calibrating,
    chunking,
    demo,
    documents,
    explain,
    exports,
    generations,
    hub,
    indexing,
    models,
    moving,
    releases,
    reporting,
    retrain,
    retrain_answers,
    searching,
    services,
    train,
    version1,
    watch,
)
from clayloop.console import err, print_error
from clayloop.context import Context
from curation import ClayloopError, StateError, shortage

_AGAIN = "Stopped. Nothing was changed; run it again."
_GOES_ON = "Stopped. What is done is kept; run it again, and it goes on from there."
_STEPS_KEPT = "Stopped. Finished steps are kept; run it again to do the rest."
_STOPPED = {
    **dict.fromkeys(("ingest", "bootstrap", "reindex"), _AGAIN),
    **dict.fromkeys(("synthesize", "push", "generations"), _GOES_ON),
    "retrain": _STEPS_KEPT,
}
_FIRST_USED = (
    *("init", "demo", "up", "status"),
    *("ingest", "bootstrap", "synthesize", "push", "annotators", "retrain", "watch", "reindex"),
)


def _stopped(command: str | None) -> typer.Exit:
    """The end by Ctrl-C: said is what became of the command's work."""
    err.print(_STOPPED.get(command or "", "Stopped."))
    return typer.Exit(130)


class _Commands(typer.core.TyperGroup):
    """Lists what a newcomer needs first in the order in which it is used."""

    def list_commands(self, ctx: Any) -> list[str]:
        known = super().list_commands(ctx)
        return [*_FIRST_USED, *(name for name in known if name not in _FIRST_USED)]

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise _stopped(ctx.invoked_subcommand) from None


app = typer.Typer(
    cls=_Commands,
    name="clayloop",
    help="Documentation in, annotations in, a better bot out.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    add_completion=False,
)

_Config = Annotated[
    Path | None, typer.Option("--config", help="Settings file (default: ./clayloop.toml if it is there).")
]
_Home = Annotated[
    Path | None, typer.Option("--home", help="State folder (default: CLAYLOOP_HOME, else .clayloop).")
]

_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EFBIG)
_START = "Start here"
_LOOP = "Turn the loop"
_SERVE = "Serve and watch"
_ANY = "Beside the loop"

app.command(rich_help_panel=_START)(documents.init)
app.command(rich_help_panel=_START)(demo.demo)
app.command(rich_help_panel=_START)(services.up)
app.command(rich_help_panel=_START)(services.status)
app.command(rich_help_panel=_LOOP)(documents.ingest)
app.command(rich_help_panel=_LOOP)(documents.drop)
app.command(rich_help_panel=_LOOP)(documents.synthesize)
app.command(rich_help_panel=_LOOP)(annotation.push)
app.command(rich_help_panel=_LOOP)(annotation.simulate)
app.add_typer(annotators.annotators, name="annotators", rich_help_panel=_LOOP)
app.command(rich_help_panel=_LOOP)(agreement.agreement)
app.command(rich_help_panel=_LOOP)(agreement.decisions)
app.command(rich_help_panel=_LOOP)(agreement.queue)
app.command(rich_help_panel=_LOOP)(generations.generations)
app.command(rich_help_panel=_LOOP)(calibrating.calibrate)
app.command(rich_help_panel=_LOOP)(retrain.retrain)
app.command(rich_help_panel=_LOOP)(retrain_answers.retrain_answers)
app.command(rich_help_panel=_LOOP)(watch.watch)
app.command(hidden=True)(watch.retrain_when_told)
app.command(rich_help_panel=_LOOP)(indexing.bootstrap)
app.command(rich_help_panel=_LOOP)(indexing.reindex)
app.command(rich_help_panel=_ANY)(train.train)
app.command(rich_help_panel=_ANY)(exports.export)
app.add_typer(hub.publish, name="publish", rich_help_panel=_ANY)
app.add_typer(hub.fetch, name="fetch", rich_help_panel=_ANY)
app.command(rich_help_panel=_ANY)(hub.space)
app.command("import-v1", rich_help_panel=_ANY)(version1.import_v1)
app.add_typer(moving.argilla, name="argilla", rich_help_panel=_ANY)
app.command(rich_help_panel=_SERVE)(explain.explain)
app.add_typer(answers.answers, name="answers", rich_help_panel=_SERVE)
app.command(rich_help_panel=_SERVE)(answers.gaps)
app.add_typer(releases.releases, name="releases", rich_help_panel=_SERVE)
app.command(rich_help_panel=_SERVE)(searching.search)
app.command(rich_help_panel=_SERVE)(searching.evaluate)
app.command(rich_help_panel=_ANY)(chunking.chunk)
app.add_typer(models.models, name="models", rich_help_panel=_ANY)
app.command(rich_help_panel=_SERVE)(services.serve)
app.command(rich_help_panel=_SERVE)(services.dashboard)
app.command(rich_help_panel=_SERVE)(reporting.report)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"clayloop {clayloop.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    ctx: typer.Context,
    config: _Config = None,
    home: _Home = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show what happens inside.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    _start_logging(verbose)
    ctx.obj = Context(config, home)


def main() -> None:
    """Run `clayloop`; never returns."""
    _run(app)


def retrain_main() -> None:
    """Run `retrain-from-annotations`; never returns."""
    _run(retrain_alone())


def retrain_alone() -> typer.core.TyperCommand:
    """`clayloop retrain` as a program of its own: the global options stand among its others."""
    group = typer.main.get_group(app)
    command = cast(typer.core.TyperCommand, group.commands["retrain"])
    set_up, work = cast(Callable[..., object], group.callback), cast(Callable[..., object], command.callback)

    def both(**given: object) -> None:
        set_up(**{option.name or "": given.pop(option.name or "") for option in group.params})
        try:
            work(**given)
        except KeyboardInterrupt:
            raise _stopped("retrain") from None

    command.name, command.callback = "retrain-from-annotations", both
    command.params += group.params
    return command


def _run(command: Callable[[], object]) -> None:
    # Said before any of it is imported: nothing that we use phones home, and torch's threads sleep while they
    # wait. Threads that spin take the cores from other processes: beside one busy neighbour embedding falls
    # from 94 to 30 texts/s, and to 49 with sleeping threads, which cost 4 to 7% on a quiet machine.
    for name, value in {
        "OMP_WAIT_POLICY": "PASSIVE",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "GRADIO_ANALYTICS_ENABLED": "False",
        "TOKENIZERS_PARALLELISM": "false",
        "DO_NOT_TRACK": "1",
    }.items():
        os.environ.setdefault(name, value)
    os.umask(0o077)  # the state folder holds people's conversations
    try:
        command()
    except ClayloopError as error:
        print_error(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        err.print("Stopped.")
        sys.exit(130)
    except Exception as error:
        lack = _unwritable(error) or shortage(error, "this command", "run it again")
        if lack is None:
            raise
        print_error(lack)
        sys.exit(lack.exit_code)


def _unwritable(error: Exception) -> StateError | None:
    """What to say of a file that cannot be written; None of any other error."""
    if not isinstance(error, OSError) or error.errno not in _UNWRITABLE:
        return None
    return StateError(
        f"Cannot write {error.filename or 'to the disk'}: {error.strerror}",
        "Check the free space (df) and permissions. What is served was not touched.",
    )


def _start_logging(verbose: bool) -> None:
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    if not verbose:
        for noisy in ("httpx", "httpcore", "argilla", "distilabel", "sentence_transformers", "transformers"):
            logging.getLogger(noisy).setLevel(logging.ERROR)
