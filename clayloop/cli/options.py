"""What several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from clayloop.context import Context

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON on stdout instead of a table.")]


def context_of(ctx: typer.Context) -> Context:
    """The context of a running command."""
    found = ctx.find_object(Context)
    assert found is not None  # noqa: S101 - set by the callback before any command runs
    return found
