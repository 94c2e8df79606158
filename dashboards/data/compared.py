"""Two releases side by side: the questions that a run asked both, and what each finds for one more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from curation import Home
from serving import EVALUATION_FILE, Hit, ReleaseStore, Retriever, ServingSettings, load_release
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


@dataclass(frozen=True)
class Found:
    """A passage that a release finds. ``by``: the accepted question that led to it, if one did."""

    title: str
    path: str
    address: str
    score: float
    excerpt: str


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


def open_release(home: Home, release: str, settings: ServingSettings) -> Retriever:
    """A release to search in. Raises ReleaseError when it is gone or damaged."""
    return load_release(ReleaseStore(home), release, settings)


def search(retriever: Retriever, question: str) -> list[Found]:
    """Its best passages for ``question``."""
    return [_found(hit) for hit in retriever.search(question, SHOWN)]


def _found(hit: Hit) -> Found:
    chunk = hit.chunk
    title = " › ".join(chunk.section) or chunk.path
    return Found(title, chunk.path, chunk.url, hit.score, " ".join(chunk.body.split()))


def is_same(first: Sequence[Found], second: Sequence[Found]) -> bool:
    """Whether both lists show the same passages in the same order."""
    return [(one.path, one.title) for one in first] == [(one.path, one.title) for one in second]
