"""What several people's answers to one record come to. The order of the answers never matters.

* ``first``: the earliest answer. For records that one person is meant to answer.
* ``majority``: the value with the most votes; a tie leaves it open.
* ``unanimous``: what all said; anything else leaves it open.
* ``weighted``: the most probable value, each annotator weighed by how often they agree with the others
  (Dawid and Skene 1979, doi:10.2307/2346806, by the package crowd-kit). Below ``LEAST_PROBABLE`` it is open.
* ``adjudicated``: as ``unanimous``, and what is open is put to a reviewer, whose word counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from curation.errors import SettingsError
from curation.records.decision import Acceptance, Vote

LEAST_PROBABLE = 0.75
Settled = dict[str, str]  # question → value


def settle(votes: Sequence[Vote], questions: Iterable[str], policy: Acceptance) -> Settled:
    """The value of each of ``questions`` that is not open. Under ``weighted`` the majority, until ``weigh``
    has seen all records."""
    found = {name: _settled([one for one in votes if one.question == name], policy) for name in questions}
    return {name: value for name, value in found.items() if value is not None}


def _settled(votes: Sequence[Vote], policy: Acceptance) -> str | None:
    if policy == "first" and votes:
        return min(votes, key=lambda vote: vote.given).value
    counts = Counter(vote.value for vote in votes)
    if policy in ("unanimous", "adjudicated") and len(counts) > 1:
        return None
    return most_said(counts)


def most_said(counts: Counter[str]) -> str | None:
    """What most said; None for a tie, or where nobody said anything."""
    ranked = counts.most_common(2)
    is_tie = len(ranked) == 2 and ranked[0][1] == ranked[1][1]
    return ranked[0][0] if ranked and not is_tie else None


def weigh(votes: Mapping[str, Sequence[Vote]], question: str) -> dict[str, str]:
    """Record id → the most probable answer to ``question``, where that is probable enough.

    Raises SettingsError where crowd-kit is not installed.
    """
    rows = sorted(
        (key, vote.annotator_id, vote.value)
        for key, of_record in votes.items()
        for vote in of_record
        if vote.question == question
    )
    if not rows:
        return {}
    try:
        import pandas as pd
        from crowdkit.aggregation import DawidSkene
    except ImportError as error:
        raise SettingsError(
            "curation.argilla.acceptance = 'weighted' needs the package crowd-kit.",
            "Install it with `pip install clayloop[crowd]`, or choose another policy.",
        ) from error
    table = pd.DataFrame(rows, columns=["task", "worker", "label"])
    probable = DawidSkene(n_iter=100).fit_predict_proba(table)
    return {
        str(key): str(row.idxmax()) for key, row in probable.iterrows() if float(row.max()) >= LEAST_PROBABLE
    }
