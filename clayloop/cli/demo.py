"""demo: the whole loop, once, in minutes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from clayloop.cli.options import context_of
from clayloop.console import check_json_target, out, write_json_to


def demo(
    ctx: typer.Context,
    source: Annotated[str, typer.Option("--source", help="What to ingest.")] = "pypi:distilabel",
    sample: Annotated[
        int, typer.Option("--sample", min=1, help="Chunks that queries are generated for.")
    ] = 6,
    leave: Annotated[bool, typer.Option("--exit", help="Stop everything at the end.")] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write what was measured.")
    ] = None,
) -> None:
    """Turn the whole loop once: ingest, synthesize, push, ask, annotate (simulated), retrain, ask again."""
    from clayloop.cli.retrain import addresses_to_annotate
    from clayloop.cli.services import print_addresses
    from clayloop.demo.loop import Demo
    from clayloop.demo.needs import load_needs
    from clayloop.demo.summary import print_report
    from clayloop.up.running import supervised
    from clayloop.up.services import check_parts, check_servers

    context = context_of(ctx)
    if json_file is not None:
        check_json_target(json_file)
    check_parts(context.settings)
    check_servers(context.settings)
    is_done = False
    try:
        with supervised(context.settings, context.config, context.progress.say, any_port=True) as running:
            report = Demo(context, running, source, sample, load_needs()).turn()
            if json_file is not None:
                write_json_to(json_file, report.as_json())
            print_report(report)
            is_done = True
            if leave:
                return
            print_addresses(context, running.addresses)
            out.print(
                "For you to annotate (docs/annotators.md), triplets that are left, and what you ask the bot:",
                markup=False,
            )
            for dataset, address in addresses_to_annotate(context).items():
                out.print(f"  {dataset}  {address}", markup=False, soft_wrap=True)
            retrain = Path(sys.executable).with_name("retrain-from-annotations")
            out.print(
                f"Then, in another terminal: {retrain} --index-only  (seconds; it trains no model)",
                markup=False,
                soft_wrap=True,
            )
            out.print("Ctrl-C stops everything.")
            running.wait()
    except KeyboardInterrupt:
        context.progress.say("Everything is stopped.")
        if not is_done:
            raise typer.Exit(130) from None
