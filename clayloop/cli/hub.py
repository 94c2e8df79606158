"""publish: what goes to the Hugging Face Hub."""

from __future__ import annotations

import typer

from clayloop.cli import exports

publish = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    help="Push to the Hugging Face Hub: private, unless it is told otherwise.",
)
publish.command("data")(exports.publish_data)
