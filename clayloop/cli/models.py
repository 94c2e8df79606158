"""models: which base model suits these documents, and larger language models from the Hub."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Annotated

import typer

from clayloop.cli.options import JsonFlag, QrelsFile, Queries, context_of, given_test_set
from clayloop.console import out, print_json, print_table
from curation import HubRepo, SettingsError, StateError

models = typer.Typer(
    no_args_is_help=True,
    help="Which base model suits these documents; larger language models from the Hugging Face Hub.",
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
        print_json(found)
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


@models.command()
def fetch(
    ctx: typer.Context,
    repo: Annotated[str, typer.Argument(help="A model on the Hugging Face Hub with GGUF files: owner/name.")],
    file: Annotated[str, typer.Option("--file", help="Which of its files, where it has several.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Fetch a larger language model (GGUF) for the embedded server. Size, licence, speed are said first."""
    from curation import fetch_folder, look_at_files

    context = context_of(ctx)
    licence, sizes = look_at_files(HubRepo(repo), ".gguf")
    name = _chosen(repo, file, sizes)
    size, speed = sizes[name], _bytes_a_second() / max(sizes[name], 1)
    context.progress.say(
        f"{repo} {name}: {size / 1e9:.2f} GB; licence: {licence or 'none is named'}; at most about "
        f"{speed:,.0f} tokens a second with one thread here (each token reads the whole file from memory)."
    )
    folder = context.home.models / repo.replace("/", "--")
    folder.mkdir(parents=True, exist_ok=True)
    if (free := shutil.disk_usage(folder).free) < size:
        raise StateError(
            f"{folder} has {free / 1e9:.2f} GB left.", "Free some space, or fetch a smaller file."
        )
    if not yes:
        typer.confirm("Fetch it?", abort=True, err=True)
    commit = fetch_folder(HubRepo(repo), folder, [name])
    path = (folder / name).resolve()
    if as_json:
        print_json({"path": str(path), "bytes": size, "licence": licence, "commit": commit})
    else:
        out.print(
            f'Now set, under [curation.language_model]: gguf = "{path}"; and few_shot = false, '
            "if its own text is to be shown.",
            markup=False,
            soft_wrap=True,
        )


def _chosen(repo: str, file: str, sizes: dict[str, int]) -> str:
    if file in sizes:
        return file
    if not file and len(sizes) == 1:
        return next(iter(sizes))
    listed = ", ".join(f"{name} ({size / 1e9:.2f} GB)" for name, size in sorted(sizes.items()))
    raise SettingsError(
        f"{repo} has no file {file!r} that ends with .gguf."
        if file
        else f"{repo} has {len(sizes)} GGUF files.",
        f"Choose one with --file: {listed}." if sizes else "Name a repository that has GGUF files.",
    )


def _bytes_a_second() -> float:
    """How fast one thread reads this machine's memory, by copying a quarter of a gigabyte."""
    import numpy as np

    block = np.ones(1 << 25)
    np.copyto(other := np.empty_like(block), block)  # the pages are there now
    started = time.perf_counter()
    np.copyto(other, block)
    return 2 * block.nbytes / (time.perf_counter() - started)
