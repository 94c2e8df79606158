"""The releases as the page shows them: which one is served, and how each of them scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from curation.errors import ClayloopError
from curation.home import Home
from dashboards.data.notice import Notice, notice_of
from serving.release import Release
from serving.releases import ReleaseStore

METRICS = {"ndcg@10": "NDCG@10", "mrr@10": "MRR@10", "recall@10": "Recall@10"}


@dataclass(frozen=True)
class ReleaseRow:
    """One release. ``metrics`` maps "ndcg@10" and so on to the release's value on its own holdout; ``dimensions`` does
    so per Matryoshka dimension, the model's own first; both are empty for a release that was never evaluated."""

    id: str
    created_at: datetime
    parent: str | None
    run_id: str | None
    model: str
    chunks: int
    dimension: int
    trained_on: Mapping[str, int]
    metrics: Mapping[str, float]
    dimensions: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    baseline: float | None = None
    served: bool = False

    @property
    def examples(self) -> int:
        return self.trained_on.get("examples", 0)


@dataclass(frozen=True)
class ReleasesView:
    """All releases, oldest first; ``damaged`` maps the id of one that cannot be read to why. ``pointer`` is set when
    the pointer to the served release is broken."""

    rows: Sequence[ReleaseRow] = ()
    damaged: Mapping[str, Notice] = field(default_factory=dict)
    pointer: Notice | None = None

    @property
    def served(self) -> ReleaseRow | None:
        return next((row for row in self.rows if row.served), None)

    def before(self, row: ReleaseRow) -> ReleaseRow | None:
        """The release that ``row`` was made to replace."""
        return next((other for other in self.rows if other.id == row.parent), None)

    def score_before(self, row: ReleaseRow) -> float | None:
        """NDCG@10 of the release before ``row`` on the questions of ``row``; None when nobody measured it."""
        return row.baseline


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
        except (ClayloopError, OSError, ValueError) as error:
            damaged[release_id] = notice_of(error, f"Release {release_id}")
        else:
            rows.append(_row(release, store.folder(release_id), release_id == current))
    if current is not None and current not in damaged and all(row.id != current for row in rows):
        pointer = Notice(
            f"The served release {current} is not among the releases.", "Look at `clayloop releases`."
        )
    return ReleasesView(rows, damaged, pointer)


def _row(release: Release, folder: Path, served: bool) -> ReleaseRow:
    return ReleaseRow(
        id=release.id,
        created_at=release.created_at,
        parent=release.parent,
        run_id=release.run_id,
        model=release.base_model,
        chunks=release.index.rows,
        dimension=release.embedding.dimension,
        trained_on=release.trained_on,
        metrics=release.metrics,
        served=served,
    )
