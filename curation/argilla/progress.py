"""How far the annotators are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from curation.argilla.api import Api, JsonObject
from curation.argilla.datasets import RemoteDataset, find_all
from curation.argilla.schemas import DATASETS, dataset_name
from curation.records.decision import DatasetName
from curation.settings import ArgillaSettings

if TYPE_CHECKING:
    import argilla as rg


class AnnotatorProgress(BaseModel):
    """Responses of one annotator in one dataset, by status."""

    model_config = ConfigDict(frozen=True)

    username: str
    submitted: int = 0
    draft: int = 0
    discarded: int = 0


class DatasetProgress(BaseModel):
    """Records of one dataset. ``completed`` have as many submitted responses as the dataset asks for.

    ``exists`` is False, and everything 0, when nothing has been pushed there yet.
    """

    model_config = ConfigDict(frozen=True)

    dataset: DatasetName
    name: str
    exists: bool = True
    total: int = 0
    completed: int = 0
    pending: int = 0
    annotators: tuple[AnnotatorProgress, ...] = ()

    @property
    def share(self) -> float:
        """Completed records, 0 to 1."""
        return self.completed / self.total if self.total else 0.0


def read_progress(client: rg.Argilla, settings: ArgillaSettings) -> list[DatasetProgress]:
    """Progress of the datasets, in their order: a handful of small requests. Raises ArgillaError."""
    api = Api.of(client)
    found = find_all(api, settings)
    report = []
    for kind in DATASETS:
        if kind not in found:
            report.append(DatasetProgress(dataset=kind, name=dataset_name(settings, kind), exists=False))
        for dataset in found.get(kind, []):
            doing = f"reading the progress of {dataset.name!r}"
            counts = api.request("GET", f"/api/v1/datasets/{dataset.id}/progress", doing)
            report.append(
                DatasetProgress(
                    dataset=kind,
                    name=dataset.name,
                    total=counts["total"],
                    completed=counts["completed"],
                    pending=counts["pending"],
                    annotators=read_annotators(api, dataset),
                )
            )
    return report


def read_annotators(api: Api, dataset: RemoteDataset) -> tuple[AnnotatorProgress, ...]:
    """What each person has done in ``dataset``, by name. Raises ArgillaError."""
    path = f"/api/v1/datasets/{dataset.id}/users/progress"
    users = api.request("GET", path, f"reading the progress of {dataset.name!r}")["users"]
    return tuple(_annotator(user) for user in sorted(users, key=lambda user: str(user["username"])))


def _annotator(user: JsonObject) -> AnnotatorProgress:
    parts = [user.get(status) or {} for status in ("completed", "pending")]  # the records' status
    return AnnotatorProgress(
        username=user["username"],
        submitted=sum(part.get("submitted", 0) for part in parts),
        draft=sum(part.get("draft", 0) for part in parts),
        discarded=sum(part.get("discarded", 0) for part in parts),
    )
