"""Tables about annotators and what they decided. The column Records leads to records in Argilla."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

from curation import SIMULATED_ANNOTATOR, Agreement, Decision
from dashboards.data.frames import table_of
from dashboards.data.standing import Standing
from dashboards.escaping import one_line

MOST_CONFLICTS = 200


def agreement_of(standing: Standing) -> Agreement:
    """What is known of it."""
    return standing.agreement or Agreement(questions=(), annotators=(), suggestions=())


def answers_table(standing: Standing) -> pd.DataFrame:
    """Records that each person answered, by day and dataset."""
    lines = [
        (
            day.isoformat(),
            one_line(who) + (" (simulated)" if who == SIMULATED_ANNOTATOR else ""),
            about,
            count,
        )
        for (day, who, about), count in sorted(standing.decided.days.items())
    ]
    return table_of(lines, ["day", "annotator", "dataset", "records"])


def question_table(standing: Standing) -> pd.DataFrame:
    """How far people agree on each question; the records are those on which they do not."""
    apart: dict[tuple[str, str], list[Decision]] = {}
    for conflict in standing.decided.conflicts:
        for question in conflict.questions:
            apart.setdefault((conflict.decision.dataset, question), []).append(conflict.decision)
    lines = [
        {
            "Dataset": one.dataset,
            "Question": one_line(one.question),
            "Answers": one.answers,
            "Answered twice": one.alpha.records,
            "Alpha": one.alpha.value,
            "From": one.alpha.low,
            "To": one.alpha.high,
            "Apart": len(apart.get((one.dataset, one.question), ())),
            "Records": _address(standing, apart.get((one.dataset, one.question), ())),
        }
        for one in agreement_of(standing).questions
    ]
    return table_of(lines)


def pair_table(standing: Standing) -> pd.DataFrame:
    """How often each two people gave the same answer."""
    lines = [
        {
            "Dataset": pair.dataset,
            "Question": one_line(pair.question),
            "People": one_line(" and ".join(pair.people)),
            "Same": f"{pair.records - len(pair.apart):,} of {pair.records:,}",
            "Apart": len(pair.apart),
            "Records": _address(standing, pair.apart),
        }
        for pair in standing.decided.pairs
    ]
    return table_of(lines)


def annotator_table(standing: Standing) -> pd.DataFrame:
    """Each person beside the others."""
    lines = [
        {
            "Annotator": one_line(one.annotator),
            "Records": one.records,
            "As most others": f"{one.agreed:,} of {one.compared:,}" if one.compared else "–",
            "Seconds a record": one.seconds,
        }
        for one in agreement_of(standing).annotators
    ]
    return table_of(lines)


def suggestion_table(standing: Standing) -> pd.DataFrame:
    """What became of each agent's suggestions, beside the control group; the records are the changed ones."""
    lines = [
        {
            "Agent": one_line(one.agent),
            "Question": one_line(one.question),
            "Kept": len(one.kept),
            "Changed": len(one.changed),
            "Records": _address(standing, one.changed),
            "Agreed with, unseen": f"{len(one.unseen_same):,} of "
            f"{len(one.unseen_same) + len(one.unseen_other):,}",
            "Led by": None if one.led is None else 100 * one.led,
        }
        for one in standing.decided.suggested
    ]
    return table_of(lines)


def conflict_table(standing: Standing) -> pd.DataFrame:
    """Records that people answered differently, the last answered first."""
    lines = [
        {
            "Dataset": one.decision.dataset,
            "About": about(one.decision),
            "Who said what": one_line(one.said),
            "Waits for a reviewer": one_line(", ".join(one.unsettled)),
            "Records": _address(standing, [one.decision]),
        }
        for one in standing.decided.conflicts[:MOST_CONFLICTS]
    ]
    return table_of(lines)


def decision_table(standing: Standing, wanted: Callable[[Decision], bool]) -> pd.DataFrame:
    """The decisions that are ``wanted``."""
    lines = [
        {
            "About": about(one),
            "Decided": one.verdict,
            "By": one_line(", ".join(one.annotators)),
            "Why": one_line(one.reason),
            "Records": _address(standing, [one]),
        }
        for one in standing.decided.every
        if wanted(one)
    ]
    return table_of(lines)


def about(decision: Decision) -> str:
    """A line of what was judged."""
    return one_line(decision.question or decision.fields.get("chunk", ""))


def _address(standing: Standing, decisions: Sequence[Decision]) -> str:
    """Where they can be opened; "" for nowhere."""
    return standing.opened(decisions, decisions[0].dataset) if decisions else ""
