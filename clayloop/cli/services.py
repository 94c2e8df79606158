"""serve, dashboard, up, status: what runs, and how it is."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from functools import partial
from typing import Annotated, Any

import typer
from rich.markup import escape

from clayloop.cli.language_models import answering_models
from clayloop.cli.options import JsonFlag, context_of
from clayloop.console import err, out, print_json, print_table
from clayloop.context import Context
from curation import ClayloopError, without_login


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
        # A second and more, that nobody waits for here.
        from curation import Corpus, connect_to_argilla, log_turns

        argilla = settings.curation.argilla
        client = connect_to_argilla(argilla, context.home)
        embedder = context.base_embedder.embedder
        # The documents as they are here: a bot fetches none.
        log_turns(client, argilla, turns, embedder, partial(Corpus.load, context.home))

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
    from clayloop.up.services import dashboard_handover, free_port
    from dashboards import prepare

    context = context_of(ctx)
    wanted = context.settings.dashboards
    # Streamlit's own word for a taken port names no setting.
    key, chosen = ("dashboards.port", wanted.port) if port is None else ("--port", port)
    port = free_port(key, chosen, host=wanted.host)
    launch = prepare(dashboard_handover(context.settings, context.config, port))
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
    from clayloop.up.running import is_starting
    from clayloop.up.status import next_step, read_status

    context = context_of(ctx)
    report: dict[str, Any] = read_status(context.settings)
    problems: list[str] = report["problems"]
    if as_json:
        print_json(report)
    else:
        _show_status(report, is_starting(context.home))
        for problem in problems:
            err.print(f"[bold red]Problem:[/] {escape(problem)}", soft_wrap=True)
        with suppress(ClayloopError, OSError):  # what cannot be read was told as a problem
            out.print(f"Next: {next_step(context.settings)}", markup=False, soft_wrap=True)
    if problems:
        raise typer.Exit(1)


_LABELS = {
    "home": "State folder",
    "corpus": "Documents",
    "release": "Release served",
    "last_run": "Last retrain",
    "outbox": "Turns not yet in Argilla",
    "shared": "Object store",
    "disk": "Free disk",
}
_SERVICES = {
    "argilla": "Argilla",
    "model": "Language model",
    "bot": "Bot",
    "dashboard": "Dashboard",
    "watch": "Watcher",
}


def _show_status(report: dict[str, Any], is_starting: bool) -> None:
    rows = [(label, _told(name, report[name])) for name, label in _LABELS.items() if report[name] != {}]
    rows += [(_SERVICES.get(name, name), told) for name, told in report["services"].items()]
    if is_starting:
        rows.append(("Services", "clayloop up is starting; those that answer already stand here"))
    elif not report["services"]:
        rows.append(("Services", "none runs (clayloop up)"))
    print_table("", ["", ""], rows)


def _told(name: str, value: Any) -> str:
    """A section of the report in words."""
    if not isinstance(value, dict):
        return str(value)
    if "problem" in value:
        return str(value["problem"])
    if name == "corpus":
        return ", ".join(f"{count:,} {what}" for what, count in value.items())
    if name == "release":
        return _release(value) if value["served"] else "none yet"
    if name == "last_run":
        if "at_work" in value:
            return f"{value['run']} is at work: {value['at_work']}"
        parts = (value["run"], value.get("verdict") or value.get("outcome"))
        return ": ".join(str(part) for part in parts if part) or "none yet"
    if name == "outbox":
        return f"{value['pending']:,}"
    if name == "shared":
        return f"{value['url']}, answers"
    return f"{value['free_mb'] / 1000:,.1f} GB"


def _release(value: dict[str, Any]) -> str:
    score = f", NDCG@10 {value['ndcg@10']:.3f}" if "ndcg@10" in value else ""
    marks = ", pinned" if value.get("pinned") else ""
    marks += f"; {value['canary']} is its canary" if "canary" in value else ""
    return f"{value['served']}, made {value['made']}, {value['chunks']:,} chunks{score}{marks}"
