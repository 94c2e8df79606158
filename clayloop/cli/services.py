"""serve, dashboard, up, status: what runs, and how it is."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from clayloop.cli.language_models import answering_models
from clayloop.cli.options import JsonFlag, context_of
from clayloop.console import err, out, print_json, print_table
from clayloop.context import Context
from curation import without_login


def serve(
    ctx: typer.Context,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="Port; default: serving.bot.port.")
    ] = None,
    no_model: Annotated[
        bool, typer.Option("--no-model", help="Answer with the best passages, without a language model.")
    ] = False,
) -> None:
    """Serve the bot. It switches to a new release by itself."""
    from clayloop.up.services import model_address, silent_servers
    from curation import LanguageModel, Turn
    from serving import ReleaseStore, pull_if_possible, run_bot

    context = context_of(ctx)
    settings = context.settings
    serving = settings.serving
    if port is not None:
        serving = serving.model_copy(update={"bot": serving.bot.model_copy(update={"port": port})})
    store = ReleaseStore(context.home)
    pull_if_possible(store)
    store.current()  # raises when there is none, and says what to do
    shows_model = not no_model and serving.bot.answers != "passages"
    for line in silent_servers(settings, argilla=serving.bot.log_conversations, model=shows_model):
        context.progress.say(line)

    def send(turns: list[Turn]) -> None:
        from curation import connect_to_argilla, log_turns  # a second and more, that nobody waits for here

        argilla = settings.curation.argilla
        client = connect_to_argilla(argilla, context.home)
        log_turns(client, argilla, turns, context.question_embedder, context.corpus)

    with ExitStack() as stack:
        model: LanguageModel | None = None
        if not no_model:
            address = model_address(settings, stack, context.progress.say)
            model = LanguageModel(settings.curation.language_model, address)
        run_bot(
            context.home,
            serving,
            model,
            send if serving.bot.log_conversations else None,
            ready=lambda url: context.progress.say(f"The bot answers at {url}"),
            answering=None if no_model else answering_models(context, stack),
        )


def dashboard(
    ctx: typer.Context,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="Port; default: dashboards.port.")
    ] = None,
) -> None:
    """Serve the maintainers' page: annotation progress, metrics per release, the last runs."""
    from clayloop.up.services import free_port, loop_settings, this_clayloop
    from dashboards import prepare

    context = context_of(ctx)
    wanted = context.settings.dashboards
    # Streamlit's own word for a taken port names no setting.
    key, chosen = ("dashboards.port", wanted.port) if port is None else ("--port", port)
    port = free_port(key, chosen, host=wanted.host)
    wanted = wanted.model_copy(update={"port": port})
    settings, command = context.settings, this_clayloop(context.settings, context.config)
    launch = prepare(context.home.root, wanted, settings.curation.argilla, loop_settings(settings), command)
    context.progress.say(f"Dashboard: {launch.url}")
    os.environ.update(launch.environment)
    os.execv(launch.command[0], launch.command)  # noqa: S606 - becomes Streamlit: signals go straight to it


def up(ctx: typer.Context) -> None:
    """Start Argilla, the model server, the bot and the dashboard; stop them all on Ctrl-C."""
    from clayloop.up.running import running_services

    context = context_of(ctx)
    is_up = False
    try:
        with running_services(context.settings, context.config, context.progress.say) as running:
            print_addresses(context, running.addresses)
            if "bot" not in running.addresses:
                out.print(
                    "The bot starts by itself once there is a release: clayloop ingest …, clayloop bootstrap."
                )
            out.print("Ctrl-C stops everything.")
            is_up = True
            running.wait()
    except KeyboardInterrupt:
        context.progress.say("Everything is stopped.")
        if not is_up:
            raise typer.Exit(130) from None


def print_addresses(context: Context, addresses: dict[str, str]) -> None:
    """Print where each service answers, and Argilla's login."""
    from clayloop.up.services import login

    print_table("", ["service", "address"], [(name, without_login(url)) for name, url in addresses.items()])
    account = login(context.home) if not context.settings.curation.argilla.url else None
    if account:
        out.print(
            f"Argilla's login: {account[0]} / {account[1]}   (kept in "
            f"{context.home.argilla / 'credentials.json'})",
            markup=False,
            soft_wrap=True,
        )


def status(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """Show the corpus, the served release, the last run, and which services answer. Ends with code 1 where
    something is wrong."""
    from clayloop.up.status import read_status

    context = context_of(ctx)
    report: dict[str, Any] = read_status(context.settings)
    problems: list[str] = report["problems"]
    if as_json:
        print_json(report)
    else:
        _show_status({name: values for name, values in report.items() if name != "problems"})
        for problem in problems:
            err.print(f"[bold red]Problem:[/] {escape(problem)}", soft_wrap=True)
    if problems:
        raise typer.Exit(1)


def _show_status(report: dict[str, Any]) -> None:
    rows: list[tuple[str, str]] = []
    for section, values in report.items():
        if isinstance(values, dict):
            rows.extend(
                (f"{section} {name}".replace("_", " "), _shown(value)) for name, value in values.items()
            )
        else:
            rows.append((section.replace("_", " "), _shown(values)))
    print_table("", ["", ""], rows)


def _shown(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, Path):
        return str(value)
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
