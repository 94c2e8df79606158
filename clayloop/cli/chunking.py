"""chunk: how the documents are cut, and what other ways would find."""

from __future__ import annotations

from statistics import median
from typing import Annotated

import typer

from clayloop.cli.options import JsonFlag, QrelsFile, Queries, TestSetFolder, context_of, given_test_set
from clayloop.console import print_json, print_table
from curation import ChunkSettings


def chunk(
    ctx: typer.Context,
    folder: TestSetFolder = None,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare", help="Measure other ways of cutting on questions: those given, else accepted ones."
        ),
    ] = False,
    queries: Queries = None,
    qrels: QrelsFile = None,
    sizes: Annotated[
        list[int] | None,
        typer.Option("--max-tokens", min=32, max=8192, help="A size to compare; may be repeated."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show how long the chunks are; with --compare, what other sizes and an overlap would find.

    Nothing is changed: the winner is set in curation.documents, and the next ingest cuts by it.
    """
    context = context_of(ctx)
    corpus = context.corpus()
    tokens = [one.tokens for one in corpus.chunks]
    if not compare:
        now = {
            "chunks": len(tokens),
            "tokens_median": round(median(tokens or [0])),
            "tokens_max": max(tokens, default=0),
        }
        if as_json:
            print_json(now)
        else:
            print_table("", ["chunks", "tokens, median", "longest"], [tuple(now.values())])
        return
    from training import accepted_as_test_set, compare_cuttings

    settings, serving = context.settings.curation.documents, context.settings.serving
    test_set = given_test_set(folder, queries, qrels) or accepted_as_test_set(context.home, corpus, serving)
    found = compare_cuttings(corpus, _ways(settings, sizes), test_set, serving, context.progress)
    if as_json:
        print_json(found)
        return
    print_table(
        f"{test_set.name}: {len(test_set.queries):,} questions",
        ["max_tokens", "overlap", "chunks", "tokens, median", "longest", "NDCG@10"],
        [tuple(one.model_dump().values()) for one in found],
    )


def _ways(settings: ChunkSettings, sizes: list[int] | None) -> list[ChunkSettings]:
    """The one that is set first; then each size by itself and with an overlap of an eighth of it."""
    wanted = sizes or [settings.max_tokens, max(settings.max_tokens // 2, 32)]
    ways = [(settings.max_tokens, settings.overlap)]
    ways += [(size, overlap) for size in wanted for overlap in (0, size // 8)]
    return [
        settings.model_copy(update={"max_tokens": size, "overlap": overlap})
        for size, overlap in dict.fromkeys(ways)
    ]
