"""How good releases are at finding: means with intervals, by kind of question, dimension and slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import fmean

from curation import Home
from dashboards.data.compared import METRIC
from serving import EVALUATION_FILE, ReleaseStore
from training import GateSettings, Slice, mean_interval, question_kind, read_comparison, slices

CONFIDENCE = 0.95
ALL = "all"


@dataclass(frozen=True)
class Mean:
    """The mean of a release's metric over ``questions`` of one ``kind``, with its interval. ``own``: over the
    questions of its own run; else over those of the run that replaced it."""

    release: str
    kind: str
    questions: int
    value: float
    low: float
    high: float
    own: bool = True


@dataclass(frozen=True)
class Quality:
    """What the run that made a release measured: of it (``after``) and of the one before (``before``)."""

    release: str
    parent: str
    after: Sequence[Mean]
    before: Sequence[Mean]
    slices: Sequence[Slice]


def read_quality(home: Home, release: str, gate: GateSettings) -> Quality | None:
    """Of the run that made ``release``; None where none measured it. Raises StateError for a damaged file."""
    path = ReleaseStore(home).folder(release) / EVALUATION_FILE
    if not path.exists():
        return None
    return _read(path, path.stat().st_mtime_ns, release, gate.model_dump_json())


# An evaluation is large and never changes; what is kept of it is small.
@lru_cache(maxsize=256)
def _read(path: Path, changed: int, release: str, gate: str) -> Quality | None:
    found = read_comparison(path)
    asked = found.holdout
    if not asked.questions:
        return None
    kinds = [question_kind(one.is_heading, one.origin) for one in asked.questions]
    means: dict[str, list[Mean]] = {"candidate": [], "served": []}
    for side, name, own in (("candidate", release, True), ("served", found.release_before, False)):
        values = asked.values("candidate" if own else "served", METRIC)
        for kind in dict.fromkeys((ALL, *sorted(kinds))):
            of_kind = [value for value, one in zip(values, kinds, strict=True) if kind in (ALL, one)]
            interval = mean_interval(of_kind, CONFIDENCE)
            low, high = max(0.0, interval.low), min(1.0, interval.high)
            means[side].append(Mean(name, kind, len(of_kind), fmean(of_kind), low, high, own))
    cut = slices(asked, GateSettings.model_validate_json(gate))
    return Quality(release, found.release_before, means["candidate"], means["served"], cut)


def read_means(home: Home, releases: Sequence[str], gate: GateSettings) -> list[Mean]:
    """Of each release in turn: as its own run measured it, else as the run that replaced it did. A damaged
    evaluation is left out: the list of releases says so."""
    own: dict[str, Sequence[Mean]] = {}
    replaced: dict[str, Sequence[Mean]] = {}
    for release in releases:
        try:
            found = read_quality(home, release, gate)
        except (OSError, ValueError, RuntimeError):
            continue
        if found is not None:
            own[release] = found.after
            replaced.setdefault(found.parent, found.before)
    return [mean for release in releases for mean in own.get(release) or replaced.get(release) or ()]
