"""How base model, served release and candidate do on the same questions over the same chunks: the record of
it, its file evaluation.json, and the slices of the holdout.

Values of single questions are kept in columns (metric → list, in the order of the questions, 4 decimals): a
thousand questions at four dimensions take half a megabyte.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

from pydantic import BaseModel, Field

from curation import StateError, read_json, write_json, write_text
from training.judge.coverage import Coverage
from training.judge.evaluate import Scores
from training.judge.intervals import Interval, mean_interval
from training.judge.plausibility import Plausibility
from training.judge.questions import HoldoutQuestion
from training.settings import SLICE_QUERIES, GateSettings

Side = Literal["base", "served", "candidate"]
SIDES: tuple[Side, ...] = ("base", "served", "candidate")
Kind = Literal["holdout", "cross-fitted", "own", "generic"]
PerDimension = dict[int, Scores]

LATENCY_FILE = "latency.json"
BY = ("source", "section", "origin", "style")


class ComparedSet(BaseModel):
    """One set of questions under all three models. ``cross-fitted`` ones were put to models that were each
    trained without their sections. ``own`` sets have a user's qrels over the bot's own chunks; ``generic``
    ones, which bring their documents, are about other things and tell forgetting."""

    name: str
    kind: Kind
    questions: list[HoldoutQuestion]
    base: PerDimension
    served: PerDimension
    candidate: PerDimension

    def side(self, side: Side) -> PerDimension:
        found: PerDimension = getattr(self, side)
        return found

    def of_kind(self, is_heading: bool) -> ComparedSet:
        """With the questions that are headings only, or with the others."""
        kept = [one for one in self.questions if one.is_heading is is_heading]
        return self.model_copy(update={"questions": kept})

    def values(self, side: Side, metric: str) -> list[float]:
        """Those of the questions in turn, at full dimension."""
        found = at(self.side(side)).questions
        return [found[question.id][metric] for question in self.questions]

    def differences(self, metric: str, old: Side = "served") -> list[float]:
        """candidate − ``old`` for each question in turn, at full dimension."""
        pairs = zip(self.values("candidate", metric), self.values(old, metric), strict=True)
        return [new - before for new, before in pairs]


class RefusalRates(BaseModel):
    """What a model would refuse. ``threshold``: the least nearness (`serving.retrieval.space`) that is
    answered. ``answered``: the share of off-topic questions that it lets pass. ``refused`` says of each
    question that decides whether the bot would refuse it. ``smoke`` maps the maintainer's own questions, and
    those that were judged to be out of bounds, to the nearness of the index."""

    threshold: float
    answered: float
    refused: list[bool] = Field(default_factory=list)
    smoke: dict[str, float] = Field(default_factory=dict)


class Latency(BaseModel):
    """Median seconds of a question (embedding, search and reranking), asked of both in turn. ``reranks``: the
    candidate has a reranker."""

    served: float
    candidate: float
    reranks: bool = False


class Comparison(BaseModel):
    """Everything that the gate judges.

    ``earlier`` holds the ids of the holdout questions that the served release was judged by too and nobody
    has answered differently since. ``without_reranker`` has the candidate's means on the holdout by its
    embedding model alone, where it has a reranker. ``latency`` is measured, not computed: it is no part of
    evaluation.json, which is the same after a rerun, but of the file beside it.
    """

    release_before: str
    base_model: str
    holdout: ComparedSet
    earlier: list[str]
    sets: list[ComparedSet] = Field(default_factory=list)
    served_refusals: RefusalRates
    candidate_refusals: RefusalRates
    decisions: Plausibility = Plausibility()
    coverage: Coverage = Coverage()
    without_reranker: dict[str, float] = Field(default_factory=dict)
    latency: Latency | None = None

    @property
    def deciding(self) -> list[ComparedSet]:
        """The sets whose questions decide: the holdout, what was cross-fitted, and the user's own about the
        bot's documents."""
        return [self.holdout, *(one for one in self.sets if one.kind != "generic")]

    def judging(self, fewest: int) -> list[ComparedSet]:
        """``deciding`` without headings, unless there are fewer than ``fewest`` other questions: nobody asks
        as a heading is put."""
        others = [one.of_kind(is_heading=False) for one in self.deciding]
        return others if sum(len(one.questions) for one in others) >= fewest else self.deciding

    def decisive(self, metric: str, fewest: int, old: Side = "served") -> list[float]:
        """candidate − ``old`` for each question that decides."""
        return [value for one in self.judging(fewest) for value in one.differences(metric, old)]

    def by_age(self, metric: str) -> tuple[list[float], list[float]]:
        """candidate − served on the ``earlier`` questions of the holdout, and on those that came since."""
        asked = list(zip(self.holdout.questions, self.holdout.differences(metric), strict=True))
        earlier = set(self.earlier)
        return (
            [value for question, value in asked if question.id in earlier],
            [value for question, value in asked if question.id not in earlier],
        )


def at(scores: Mapping[int, Scores]) -> Scores:
    """At full dimension, the one that is served."""
    return scores[max(scores)]


def write_comparison(path: Path, found: Comparison) -> None:
    """Write evaluation.json, with the holdout at the top level, where the dashboard looks for it, and
    latency.json."""
    value = found.model_dump(mode="json", exclude={"holdout", "sets", "latency"})
    value |= _packed(found.holdout, questions="holdout")
    value["sets"] = [_packed(one, questions="questions") for one in found.sets]
    if found.latency is not None:
        write_json(path.with_name(LATENCY_FILE), found.latency.model_dump(mode="json"))
    write_text(path, json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")


def read_comparison(path: Path) -> Comparison:
    """Read it back, a latency.json beside it included. Raises StateError when it is missing or damaged."""
    beside = path.with_name(LATENCY_FILE)
    try:
        value = read_json(path)
        value["sets"] = [_unpacked(one, questions="questions") for one in value["sets"]]
        value["holdout"] = _unpacked(value, questions="holdout")
        value["latency"] = read_json(beside) if beside.exists() else None
        return Comparison.model_validate(value)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise StateError(
            f"{path} can't be read: it is missing or damaged.",
            "Remove the run's folder and start again; the served release is untouched.",
        ) from error


def _packed(found: ComparedSet, questions: str) -> dict[str, Any]:
    """Its fields, the values of its questions in columns."""
    ids = [question.id for question in found.questions]
    asked = [question.model_dump(mode="json") for question in found.questions]
    value: dict[str, Any] = {"name": found.name, "kind": found.kind, questions: asked}
    for side in SIDES:
        value[side] = {
            size: {
                "metrics": {name: round(mean, 6) for name, mean in one.metrics.items()},
                "values": {name: [round(one.questions[key][name], 4) for key in ids] for name in one.metrics},
            }
            for size, one in found.side(side).items()
        }
    return value


def _unpacked(value: Mapping[str, Any], questions: str) -> dict[str, Any]:
    """The fields of a ComparedSet."""
    import pandas as pd

    ids = [question["id"] for question in value[questions]]
    found: dict[str, Any] = {"name": value["name"], "kind": value["kind"], "questions": value[questions]}
    for side in SIDES:
        found[side] = {
            size: {
                "metrics": one["metrics"],
                "questions": pd.DataFrame(one["values"], index=ids).to_dict("index"),
            }
            for size, one in value[side].items()
        }
    return found


class Slice(BaseModel):
    """The questions whose ``by`` is ``value``. ``base``, ``served`` and ``candidate`` are means of the
    deciding metric at full dimension; ``change`` is candidate − served, ``alone`` the same at the confidence
    of a single interval; None with fewer questions than count."""

    by: str
    value: str
    queries: int
    base: float
    served: float
    candidate: float
    change: Interval | None = None
    alone: Interval | None = None


def slices(found: ComparedSet, settings: GateSettings) -> list[Slice]:
    """Every slice of the holdout, the largest first. A property that all questions share makes none.

    The intervals are at a confidence that is shared out among all slices that count (Bonferroni): with twenty
    slices, one in twenty would otherwise seem to drop by chance.
    """
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    sections = sections_of(found.questions)
    for row, question in enumerate(found.questions):
        for by in BY:
            value = sections[row] if by == "section" else str(getattr(question, by))
            groups[by, value or "none"].append(row)
    parts = {key: rows for key, rows in groups.items() if len(rows) < len(found.questions)}
    counted = sum(len(rows) >= SLICE_QUERIES for rows in parts.values())
    shared = 1 - (1 - settings.confidence) / max(1, counted)
    differences = found.differences(settings.metric)
    values = {side: found.values(side, settings.metric) for side in SIDES}
    made = []
    for (by, value), rows in parts.items():
        means = {side: fmean(values[side][row] for row in rows) for side in SIDES}
        one = Slice(by=by, value=value, queries=len(rows), **means)
        if len(rows) >= SLICE_QUERIES:
            changes = [differences[row] for row in rows]
            one.change = mean_interval(changes, shared)
            one.alone = mean_interval(changes, settings.confidence)
        made.append(one)
    return sorted(made, key=lambda one: (BY.index(one.by), -one.queries, one.value))


def sections_of(questions: Sequence[HoldoutQuestion]) -> list[str]:
    """The section of each question: its path cut at the first level where two parts or more have enough
    questions to count, or, where no level has that, at the first that tells questions apart."""
    parts = [question.path.split("/") if question.path else [question.section] for question in questions]
    first: list[str] | None = None
    for level in range(1, max(map(len, parts), default=1) + 1):
        cut = ["/".join(part[:level]) for part in parts]
        sizes = Counter(cut)
        if sum(size >= SLICE_QUERIES for size in sizes.values()) >= 2:
            return cut
        if first is None and len(sizes) > 1:
            first = cut
    return first or ["/".join(part) for part in parts]
