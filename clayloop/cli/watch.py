"""watch: retrain when it is time, without being asked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clayloop.cli.options import context_of
from clayloop.cli.retrain import retrain_with
from clayloop.console import out, undeterred
from clayloop.context import Context
from clayloop.settings import CONFIG_NAME, find_config
from clayloop.signals import on_signals


def watch(
    ctx: typer.Context,
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65535, help="Port for Argilla's calls; default: watch.port."),
    ] = None,
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask the watcher that runs for a retrain now, and return.")
    ] = False,
) -> None:
    """Retrain when enough new decisions were accepted, on a schedule, or when asked; until it is stopped."""
    from dashboards import ask_for_retrain, is_watched

    context = context_of(ctx)
    if ask:
        ask_for_retrain(context.home, "`clayloop watch --ask`")
        if is_watched(context.home):
            out.print("Asked: the watcher retrains as soon as it can.")
        else:
            out.print("Asked, but nobody is watching: it is done when `clayloop watch` is started.")
        return
    _run(context, port)


def retrain_when_told(ctx: typer.Context) -> None:
    """Load what a retrain needs, wait for the watcher's orders, and retrain."""
    from clayloop.watch.order import decisions_of, wait_for_order, warm_up

    context = context_of(ctx)
    warm_up(context)
    while (order := wait_for_order()) is not None:
        retrain_with(context, decisions_of(order), order.highest, order.summary)
        if not order.stays:
            return


def _run(context: Context, port: int | None) -> None:
    from clayloop.up.services import this_clayloop
    from clayloop.watch.watcher import Watcher

    settings = context.settings
    if port is not None:
        settings = settings.model_copy(update={"watch": settings.watch.model_copy(update={"port": port})})
    command = [*this_clayloop(settings, context.config), "retrain-when-told"]
    say = undeterred(context.progress.say)
    config = find_config(context.config) or Path(CONFIG_NAME)
    watcher = Watcher(settings, command, say, config.absolute())
    with on_signals(lambda *_: watcher.stop()):
        watcher.run(ready=lambda url: say(f"Watching; listening at {url}"))
    say("Stopped watching.")
