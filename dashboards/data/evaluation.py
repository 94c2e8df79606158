"""What evaluation.json in a release says: the candidate and the release before it, on the same questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from curation import read_record
from serving import EVALUATION_FILE
from training import question_kind

Scores = Mapping[str, float]


@dataclass(frozen=True)
class Evaluation:
    """Means per Matryoshka dimension and metric ("ndcg@10", …) over held-out questions, of which ``kinds``
    counts each kind.
    ``after`` is the release's own, ``before`` that of the release it was compared with; both are empty when
    nobody evaluated it."""

    before: Mapping[int, Scores] = field(default_factory=dict)
    after: Mapping[int, Scores] = field(default_factory=dict)
    kinds: Mapping[str, int] = field(default_factory=dict)

    @property
    def questions(self) -> int:
        return sum(self.kinds.values())

    @property
    def baseline(self) -> Scores:
        """The release before, at full dimension."""
        return self.before[max(self.before)] if self.before else {}


def read_evaluation(folder: Path) -> Evaluation:
    """The evaluation in a release's folder, empty when there is none. Raises StateError if it is damaged."""
    path = folder / EVALUATION_FILE
    try:
        return _read(path, path.stat().st_mtime_ns)
    except FileNotFoundError:
        return Evaluation()


# The file is large and never changes, so it is not parsed again at each refresh.
@lru_cache(maxsize=256)
def _read(path: Path, changed: int) -> Evaluation:
    found = read_record(path, _File)
    if not found.holdout:  # nothing was asked: its means are zeros
        return Evaluation()
    return Evaluation(
        before={size: one.metrics for size, one in found.served.items()},
        after={size: one.metrics for size, one in found.candidate.items()},
        kinds=dict(Counter(question_kind(one.is_heading, one.origin) for one in found.holdout).most_common()),
    )


class _Means(BaseModel):
    """The part of an evaluation that is shown."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    metrics: dict[str, float]


class _Question(BaseModel):
    model_config = ConfigDict(extra="ignore")

    is_heading: bool = False
    origin: str = ""


class _File(BaseModel):
    model_config = ConfigDict(extra="ignore")

    holdout: list[_Question] = []
    served: dict[int, _Means] = {}
    candidate: dict[int, _Means] = {}
