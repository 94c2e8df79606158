"""releases canary: let visitors judge a candidate before all get it."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated

import typer

from clayloop.cli.options import JsonFlag, context_of
from clayloop.console import out, print_json, print_table
from clayloop.context import Context
from curation import SettingsError, StateError

if TYPE_CHECKING:
    from serving import ReleaseStore
    from training import CanaryReport


def canary(
    ctx: typer.Context,
    release: Annotated[str | None, typer.Argument(metavar="[ID]", help="Begin with this release.")] = None,
    share: Annotated[
        float | None, typer.Option("--share", min=0.001, max=0.5, help="Of the conversations (0.1).")
    ] = None,
    interleave: Annotated[
        bool,
        typer.Option("--interleave", help="Mix both releases' passages: what is opened or liked is a vote."),
    ] = False,
    binding: Annotated[
        bool, typer.Option("--binding", help="Promote it only while visitors do not surely like it less.")
    ] = False,
    off: Annotated[bool, typer.Option("--off", help="End it: the served release answers all.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Let a candidate answer a share of the conversations; without an ID, show what their visitors say.

    A conversation stays with its release. Running bots follow within a second. Promote it to end it well.
    """
    from serving import Canary, ReleaseStore

    context = context_of(ctx)
    store = ReleaseStore(context.home)
    of_a_beginning = {"--share": share is not None, "--interleave": interleave, "--binding": binding}
    given = [name for name, is_given in of_a_beginning.items() if is_given]
    if off and (release is not None or given):
        begins = [*(["an ID"] if release is not None else []), *given]
        raise SettingsError(
            f"--off ends the canary, and {' and '.join(begins)} begin{'s' * (len(begins) == 1)} one.",
            "Give --off alone, or leave it out. A canary that runs is replaced by the next one.",
        )
    if given and release is None:
        raise SettingsError(
            f"{' and '.join(given)} without the ID of a release begins nothing.",
            "Name the release: `clayloop releases` lists them.",
        )
    if off:
        store.marks.set_canary(None)
        out.print("No canary: the served release answers all conversations.")
    elif release is not None:
        now = datetime.now(timezone.utc)
        wanted = Canary(
            release=release, share=share or 0.1, since=now, interleave=interleave, binding=binding
        )
        store.begin_canary(wanted)
        out.print(f"{release} {wanted.does} {wanted.share:.0%} of the conversations.", markup=False)
    else:
        found = _report(context, store)
        if as_json:
            print_json(found)
        else:
            _show(found)


def _report(context: Context, store: ReleaseStore) -> CanaryReport:
    from training import read_canary

    running = store.marks.read().canary
    if running is None:
        raise StateError("No canary is running.", "`clayloop releases canary ID --share 0.1` begins one.")
    client = context.argilla(make_workspace=False)
    return read_canary(client, context.settings.curation.argilla, running, store.current().id)


def _show(found: CanaryReport) -> None:
    rows = zip(("canary", "served"), (found.canary, found.served), found.refused, found.liked, strict=True)
    print_table(
        "Since the canary began",
        ["", "release", "asked", "refused", "thumbs up", "thumbs down", "of them up"],
        [
            (
                name,
                one.release,
                one.asked,
                refused and refused.percent,
                one.up,
                one.down,
                liked and liked.percent,
            )
            for name, one, refused, liked in rows
        ],
    )
    out.print(found.words)
