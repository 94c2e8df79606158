"""Two releases side by side: the questions that a run asked both, and what each finds for one more."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from curation import SECTION_SEPARATOR, Home
from dashboards.data.commands import run_clayloop
from serving import EVALUATION_FILE, ReleaseStore
from training import read_comparison

METRIC = "ndcg@10"
SHOWN = 5  # passages of each release


@dataclass(frozen=True)
class AskedBoth:
    """A held-out question, and its NDCG@10 under the older and the newer release."""

    question: str
    before: float
    after: float

    @property
    def change(self) -> float:
        return self.after - self.before


class Found(BaseModel):
    """A passage that a release finds."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str
    path: str
    section: tuple[str, ...]
    url: str
    score: float
    text: str

    @property
    def title(self) -> str:
        return SECTION_SEPARATOR.join(self.section) or self.path

    @property
    def excerpt(self) -> str:
        return " ".join(self.text.removeprefix(SECTION_SEPARATOR.join(self.section)).split())


class Answered(BaseModel):
    """What ``release`` finds, best first. ``answerable``: the bot would answer from it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    release: str
    answerable: bool
    hits: tuple[Found, ...]


def asked_both(home: Home, older: str, newer: str) -> list[AskedBoth]:
    """What the run that made ``newer`` asked both, the largest changes first; none when it compared with
    another release than ``older``. Raises StateError for a damaged evaluation, ReleaseError for an id that is
    none."""
    path = ReleaseStore(home).folder(newer) / EVALUATION_FILE
    if not path.exists():
        return []
    return [*_asked_both(path, path.stat().st_mtime_ns, older)]


# An evaluation is large and never changes, so it is not parsed again at each refresh.
@lru_cache(maxsize=16)
def _asked_both(path: Path, changed: int, older: str) -> tuple[AskedBoth, ...]:
    found = read_comparison(path)
    if found.release_before != older or not found.holdout.questions:
        return ()
    values = zip(
        found.holdout.questions,
        found.holdout.values("served", METRIC),
        found.holdout.values("candidate", METRIC),
        strict=True,
    )
    rows = (AskedBoth(one.text, before, after) for one, before, after in values)
    return tuple(sorted(rows, key=lambda row: (-abs(row.change), row.question)))


def ask_both(command: Sequence[str], releases: Sequence[str], question: str) -> list[Answered]:
    """What each of ``releases`` finds, by `clayloop search`: a running bot answers for the release that it
    serves, and no model stays in this process. Raises ClayloopError."""

    def ask(release: str) -> Answered:
        options = ("--release", release, "-k", str(SHOWN), "--json")
        return Answered.model_validate(run_clayloop(command, "search", *options, "--", question))

    with ThreadPoolExecutor(len(releases)) as threads:
        return [*threads.map(ask, releases)]


def is_same(first: Answered, second: Answered) -> bool:
    """Whether both find the same passages in the same order."""
    return [one.id for one in first.hits] == [one.id for one in second.hits]
