"""releases: what there is, what is served, and what is kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from clayloop.cli.canary import canary
from clayloop.cli.language_models import answering_models
from clayloop.cli.options import JsonFlag, context_of
from clayloop.console import out, print_json, print_table
from clayloop.context import Context
from curation import ClayloopError, ReleaseError, SettingsError, user_name

if TYPE_CHECKING:
    from serving import Marks, ReleaseStore

_Id = Annotated[str, typer.Argument(metavar="ID", help="A release's id.")]

releases = typer.Typer()
releases.command()(canary)


@releases.callback(invoke_without_command=True)
def list_all(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """List the releases, oldest first; serve another one, pin, check, or remove some."""
    if ctx.invoked_subcommand is not None:
        return
    context = context_of(ctx)
    store = _store(context)
    current, marks = _served(store, context), store.marks.read()
    found = store.list()
    if as_json:
        print_json(
            [
                {
                    **one.model_dump(mode="json"),
                    "current": one.id == current,
                    "pinned": one.id in marks.pinned,
                    "canary": marks.canary.share if marks.canary and marks.canary.release == one.id else None,
                    "failed": marks.failed[one.id].why if one.id in marks.failed else None,
                }
                for one in found
            ]
        )
        return
    if not found:
        out.print("There is no release yet: make the first with `clayloop bootstrap`.")
        return
    print_table(
        "",
        ["", "release", "made", "chunks", "ndcg@10", "parent", "not served because"],
        [
            (
                ", ".join(_standing(one.id, current, marks)),
                one.id,
                f"{one.created_at:%Y-%m-%d %H:%M}",
                one.index.rows,
                one.metrics.get("ndcg@10", ""),
                one.parent or "",
                marks.failed[one.id].why if one.id in marks.failed else "",
            )
            for one in found
        ],
    )


@releases.command()
def promote(ctx: typer.Context, release: _Id) -> None:
    """Serve this release from now on, be it a newer or an older one. A running bot switches by itself."""
    context = context_of(ctx)
    store = _store(context)
    _ask_visitors(context, store, release)
    _promote(context, store, release)


@releases.command()
def rollback(ctx: typer.Context) -> None:
    """Serve the release again that was served before this one; once more, and the one before that."""
    context = context_of(ctx)
    store = _store(context)
    _promote(context, store, store.previous_id())


@releases.command()
def share(
    ctx: typer.Context,
    url: Annotated[
        str | None, typer.Argument(metavar="[URL]", help="s3://bucket/folder, gs://… or az://…")
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="Share them no longer; what is there stays.")] = False,
) -> None:
    """Share releases and documents with other machines on an object store: what is served there is served on
    each, and what one machine ingests all have.

    Credentials and the server's address come from the environment (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, …).
    """
    from curation import share_corpus
    from serving import share as run

    if (url is None) != off:
        raise SettingsError("Name a URL, or say --off.", "For example s3://bucket/docs-bot")
    context = context_of(ctx)
    share_corpus(context.home, url)
    release = run(_store(context), url)
    served = f"{release.id} is served" if release else "Nothing is served there yet"
    out.print("No longer shared." if off else f"{served}.", markup=False)


@releases.command()
def pull(ctx: typer.Context) -> None:
    """Serve here what is served where releases are shared. A bot that runs does so by itself."""
    from serving import pull as run

    release = run(_store(context_of(ctx)))
    out.print(f"Served: {release.id}." if release else "Nothing is new there.", markup=False)


@releases.command()
def pin(
    ctx: typer.Context,
    release: _Id,
    off: Annotated[bool, typer.Option("--off", help="Let it go again.")] = False,
) -> None:
    """Keep this release: gc leaves it, and while it is served only a person promotes another one."""
    store = _store(context_of(ctx))
    if not off:
        store.get(release)
    elif release not in store.marks.read().pinned:
        raise ReleaseError(f"{release} is not pinned.", "`clayloop releases` lists what there is.")
    store.marks.pin(release, on=not off)
    out.print(f"{release} is {'no longer ' if off else ''}pinned.", markup=False)


@releases.command()
def gc(
    ctx: typer.Context,
    keep: Annotated[
        int, typer.Option("--keep", min=1, help="The newest so many releases and runs stay.")
    ] = 10,
    dry: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Remove old releases, but not what is served, pinned, the newest untrained one, or what a rollback leads
    to; and old runs."""
    from serving import collect_garbage, find_garbage
    from training import RunStore

    context = context_of(ctx)
    store, runs = _store(context), RunStore(context.home)
    found = find_garbage(store, keep) if dry else collect_garbage(store, keep)
    old = runs.old(keep)
    if not dry:
        runs.remove(old)
    if as_json:
        print_json({**found.model_dump(mode="json"), "runs": old})
        return
    would = "would be" if dry else "are"
    for name in (*found.releases, *old):
        out.print(name, markup=False)
    gone = f"{len(found.releases)} releases and {len(old)} runs"
    out.print(f"{gone} {would} gone, {found.freed / 1e6:,.0f} MB of releases {would} free.")


@releases.command()
def verify(
    ctx: typer.Context,
    wanted: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Default: all.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Check releases as a bot does before it serves one: each file's hash, and that they answer."""
    from serving import ReleaseLoader

    context = context_of(ctx)
    store = _store(context)
    wrong: dict[str, str] = {}
    ids = wanted or store.ids()
    if not ids:
        raise ReleaseError("There is no release to check.", "Make the first with `clayloop bootstrap`.")
    with ExitStack() as stack, context.progress.task("Checking", len(ids), "releases") as advance:
        load = ReleaseLoader(store, context.settings.serving, answering_models(context, stack))
        for release_id in ids:
            try:
                load(release_id)
            except ClayloopError as error:
                wrong[release_id] = error.message
            advance(1)
    if as_json:
        print_json([{"release": one, "ok": one not in wrong, "why": wrong.get(one)} for one in ids])
    else:
        print_table(
            "",
            ["release", "", "why"],
            [(one, "damaged" if one in wrong else "ok", wrong.get(one)) for one in ids],
        )
    if wrong:
        raise typer.Exit(ReleaseError.exit_code)


def _standing(release: str, served: str | None, marks: Marks) -> Iterator[str]:
    if release == served:
        yield "served"
    if release in marks.pinned:
        yield "pinned"
    if marks.canary and release == marks.canary.release:
        yield f"canary, {marks.canary.share:.0%}"


def _store(context: Context) -> ReleaseStore:
    from serving import ReleaseStore

    return ReleaseStore(context.home)


def _promote(context: Context, store: ReleaseStore, release: str) -> None:
    before = _served(store, context)
    store.promote(release, who=user_name())
    out.print(f"Served: {release} (before: {before or 'none'}).", markup=False)


def _ask_visitors(context: Context, store: ReleaseStore, release: str) -> None:
    """Raises StateError for a binding canary that they like less."""
    if (canary := store.binding_canary(release)) is not None:
        from training import check_binding

        client = context.argilla(make_workspace=False)
        check_binding(client, context.settings.curation.argilla, canary, store.current().id)


def _served(store: ReleaseStore, context: Context) -> str | None:
    """The served release's id. A damaged pointer is reported and counts as none: then another release can
    still be promoted."""
    try:
        return store.current_id()
    except ReleaseError as error:
        context.progress.say(error.message)
        return None
