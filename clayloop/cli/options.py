"""What several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clayloop.context import Context
from curation import SettingsError

if TYPE_CHECKING:
    from curation import TestSet

TestSetFolder = Annotated[
    Path | None,
    typer.Argument(
        help="A test set in the layout of BEIR: queries.jsonl, qrels/test.tsv, perhaps corpus.jsonl."
    ),
]
Queries = Annotated[
    Path | None,
    typer.Option("--queries", help='Lines such as {"_id": "q1", "text": "How do I install it?"}.'),
]
QrelsFile = Annotated[
    Path | None,
    typer.Option(
        "--qrels",
        help="Lines such as q1, guide/install.md, 1, with tabs between: the question's _id, the path of a "
        "file that answers it, and how well (1 or more).",
    ),
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON on stdout instead of a table.")]


def given_test_set(folder: Path | None, queries: Path | None, qrels: Path | None) -> TestSet | None:
    """The questions that a command was given; None without any. Raises SettingsError for half of a set."""
    from curation import load_files, load_folder

    if folder is not None and queries is None and qrels is None:
        return load_folder(folder)
    if folder is None and queries is not None and qrels is not None:
        return load_files(queries, qrels)
    if folder is None and queries is None and qrels is None:
        return None
    raise which_questions()


def which_questions() -> SettingsError:
    return SettingsError(
        "Which questions?", "Give a folder in the layout of BEIR, or both --queries and --qrels."
    )


def context_of(ctx: typer.Context) -> Context:
    """The context of a running command."""
    found = ctx.find_object(Context)
    assert found is not None  # noqa: S101 - set by the callback before any command runs
    return found
