"""models: which base model suits these documents."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clayloop.cli.options import JsonFlag, QrelsFile, Queries, context_of, given_test_set
from clayloop.console import out, print_json, print_table

models = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    help="Embedding models for these documents.",
)


@models.command()
def compare(
    ctx: typer.Context,
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="A folder, a Hugging Face name, or package:NAME.",
        ),
    ],
    folder: Annotated[
        Path | None, typer.Option("--folder", help="A test set in the layout of BEIR (clayloop evaluate).")
    ] = None,
    queries: Queries = None,
    qrels: QrelsFile = None,
    as_json: JsonFlag = False,
) -> None:
    """Measure base models on questions: those given, else accepted ones. The one that is set stands first.

    Nothing is changed: the winner is set as serving.embedding.model, and the next bootstrap takes it.
    """
    from training import accepted_as_test_set, compare_models

    context = context_of(ctx)
    corpus, serving = context.corpus(), context.settings.serving
    test_set = given_test_set(folder, queries, qrels) or accepted_as_test_set(context.home, corpus, serving)
    wanted = list(dict.fromkeys([serving.embedding.model, *names]))
    found = compare_models(corpus, wanted, test_set, serving, context.progress)
    if as_json:
        print_json([one.model_dump(mode="json") for one in found])
        return
    print_table(
        f"{test_set.name}: {len(test_set.queries):,} questions, {len(corpus.chunks):,} chunks",
        ["model", "NDCG@10", "95% interval", "against the first", "index, s", "query, ms", "memory, MB"],
        [
            (
                one.model,
                f"{one.ndcg.estimate:.3f}",
                f"{one.ndcg.low:.3f} to {one.ndcg.high:.3f}",
                str(one.change or ""),
                one.index_seconds,
                one.query_ms,
                one.memory_mb,
            )
            for one in found
        ],
    )
    sure = [one for one in found if one.change is not None and one.change.low > 0]
    if not sure:
        out.print("None is surely better here than the one that is set.")
