"""search, evaluate: what a release finds, and how good it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from clayloop.cli.options import (
    JsonFlag,
    QrelsFile,
    Queries,
    TestSetFolder,
    context_of,
    given_test_set,
    which_questions,
)
from clayloop.console import out, print_json, print_table, shortened
from clayloop.context import Context
from curation import SECTION_SEPARATOR, SettingsError

if TYPE_CHECKING:
    from clayloop.up.bot_search import Found
    from serving import ReleaseStore

_SHOWN = 300  # characters of a passage
_HEADING = re.compile(r"^#{2,6} +(.+)$", re.MULTILINE)  # a single one begins a comment in code

_ReleaseOption = Annotated[
    str | None, typer.Option("--release", help="A release's id; default: the served one.")
]


def search(
    ctx: typer.Context,
    question: Annotated[str, typer.Argument(help="What to look for.")],
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="How many chunks.")] = 5,
    release: _ReleaseOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show the chunks that the release finds for a question, best first. A bot that runs is asked."""
    from clayloop.up.bot_search import ask_bot
    from serving import ReleaseStore

    if not question.strip():
        raise SettingsError(
            "An empty question was given.", 'For example: clayloop search "How do I install it?"'
        )
    context = context_of(ctx)
    store = ReleaseStore(context.home)
    wanted = release or store.current().id
    found = ask_bot(context.settings, question, k, wanted) or _searched(context, store, wanted, question, k)
    if as_json:
        hits = [{"rank": rank, **hit.model_dump()} for rank, hit in enumerate(found.hits, 1)]
        print_json({**found.model_dump(exclude={"hits"}), "hits": hits})
        return
    if not found.answerable:
        context.progress.say(
            f"The bot would say that it does not know: its passages come {found.near:.2f} near to it, and "
            f"{found.min_score:.2f} is asked for (serving.retrieval.min_score)"
            + (", but no word of it is known." if found.near >= found.min_score else ".")
        )
    for rank, hit in enumerate(found.hits, 1):
        heading = SECTION_SEPARATOR.join(hit.section)
        record = hit.asked["record_id"] if hit.asked is not None else None
        is_answer = hit.path == f"curated/{record}"  # a correction, which is no file
        place = "an answer that somebody wrote to:" if is_answer else hit.path
        out.print(f"{rank}. {hit.score:.3f}  {place}  {heading}", style="bold", markup=False)
        address = hit.url or ("" if is_answer else f"{hit.path}:{hit.line}")
        if address:
            out.print(f"   {address}", style="dim", markup=False, soft_wrap=True)
        if hit.asked is not None and not is_answer:
            asked = shortened(hit.asked["text"], _SHOWN)
            out.print(
                f"   raised, since people accepted it for: {asked} ({hit.asked['dataset']} {record})",
                style="dim",
                markup=False,
                soft_wrap=True,
            )
        text = _HEADING.sub(r"\1 ·", hit.text.removeprefix(heading))
        out.print(f"   {shortened(text, _SHOWN)}\n", markup=False, soft_wrap=True)


def _searched(context: Context, store: ReleaseStore, release: str, question: str, k: int) -> Found:
    """What this process finds."""
    from clayloop.up.bot_search import Found, FoundChunk
    from serving import load_release

    retriever = load_release(store, release, context.settings.serving, quick=True)
    hits = retriever.search(question, k)
    chunks = [
        FoundChunk(
            score=hit.score,
            asked=hit.asked.model_dump(exclude={"chunk_id"}) if hit.asked else None,
            section=list(hit.chunk.section),
            **hit.chunk.model_dump(include={"id", "path", "url", "line", "text"}),
        )
        for hit in hits
    ]
    near, is_answer = retriever.near(hits), retriever.should_answer(question, hits)
    return Found(release=release, answerable=is_answer, near=near, min_score=retriever.min_score, hits=chunks)


def evaluate(
    ctx: typer.Context,
    folder: TestSetFolder = None,
    queries: Queries = None,
    qrels: QrelsFile = None,
    release: _ReleaseOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say how often your own questions find the right files. A file counts with its best chunk."""
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
    over = "the documents that it indexes" if test_set.corpus is None else "the test set's own corpus"
    out.print(
        f"{result['release']}, {result['queries']:,} questions over {over}; 1.000 is best. What annotators "
        "added to the bot's index, accepted questions and answers, is not counted here.",
        markup=False,
        soft_wrap=True,
    )
    values = {**result["metrics"], **result["more"]}
    print_table("", ["metric", "value", "what it says"], [(*one, _says(one[0])) for one in values.items()])


def _says(metric: str) -> str:
    name, depth = metric.split("@")
    among = "come first" if depth == "1" else f"are among the first {depth}"
    return {
        "ndcg": f"how high the right files stand among the first {depth}",
        "mrr": f"1 / place of the first right file; 0 where none is among {depth}",
        "recall": f"share of the right files that {among}",
    }[name]
