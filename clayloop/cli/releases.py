"""bootstrap, releases, promote, search, evaluate: what is served, and how good it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from clayloop.cli.answers import mark_stale
from clayloop.cli.options import (
    JsonFlag,
    QrelsFile,
    Queries,
    TestSetFolder,
    context_of,
    given_test_set,
    which_questions,
)
from clayloop.console import out, print_json, print_table
from clayloop.context import Context
from curation import ReleaseError, SettingsError

if TYPE_CHECKING:
    from serving import ReleaseStore

_ReleaseOption = Annotated[
    str | None, typer.Option("--release", help="A release's id; default: the served one.")
]


def bootstrap(
    ctx: typer.Context,
    force: Annotated[
        bool, typer.Option("--force", help="Make one although a release is served already.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Make the first release from the base model and the current chunks, with no training."""
    from serving import bootstrap as run

    context = context_of(ctx)
    release = run(context.home, context.corpus(), context.settings.serving, context.progress, force=force)
    if as_json:
        print_json(release.model_dump(mode="json"))
        return
    out.print(f"Release {release.id} is served: {release.index.rows:,} chunks.", markup=False)


def reindex(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """Index the chunks of the last ingest with the served model, without training, and serve that."""
    from serving import reindex as run

    context = context_of(ctx)
    release = run(context.home, context.corpus(), context.settings.serving, context.progress)
    if release is not None:
        mark_stale(context)
    if as_json:
        print_json(release.model_dump(mode="json") if release else None)
    elif release is None:
        out.print("Nothing to do: the served release has exactly these chunks.")
    else:
        out.print(
            f"Release {release.id} is served: {release.index.rows:,} chunks, the model of {release.parent}.",
            markup=False,
        )


def list_releases(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """List the releases, oldest first, and which one is served."""
    from serving import ReleaseStore

    context = context_of(ctx)
    store = ReleaseStore(context.home)
    current = _served(store, context)
    releases = store.list()
    if as_json:
        print_json(
            [{**release.model_dump(mode="json"), "current": release.id == current} for release in releases]
        )
        return
    if not releases:
        out.print("There is no release yet: make the first with `clayloop bootstrap`.")
        return
    print_table(
        "",
        ["", "release", "made", "chunks", "ndcg@10", "parent"],
        [
            (
                "served" if release.id == current else "",
                release.id,
                f"{release.created_at:%Y-%m-%d %H:%M}",
                release.index.rows,
                release.metrics.get("ndcg@10", ""),
                release.parent or "",
            )
            for release in releases
        ],
    )


def promote(ctx: typer.Context, release: Annotated[str, typer.Argument(help="A release's id.")]) -> None:
    """Serve this release from now on, be it a newer or an older one. A running bot switches by itself."""
    from serving import ReleaseStore

    context = context_of(ctx)
    store = ReleaseStore(context.home)
    before = _served(store, context)
    store.promote(release)
    out.print(f"Served: {release} (before: {before or 'none'}).", markup=False)


def search(
    ctx: typer.Context,
    question: Annotated[str, typer.Argument(help="What to look for.")],
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="How many chunks.")] = 5,
    release: _ReleaseOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show the chunks that the release finds for a question, best first."""
    from serving import ReleaseStore, load_release

    if not question.strip():
        raise SettingsError(
            "An empty question was given.", 'For example: clayloop search "How do I install it?"'
        )
    context = context_of(ctx)
    retriever = load_release(ReleaseStore(context.home), release, context.settings.serving)
    hits = retriever.search(question, k)
    if as_json:
        print_json(
            [
                {
                    "rank": rank,
                    "score": hit.score,
                    "asked": hit.asked.model_dump(exclude={"chunk_id"}) if hit.asked else None,
                    "id": hit.chunk.id,
                    "path": hit.chunk.path,
                    "section": list(hit.chunk.section),
                    "url": hit.chunk.url,
                    "line": hit.chunk.line,
                    "text": hit.chunk.text,
                }
                for rank, hit in enumerate(hits, 1)
            ]
        )
        return
    for rank, hit in enumerate(hits, 1):
        out.print(
            f"{rank}. {hit.score:.3f}  {hit.chunk.path}  {hit.chunk.heading}", style="bold", markup=False
        )
        out.print(f"   {hit.chunk.address}", style="dim", markup=False, soft_wrap=True)
        if hit.asked is not None:
            record = f"{hit.asked.dataset} {hit.asked.record_id}"
            out.print(f"   raised by an accepted question ({record}):", style="dim", markup=False)
            out.print(_excerpt(hit.asked.text).rstrip(), style="dim", markup=False)
        out.print(_excerpt(hit.chunk.body), markup=False)


def evaluate(
    ctx: typer.Context,
    folder: TestSetFolder = None,
    queries: Queries = None,
    qrels: QrelsFile = None,
    release: _ReleaseOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Measure retrieval on your own questions. Results are ranked by file, best chunk first."""
    from serving import ReleaseStore
    from training import evaluate_release

    context = context_of(ctx)
    test_set = given_test_set(folder, queries, qrels)
    if test_set is None:
        raise which_questions()
    result = evaluate_release(
        ReleaseStore(context.home), release, test_set, context.settings.serving, context.progress
    )
    if as_json:
        print_json(result)
        return
    title = f"{result['release']}: {result['queries']} questions"
    print_table(title, ["metric", "value"], list({**result["metrics"], **result["more"]}.items()))


def _served(store: ReleaseStore, context: Context) -> str | None:
    """The served release's id. A damaged pointer is reported and counts as none: then another release can
    still be promoted."""
    try:
        return store.current_id()
    except ReleaseError as error:
        context.progress.say(error.message)
        return None


def _excerpt(text: str, longest: int = 300) -> str:
    flat = " ".join(text.split())
    return f"   {flat[:longest]}{'…' if len(flat) > longest else ''}\n"
