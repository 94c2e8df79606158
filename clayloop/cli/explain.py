"""explain: which decisions, by whom, made a release."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from clayloop.cli.options import JsonFlag, context_of
from clayloop.console import out, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training import Counts, LedgerRow, RecordExplanation, ReleaseExplanation

_SHOWN = 8  # characters of a record's id
_MOST = 3  # records of a kind

# What became of a decision, in words, in the order of the tables' columns.
_FATES = {
    "train": "trained on",
    "negative": "a negative",
    "waiting": "to be trained on",
    "holdout": "held out",
    "duplicate": "a duplicate",
    "conflict": "in conflict",
    "unused": "unused",
    "indexed": "indexed",
    "served": "served",
    "removed": "not indexed",
    "left-out": "left out",
}


def explain(
    ctx: typer.Context,
    release: Annotated[
        str | None, typer.Argument(help="A release's id; default: the served one.", show_default=False)
    ] = None,
    record: Annotated[
        str | None, typer.Option("--record", metavar="ID", help="One record: its id, or the start of it.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show which decisions, by whom, made a release, or what became of one record."""
    from curation import ReleaseError
    from serving import ReleaseStore
    from training import explain_record, explain_release

    store = ReleaseStore(context_of(ctx).home)
    release_id = release or store.current().id
    if record is not None:
        found = explain_record(store, release_id, record)
        if as_json:
            print_json(found)
        else:
            for one in found:
                _print_record(one)
        return
    try:
        whole = explain_release(store, release_id)
    except ReleaseError as error:
        error.hint += f" A record is explained by `clayloop explain --record {release_id}`."
        raise
    if as_json:
        print_json(whole)
    else:
        _print_release(whole)


def _print_release(release: ReleaseExplanation) -> None:
    made = f"by run {release.run}" if release.run else "without training"
    _say(
        f"Release {release.release}, made {release.created_at:%Y-%m-%d %H:%M} {made}, from "
        f"{release.decisions:,} decisions."
    )
    if release.run:
        _say(f"Training started from {release.base_model}.")
    if release.selection:
        _say(f"Selection: {', '.join(release.selection)}.")
    _print_counts("Datasets", release.datasets)
    _print_counts("Annotators", release.annotators)
    _print_counts("Origins", release.origins)
    reasons = [
        (_FATES.get(fate, fate), reason, count, _some(release.records[reason]))
        for fate, why in release.reasons.items()
        for reason, count in why.items()
    ]
    if reasons:
        title = "Not learned from: clayloop explain --record ID says more of each"
        print_table(title, ["", "why", "decisions", "records"], reasons)
    print_table(
        "Releases, newest first",
        ["release", "made", "how", "decisions", "learned", "left out"],
        [
            (
                one.id,
                one.problem or (f"{one.created_at:%Y-%m-%d %H:%M}" if one.created_at else ""),
                one.made,
                one.decisions,
                one.learned,
                ", ".join(one.selection),
            )
            for one in release.chain
        ],
    )


def _some(ids: Sequence[str]) -> str:
    """The beginnings of the first ids, which name them well enough."""
    shown = ", ".join(one[:_SHOWN] for one in ids[:_MOST])
    return f"{shown}, …" if len(ids) > _MOST else shown


def _print_counts(title: str, counts: Counts) -> None:
    if not counts:
        return
    fates = [fate for fate in _FATES if any(fate in row for row in counts.values())]
    print_table(
        title,
        ["", *(_FATES[fate] for fate in fates)],
        [(name, *(row.get(fate, 0) for fate in fates)) for name, row in counts.items()],
    )


def _print_record(record: RecordExplanation) -> None:
    first = record.rows[0]
    fates = " and ".join(dict.fromkeys(_FATES.get(row.fate, row.fate) for row in record.rows))
    _say(f"Record {first.record_id} of {first.dataset} in release {record.release}: {fates}.")
    if first.decided:
        _say(f"  decision   {first.verdict}: {first.decided} (agreement {first.agreement:.2f})")
    for vote in first.votes:
        _say(f"  answer     {vote.annotator}: {vote.question} = {vote.value}")
    if first.origin:
        _say(f"  origin     {first.origin}")
    for row in record.rows:
        _print_row(row)
    if record.leads_to:
        _say(f"  index      its question leads to the chunk {record.leads_to}")
    for seen in record.before:
        answers = "the same answers" if seen.same_answers else "other answers"
        _say(f"  before     {seen.release}: {_FATES.get(seen.fate, seen.fate)}, {seen.verdict}, {answers}")


def _print_row(row: LedgerRow) -> None:
    """What one row of the record's ledger says: what it teaches, what became of that, and why."""
    fate = _FATES.get(row.fate, row.fate)
    if row.query:
        place = " › ".join(part for part in row.place.split("\t") if part) or row.chunk_id
        _say(f"  {row.teaches:<9}  {row.query!r} about {place} ({fate})")
    if row.reason:
        _say(f"  why        {row.reason}")
    if row.other:
        _say(f"  because of {row.other} of {row.other_dataset}")


def _say(line: str) -> None:
    out.print(line, markup=False, soft_wrap=True)
