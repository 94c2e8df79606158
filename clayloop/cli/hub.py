"""publish, fetch, space: what goes to the Hugging Face Hub, and comes from there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clayloop.cli import exports
from clayloop.cli.exports import Public, Repo
from clayloop.cli.options import JsonFlag, context_of
from clayloop.console import out, print_json

publish = typer.Typer(
    no_args_is_help=True, help="Push to the Hugging Face Hub: private, unless it is told otherwise."
)
fetch = typer.Typer(no_args_is_help=True, help="Fetch from the Hugging Face Hub.")
publish.command("data")(exports.publish_data)


@publish.command("release")
def publish_release(
    ctx: typer.Context,
    repo: Repo,
    release: Annotated[
        str | None, typer.Option("--release", help="A release's id; default: the served one.")
    ] = None,
    public: Public = False,
    as_json: JsonFlag = False,
) -> None:
    """Push a release: model, index (lancedb.tar.gz), record and card. Who taught it what stays here."""
    from curation import HubRepo
    from serving import ReleaseStore, publish_release as run

    store = ReleaseStore(context_of(ctx).home)
    shipped, address = run(store, release, HubRepo(repo, "model", private=not public))
    if as_json:
        print_json({"release": shipped.id, "address": address, "private": not public})
    else:
        out.print(f"Published at {address} as {shipped.id}.", markup=False, soft_wrap=True)


@fetch.command("release")
def fetch_release(
    ctx: typer.Context,
    repo: Repo,
    revision: Annotated[
        str | None, typer.Option("--revision", help="A commit or branch; default: the newest.")
    ] = None,
    promote: Annotated[bool, typer.Option("--promote", help="Serve it at once.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Fetch a release that was published. Every file is checked before it is there."""
    from curation import HubRepo
    from serving import ReleaseStore, fetch_release as run

    store = ReleaseStore(context_of(ctx).home)
    release = run(store, HubRepo(repo, "model"), revision)
    if promote:
        store.promote(release.id)
    if as_json:
        print_json(release)
        return
    out.print(
        f"{release.id} is served."
        if promote
        else f"{release.id} is here. `clayloop releases promote {release.id}` serves it.",
        markup=False,
        soft_wrap=True,
    )


def space(
    ctx: typer.Context,
    release_repo: Annotated[
        str, typer.Argument(metavar="OWNER/RELEASE", help="What `clayloop publish release` filled.")
    ],
    target: Annotated[Path, typer.Option("--folder", help="Where the Space's files are written.")] = Path(
        "space"
    ),
    push: Annotated[
        str | None, typer.Option("--push", metavar="OWNER/SPACE", help="Push it to the Hub, too.")
    ] = None,
    public: Public = False,
    as_json: JsonFlag = False,
) -> None:
    """Write a Hugging Face Space that serves a published release, and push it if that is wanted."""
    from clayloop.space.writing import write_space
    from curation import HubRepo, push_folder

    context = context_of(ctx)
    written = write_space(target, release_repo, context.settings.serving.bot.title, push or "OWNER/SPACE")
    address = None
    if push is not None:
        address = push_folder(HubRepo(push, "space", private=not public), target, "Made by clayloop space")
    if as_json:
        print_json({"folder": str(target), "files": written, "address": address})
        return
    out.print(
        f"The Space is in {target}; its README says which secrets it needs.", markup=False, soft_wrap=True
    )
    if address:
        out.print(f"It is built at {address}", markup=False, soft_wrap=True)
