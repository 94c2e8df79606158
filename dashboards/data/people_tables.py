"""Tables about annotators and what they decided. Columns whose names begin with Records lead to
records in Argilla."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

import pandas as pd

from curation import Agreement, Decision, QuestionAgreement
from dashboards.data.frames import table_of
from dashboards.data.standing import Standing
from dashboards.escaping import one_line

MOST_CONFLICTS = 200
RELIABLE, TENTATIVE = 0.8, 0.667


def agreement_of(standing: Standing) -> Agreement:
    """What is known of it."""
    return standing.agreement or Agreement(questions=(), annotators=(), suggestions=())


def least_agreed(standing: Standing) -> QuestionAgreement | None:
    """The question on which people agree least; None where no two answered the same record."""
    known = [one for one in agreement_of(standing).questions if one.alpha.value is not None]
    return min(known, key=lambda one: one.alpha.value or 0.0, default=None)


def apart_on(standing: Standing, asked: QuestionAgreement) -> list[Decision]:
    """The records on which people answered a question differently."""
    return [
        one.decision
        for one in standing.decided.conflicts
        if one.decision.dataset == asked.dataset and asked.question in one.questions
    ]


def trust(alpha: float) -> str:
    """What an alpha means, by the bounds of Krippendorff (Content Analysis, 2004)."""
    if alpha >= RELIABLE:
        return "Answers can be trusted."
    return "Good enough for a first look." if alpha >= TENTATIVE else "Too low to trust: look at why."


def answers_table(standing: Standing) -> pd.DataFrame:
    """Records that each person answered, by day and dataset."""
    lines = [
        (
            day.isoformat(),
            one_line(who),
            about,
            count,
        )
        for (day, who, about), count in sorted(standing.decided.days.items())
    ]
    return table_of(lines, ["day", "annotator", "dataset", "records"])


def answered_by(standing: Standing, annotator: str, dataset: str) -> str:
    """Where the records of ``dataset`` that somebody answered can be opened; "" for nowhere."""
    return standing.opened(standing.decided.answered.get((annotator, dataset), ()), dataset)


def question_table(standing: Standing) -> pd.DataFrame:
    """How far people agree on each question; the records that two answered, and those where they differ."""
    lines = [
        {
            "Dataset": one.dataset,
            "Question": one_line(one.question),
            "Answers": one.answers,
            "Answered twice": one.alpha.records,
            "Records twice": _address(standing, standing.decided.twice.get((one.dataset, one.question), ())),
            "Alpha": one.alpha.value,
            "From": one.alpha.low,
            "To": one.alpha.high,
            "Apart": len(apart),
            "Records": _address(standing, apart),
        }
        for one in agreement_of(standing).questions
        for apart in [apart_on(standing, one)]
    ]
    return table_of(lines)


def pair_table(standing: Standing) -> pd.DataFrame:
    """How often each two people gave the same answer."""
    lines = [
        {
            "Dataset": pair.dataset,
            "Question": one_line(pair.question),
            "People": one_line(" and ".join(pair.people)),
            "Same": f"{len(pair.same):,} of {pair.records:,}",
            "Records same": _address(standing, pair.same),
            "Apart": len(pair.apart),
            "Records": _address(standing, pair.apart),
        }
        for pair in standing.decided.pairs
    ]
    return table_of(lines)


def annotator_table(standing: Standing) -> pd.DataFrame:
    """Each person beside the others; the records are those that somebody else answered differently, in the
    dataset that has most of them."""
    apart: dict[str, dict[str, Decision]] = defaultdict(dict)
    for pair in standing.decided.pairs:
        for who in pair.people:
            apart[who].update((one.record_id, one) for one in pair.apart)
    lines = [
        {
            "Annotator": one_line(one.annotator),
            "Answered": one.records,
            "As most others": f"{one.agreed:,} of {one.compared:,}" if one.compared else "–",
            "Seconds a record": one.seconds,
            "Apart": len(opened),
            "Apart in": opened[0].dataset if opened else "–",
            "Records": _address(standing, opened),
        }
        for one in agreement_of(standing).annotators
        for opened in [_of_one_dataset([*apart[one.annotator].values()])]
    ]
    return table_of(lines)


def suggestion_table(standing: Standing) -> pd.DataFrame:
    """What became of each agent's suggestions, beside the control group, each number with its records."""
    lines = [
        {
            "Agent": one_line(one.agent),
            "Question": one_line(one.question),
            "Kept": len(one.kept),
            "Records kept": _address(standing, one.kept),
            "Changed": len(one.changed),
            "Records changed": _address(standing, one.changed),
            "Agreed with, unseen": f"{len(one.unseen_same):,} of "
            f"{len(one.unseen_same) + len(one.unseen_other):,}",
            "Records agreed with": _address(standing, one.unseen_same),
            "Records not agreed with": _address(standing, one.unseen_other),
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
    """Where they can be opened, those of the dataset that has most of them; "" for nowhere."""
    found = _of_one_dataset(decisions)
    return standing.opened(found, found[0].dataset) if found else ""


def _of_one_dataset(decisions: Sequence[Decision]) -> Sequence[Decision]:
    """Those of the dataset that has most of them: a link opens one dataset."""
    most = Counter(one.dataset for one in decisions).most_common(1)
    return [one for one in decisions if one.dataset == most[0][0]]
