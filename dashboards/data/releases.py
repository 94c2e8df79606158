"""The releases as the page shows them: which one is served, and how each of them scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from curation import ClayloopError, Home
from dashboards.data.evaluation import Evaluation, read_evaluation
from dashboards.data.notice import Notice, notice_of
from serving import Release, ReleaseStore

METRICS = {"ndcg@10": "NDCG@10", "mrr@10": "MRR@10", "recall@10": "Recall@10"}


@dataclass(frozen=True)
class ReleaseRow:
    """One release. ``metrics`` maps "ndcg@10" and so on to means over held-out questions: of its own run, or,
    for a release that no run made, of the run that replaced it. Empty when it was never evaluated."""

    release: Release
    metrics: Mapping[str, float]
    evaluation: Evaluation = field(default_factory=Evaluation)
    served: bool = False

    @property
    def id(self) -> str:
        return self.release.id

    @property
    def examples(self) -> int:
        return self.release.trained_on.get("examples", 0)

    @property
    def unjudged(self) -> str:
        """What to say of it where no run has judged it."""
        if self.release.parent is None:
            return "The first release: there was none to compare it with."
        return f"No run says how {self.id} compares with the release before it."

    def before(self, metric: str) -> float | None:
        """The metric of the release before, on this one's questions; None when nobody measured it."""
        return self.evaluation.baseline.get(metric)


@dataclass(frozen=True)
class ReleasesView:
    """All releases, oldest first; ``damaged`` maps the id of one that cannot be read (or whose evaluation
    cannot) to why. ``pointer`` is set when the pointer to the served release is broken."""

    rows: Sequence[ReleaseRow] = ()
    damaged: Mapping[str, Notice] = field(default_factory=dict)
    pointer: Notice | None = None

    @property
    def served(self) -> ReleaseRow | None:
        return next((row for row in self.rows if row.served), None)


def read_releases(home: Home) -> ReleasesView:
    """Everything in ``releases/``; never raises for what is in it."""
    store = ReleaseStore(home)
    pointer: Notice | None = None
    current: str | None = None
    try:
        current = store.current_id()
    except (ClayloopError, OSError, ValueError) as error:
        pointer = notice_of(error, "The pointer to the served release")
    rows: list[ReleaseRow] = []
    damaged: dict[str, Notice] = {}
    for release_id in store.ids():
        try:
            release = store.get(release_id)
            row = ReleaseRow(release, release.metrics, served=release_id == current)
        except (ClayloopError, OSError, ValueError) as error:
            damaged[release_id] = notice_of(error, f"Release {release_id}")
            continue
        try:
            row = replace(row, evaluation=read_evaluation(store.folder(release_id)))
        except (ClayloopError, OSError, ValueError) as error:
            damaged[release_id] = notice_of(error, f"The evaluation of release {release_id}")
        rows.append(row)
    if current is not None and current not in damaged and all(row.id != current for row in rows):
        pointer = Notice(
            f"The served release {current} is not among the releases.", "See `clayloop releases`."
        )
    return ReleasesView(_measured_by_successors(rows), damaged, pointer)


def state_of_releases(home: Home) -> tuple[Sequence[str], str | None]:
    """Changes with the releases and which is served. Raises ReleaseError for a damaged pointer."""
    store = ReleaseStore(home)
    return store.ids(), store.current_id()


def _measured_by_successors(rows: Sequence[ReleaseRow]) -> list[ReleaseRow]:
    """Give a release that was made without a run the metrics from the first run that compared with it."""
    compared: dict[str, Mapping[str, float]] = {}
    for row in rows:
        if row.release.parent and row.evaluation.baseline:
            compared.setdefault(row.release.parent, row.evaluation.baseline)
    return [row if row.metrics else replace(row, metrics=compared.get(row.id, {})) for row in rows]
