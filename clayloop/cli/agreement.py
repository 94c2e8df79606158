"""agreement, decisions: how far annotators agree, and what came of what they said."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clayloop.cli.options import JsonFlag, context_of
from clayloop.console import out, print_json, print_table, shortened
from curation import ArgillaError

if TYPE_CHECKING:
    from clayloop.context import Context
    from curation import Decision

_SHOWN = 60  # characters of a record in the table
_FEW = 20  # records answered twice, below which an alpha says little
_TELLING = 10  # suggestions shown, and held back, from which on the difference says something


def agreement(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """Report how far annotators agree, with each other and with what was suggested."""
    from curation import agreement_of, label_questions

    given, gold = _answers(context_of(ctx))
    found = agreement_of(given, label_questions(), gold)
    if as_json:
        suggestions = [
            {**one.model_dump(mode="json"), "anchoring": one.anchoring} for one in found.suggestions
        ]
        print_json({**found.model_dump(mode="json"), "suggestions": suggestions})
        return
    if not found.questions:
        out.print("Nobody has answered anything yet.")
        return
    print_table(
        "Krippendorff's alpha: 1 is agreement, 0 is chance",
        ["dataset", "question", "answers", "answered twice", "alpha", "95% interval"],
        [
            (
                one.dataset,
                one.question,
                one.answers,
                one.alpha.records,
                _number(one.alpha.value),
                "" if one.alpha.low is None else f"{one.alpha.low:.2f} to {one.alpha.high:.2f}",
            )
            for one in found.questions
        ],
    )
    if all(one.alpha.records < _FEW for one in found.questions):
        out.print(
            "Few records were answered by two people: set curation.argilla.overlap to 0.1, say, then push."
        )
    print_table(
        "Annotators",
        ["annotator", "records", "as most others", "known answers right", "seconds a record"],
        [
            (
                one.annotator,
                one.records,
                f"{one.agreed} of {one.compared}",
                f"{one.gold_right} of {one.gold}",
                "" if one.seconds is None else f"{one.seconds:.0f}",
            )
            for one in found.annotators
        ],
    )
    if found.suggestions:
        print_table(
            "Suggestions: kept where they were shown, and agreed with where they were held back",
            ["agent", "question", "kept", "agreed", "anchoring"],
            [
                (
                    one.agent,
                    one.question,
                    f"{one.kept} of {one.shown}",
                    f"{one.agreed} of {one.held_back}",
                    f"{one.anchoring:+.0%}"
                    if one.anchoring is not None and min(one.shown, one.held_back) >= _TELLING
                    else "too few",
                )
                for one in found.suggestions
            ],
        )


def decisions(
    ctx: typer.Context,
    verdict: Annotated[
        str, typer.Option("--verdict", help="Only these: accepted, rejected or undecided.")
    ] = "",
    annotator: Annotated[str, typer.Option("--annotator", help="Only what this person answered.")] = "",
    most: Annotated[int, typer.Option("--most", min=1, help="How many, the newest first.")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """List who said what and when, what was decided, and why."""
    if verdict not in ("", "accepted", "rejected", "undecided"):
        raise typer.BadParameter(
            f"{verdict!r} is none of accepted, rejected, undecided", param_hint="--verdict"
        )
    every, _ = _answers(context_of(ctx))
    chosen = [
        one
        for one in every
        if verdict in ("", one.verdict) and (not annotator or annotator in one.annotators)
    ]
    chosen.sort(key=lambda one: one.last_answer.timestamp() if one.last_answer else 0.0, reverse=True)
    if as_json:
        print_json([_told(one) for one in chosen])
        return
    counted = Counter(one.verdict for one in every)
    said = ", ".join(f"{counted[name]:,} {name}" for name in ("accepted", "rejected", "undecided"))
    out.print(f"{len(every):,} decisions: {said}.", markup=False)
    if chosen:
        print_table(
            "",
            ["record", "about", "who said what", "decided"],
            [
                (
                    f"{one.dataset}\n{one.record_id[:8]}\n{_day(one.last_answer)}".rstrip(),
                    _about(one),
                    "\n".join(
                        f"{vote.annotator}: {vote.question} = {shortened(vote.value, _SHOWN)}"
                        for vote in one.votes
                    ),
                    f"{one.verdict}: {one.reason}" if one.reason else one.verdict,
                )
                for one in chosen[:most]
            ],
        )
    if len(chosen) > most:
        out.print(f"{len(chosen) - most:,} more: --most {len(chosen)}, or --json for all.", markup=False)


def queue(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """List what annotators are not asked about, and why, as the last push left it."""
    from curation import read_queue

    context = context_of(ctx)
    found = read_queue(context.argilla(make_workspace=False), context.settings.curation.argilla)
    if as_json:
        print_json(found)
        return
    for name, count in found.waiting.items():
        out.print(f"{name}: {count:,} wait for an answer.", markup=False)
    if found.not_asked:
        print_table(
            "Not asked about",
            ["record", "about", "why", "by"],
            [
                (
                    f"{one.dataset} {one.record_id[:8]}",
                    shortened(one.about, _SHOWN),
                    one.why,
                    one.decided_by[:8],
                )
                for one in found.not_asked
            ],
        )


def _answers(context: Context) -> tuple[list[Decision], list[Decision]]:
    """The decisions, and what was said to gold records."""
    from curation import read_answers, read_progress

    settings, client = context.settings.curation.argilla, context.argilla(make_workspace=False)
    try:
        return read_answers(client, settings, context.progress)
    except ArgillaError:
        if any(one.exists for one in read_progress(client, settings)):
            raise
        return [], []  # nothing was pushed yet


def _told(decision: Decision) -> dict[str, Any]:
    return {
        **decision.model_dump(
            mode="json",
            include={"record_id", "dataset", "values", "agreement", "verdict", "reason", "policy"},
        ),
        "about": _about(decision),
        "votes": [
            vote.model_dump(mode="json", include={"question", "value", "annotator", "role", "at"})
            for vote in decision.votes
        ],
    }


def _about(decision: Decision) -> str:
    return shortened(decision.question or decision.fields.get("chunk", ""), _SHOWN)


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else ""


def _number(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.2f}"
