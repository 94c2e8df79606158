"""watch: retrain when it is time, without being asked."""

from __future__ import annotations

import signal
from typing import Annotated

import typer

from clayloop.cli.options import context_of
from clayloop.console import out, undeterred
from clayloop.context import Context


def watch(
    ctx: typer.Context,
    port: Annotated[
        int | None, typer.Option("--port", help="Port for Argilla's calls; default: watch.port.")
    ] = None,
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask the watcher that runs for a retrain now, and return.")
    ] = False,
) -> None:
    """Retrain when enough new decisions were accepted, on a schedule, or when asked; until it is stopped."""
    from training import ask_for_retrain, is_watched

    context = context_of(ctx)
    if ask:
        ask_for_retrain(context.home, "`clayloop watch --ask`")
        if is_watched(context.home):
            out.print("Asked: the watcher retrains as soon as it can.")
        else:
            out.print("Asked, but nobody is watching: it is done when `clayloop watch` is started.")
        return
    _run(context, port)


def _run(context: Context, port: int | None) -> None:
    from clayloop.up.services import this_clayloop
    from clayloop.watch.watcher import Watcher

    settings = context.settings
    if port is not None:
        settings = settings.model_copy(update={"watch": settings.watch.model_copy(update={"port": port})})
    command = [*this_clayloop(settings, context.config), "retrain"]
    say = undeterred(context.progress.say)
    watcher = Watcher(settings, command, say)
    previous = {
        number: signal.signal(number, lambda *_: watcher.stop()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        watcher.run(ready=lambda url: say(f"Watching; listening at {url}"))
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    say("Stopped watching.")
