"""Where training starts: from the base model, or from the served release.

Going on from the served release keeps what it learned, also what annotators have since taken back; a fresh start forgets
it. With ``start = "auto"`` both are trained where that can be told fairly, and the one that finds questions better which
*neither* has seen is kept: a part of the new examples, set aside for that, never the holdout, which judges the result.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from curation import SILENT, DatasetName, Progress
from serving import Embedder
from training.judge.evaluate import rank, score
from training.prepare.dedup import find_matches, normalise
from training.prepare.dedup import group as alike
from training.prepare.examples import Example, Unused
from training.settings import DedupSettings

Origin = Literal["base", "current"]
_Key = tuple[DatasetName, str]

# A choice by fewer questions would be chance.
LEAST_QUESTIONS = 15
_SHARE = 0.25  # of the new examples, at most
_MOST_QUESTIONS = 100
_TEXTS = 500  # among which the right one is to be found
_SALT = "clayloop start 1\t"


class StartPlan(BaseModel):
    """The starting points to train from, and why these."""

    model_config = ConfigDict(frozen=True)

    candidates: list[Origin]
    reason: str


class StartChoice(BaseModel):
    """The outcome: ``scores`` are NDCG@10 per candidate over ``questions`` that none of them has seen."""

    model_config = ConfigDict(frozen=True)

    chosen: Origin
    reason: str
    questions: int = 0
    scores: dict[Origin, float] = {}


@dataclass
class Aside:
    """``train`` without the examples that are kept to choose by, which are ``validation``."""

    plan: StartPlan
    train: list[Example] = field(default_factory=list)
    validation: list[Example] = field(default_factory=list)

    @property
    def unused(self) -> list[Unused]:
        return [
            Unused(
                dataset=one.dataset,
                record_id=one.record_id,
                reason="set aside this time to choose where training starts",
            )
            for one in self.validation
        ]


def plan_start(
    wanted: Literal["auto", "base", "current"],
    train: Sequence[Example],
    learned_before: Collection[_Key] | None,
    groups: Mapping[str, str],
    dedup: DedupSettings,
) -> Aside:
    """What to train from, and on what.

    ``learned_before`` are the records that the served release was trained on, None for one that was not trained. ``groups``
    maps chunks to their near duplicates' representative: a group is set aside whole or not at all, with all others that
    are asked the same. None is asked what is like a question that is trained on, as ``dedup`` says.
    """
    everything = Aside(StartPlan(candidates=["base"], reason="as set"), list(train))
    if wanted != "auto":
        everything.plan = StartPlan(candidates=[wanted], reason="as set")
        return everything
    if not learned_before:
        everything.plan = StartPlan(candidates=["base"], reason="the served release was not trained")
        return everything
    if not set(learned_before) <= {(one.dataset, one.record_id) for one in train}:
        reason = "the served release learned from records that are not to be learned from any more"
        everything.plan = StartPlan(candidates=["base"], reason=reason)
        return everything
    validation = _set_aside(train, learned_before, groups, dedup)
    if len(validation) < LEAST_QUESTIONS:
        reason = (
            f"too few new examples to choose by ({len(validation)} of {LEAST_QUESTIONS} could be set aside)"
        )
        everything.plan = StartPlan(candidates=["base"], reason=reason)
        return everything
    aside = {(one.dataset, one.record_id) for one in validation}
    return Aside(
        StartPlan(candidates=["base", "current"], reason=f"{len(validation)} new examples decide"),
        [one for one in train if (one.dataset, one.record_id) not in aside],
        validation,
    )


def choose_start(
    trained: Mapping[Origin, Embedder],
    validation: Sequence[Example],
    others: Sequence[str],
    progress: Progress = SILENT,
) -> StartChoice:
    """Score the candidates on ``validation``, each right text among all of them and ``others``; a tie goes to the base."""
    right = list(dict.fromkeys(one.text for one in validation))
    texts = [*right, *[text for text in dict.fromkeys(others) if text not in set(right)][:_TEXTS]]
    names = [str(number) for number in range(len(texts))]
    name_of = dict(zip(texts, names, strict=True))
    qrels: dict[str, dict[str, int]] = {}
    questions: dict[str, str] = {}
    for one in validation:
        key = normalise(one.query)
        questions.setdefault(key, one.query)
        qrels.setdefault(key, {})[name_of[one.text]] = 1
    scores: dict[Origin, float] = {}
    for origin, embedder in trained.items():
        asked = embedder.queries(list(questions.values()))
        cosines = asked @ embedder.documents(texts, progress=progress).T
        found = score(qrels, rank(np.asarray(cosines, dtype=np.float32), list(questions), names))
        scores[origin] = round(found.metrics["ndcg@10"], 6)
    chosen: Origin = "current" if scores["current"] > scores["base"] else "base"
    reason = (
        f"NDCG@10 {scores['base']:.3f} from the base, {scores['current']:.3f} from the served release, "
        f"on {len(questions)} new questions"
    )
    return StartChoice(chosen=chosen, reason=reason, questions=len(questions), scores=scores)


def _set_aside(
    train: Sequence[Example],
    learned_before: Collection[_Key],
    groups: Mapping[str, str],
    dedup: DedupSettings,
) -> list[Example]:
    """The examples of those units that the served release knows nothing of, up to a share, in a stable order."""
    known = set(learned_before)
    unit_of = _units(train, groups, dedup)
    units: dict[str, list[Example]] = {}
    for example, unit in zip(train, unit_of, strict=True):
        units.setdefault(unit, []).append(example)
    fresh = {
        unit: rows
        for unit, rows in units.items()
        if not any((one.dataset, one.record_id) in known for one in rows)
    }
    most = min(_MOST_QUESTIONS, int(_SHARE * sum(map(len, fresh.values()))))
    chosen: dict[str, list[Example]] = {}
    taken = 0
    for unit in sorted(fresh, key=lambda name: hashlib.sha256((_SALT + name).encode()).hexdigest()):
        if taken + len(fresh[unit]) <= most:
            chosen[unit] = fresh[unit]
            taken += len(fresh[unit])
    _give_back(chosen, [one for one, unit in zip(train, unit_of, strict=True) if unit not in chosen], dedup)
    return [one for rows in chosen.values() for one in rows]


def _units(train: Sequence[Example], groups: Mapping[str, str], dedup: DedupSettings) -> list[str]:
    """For each example the name of its unit: a chunk group with all others that are asked a question like one of its."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            parent[name] = name = parent[parent[name]]
        return name

    own = [root(groups.get(one.chunk_id, one.chunk_id)) for one in train]
    first: dict[int, str] = {}
    for question, group in zip(alike([one.query for one in train], dedup), own, strict=True):
        other = first.setdefault(question, group)
        low, high = sorted((root(other), root(group)))
        parent[high] = low
    return [root(group) for group in own]


def _give_back(chosen: dict[str, list[Example]], trained: Sequence[Example], dedup: DedupSettings) -> None:
    """Take out of ``chosen`` every unit with a question like one that is ``trained`` on, until there is none: those few that
    belong to one unit and were not found to (training.dedup)."""
    queries = [one.query for one in trained]
    while chosen and queries:
        rows = [(unit, one.query) for unit, examples in chosen.items() for one in examples]
        near = {rows[match.index][0] for match in find_matches([query for _, query in rows], queries, dedup)}
        queries = [one.query for unit in sorted(near) for one in chosen[unit]]
        for unit in near:
            del chosen[unit]
