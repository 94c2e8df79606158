"""explain: which decisions, by whom, made a release."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from clayloop.cli.options import JsonFlag, context_of
from clayloop.console import out, print_json, print_table

if TYPE_CHECKING:
    from training import Counts, RecordExplanation, ReleaseExplanation

_ROLES = {
    "train": "trained on",
    "negative": "a negative",
    "holdout": "held out",
    "dropped": "dropped",
    "unused": "unused",
    "indexed": "indexed",
    "index-removed": "not indexed",
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
    from serving import ReleaseStore
    from training import explain_record, explain_release

    store = ReleaseStore(context_of(ctx).home)
    release_id = release or store.current().id
    if record is not None:
        found = explain_record(store, release_id, record)
        if as_json:
            print_json([one.model_dump(mode="json") for one in found])
            return
        for one in found:
            _print_record(one)
        return
    told = explain_release(store, release_id)
    if as_json:
        print_json(told.model_dump(mode="json"))
        return
    _print_release(told)


def _print_release(told: ReleaseExplanation) -> None:
    made = f"by run {told.run}" if told.run else "without training"
    _say(
        f"Release {told.release}, made {told.created_at:%Y-%m-%d %H:%M} {made}, from "
        f"{told.decisions:,} decisions."
    )
    if told.run:
        _say(f"Training started from {told.started_from or told.base_model}.")
    if told.selection:
        _say(f"Selection: {', '.join(told.selection)}.")
    for title, counts in (
        ("Datasets", told.datasets),
        ("Annotators", told.annotators),
        ("Origins", told.origins),
    ):
        _print_counts(title, counts)
    reasons = [
        (_ROLES.get(role, role), reason, count)
        for role, why in told.reasons.items()
        for reason, count in why.items()
    ]
    if reasons:
        print_table("Not learned from", ["", "why", "decisions"], reasons)
    print_table(
        "Releases, newest first",
        ["release", "made", "how", "weights from", "decisions", "learned", "left out"],
        [
            (
                one.id,
                one.problem or (f"{one.created_at:%Y-%m-%d %H:%M}" if one.created_at else ""),
                one.made,
                one.started_from or ("base" if one.made != "unknown" else ""),
                one.decisions,
                one.learned,
                ", ".join(one.selection),
            )
            for one in told.chain
        ],
    )


def _print_counts(title: str, counts: Counts) -> None:
    if not counts:
        return
    roles = [role for role in _ROLES if any(role in row for row in counts.values())]
    print_table(
        title,
        ["", *(_ROLES[role] for role in roles)],
        [(name, *(row.get(role, 0) for role in roles)) for name, row in counts.items()],
    )


def _print_record(told: RecordExplanation) -> None:
    row = told.record
    _say(f"Record {row.record_id} of {row.dataset} in release {told.release}: {_ROLES[row.role]}.")
    if row.reason:
        _say(f"  why        {row.reason}")
    if row.verdict:
        _say(f"  decision   {row.verdict}: {row.decided} (agreement {row.agreement:.2f})")
    for vote in row.votes:
        _say(f"  answer     {vote.annotator}: {vote.question} = {vote.value}")
    if row.origin:
        _say(f"  origin     {row.origin}")
    for example in row.examples:
        place = " › ".join(part for part in example.place.split("\t") if part) or example.chunk_id
        _say(f"  example    {example.query!r} about {place} ({_ROLES[example.side]})")
    for seen in told.before:
        answers = "the same answers" if seen.same_answers else "other answers"
        _say(
            f"  before     {seen.release}: {_ROLES.get(seen.role, seen.role)}, "
            f"{seen.verdict or '-'}, {answers}"
        )


def _say(line: str) -> None:
    out.print(line, markup=False, soft_wrap=True)
