"""How far annotation is, per dataset and annotator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from curation import ArgillaSettings, Home

if TYPE_CHECKING:
    import argilla as rg

    from curation import DatasetProgress

TITLES = {"chunks": "Chunks", "triplets": "Triplets", "conversations": "Conversations"}
LONGEST_WAIT = 15.0


@dataclass(frozen=True)
class AnnotatorRow:
    """One annotator's responses in one dataset. ``simulated`` is clayloop's own annotator of the demo."""

    name: str
    submitted: int
    draft: int
    discarded: int
    simulated: bool = False


@dataclass(frozen=True)
class DatasetRow:
    """One dataset: ``name`` is Argilla's, ``title`` ours. ``completed`` and ``pending`` count records.
    ``exists`` is False until something was pushed there."""

    name: str
    title: str
    total: int
    completed: int
    pending: int
    exists: bool = True
    annotators: Sequence[AnnotatorRow] = ()

    @property
    def share(self) -> float:
        """Completed records of all, 0 to 1; 0 for an empty dataset."""
        return min(1.0, max(0.0, self.completed / self.total)) if self.total > 0 else 0.0


T = TypeVar("T")


class ArgillaReader(Generic[T]):
    """Reads with ``read``, over one connection as long as that works.

    The Argilla SDK takes seconds to import, so the first call imports it, in the feed's thread.
    """

    def __init__(
        self,
        home: Home,
        settings: ArgillaSettings,
        read: Callable[[rg.Argilla, ArgillaSettings], Sequence[T]],
    ) -> None:
        self._home, self._read = home, read
        self._settings = settings.model_copy(update={"timeout": min(settings.timeout, LONGEST_WAIT)})
        self._client: rg.Argilla | None = None

    def __call__(self) -> Sequence[T]:
        """What it reads. Raises ArgillaError when Argilla does not answer or refuses the key."""
        from curation import connect_to_argilla

        client = self._client or connect_to_argilla(self._settings, self._home, make_workspace=False)
        self._client = None  # after an error we connect anew: address or key may have changed
        found = self._read(client, self._settings)
        self._client = client
        return found


def read_datasets(client: rg.Argilla, settings: ArgillaSettings) -> list[DatasetRow]:
    """The three datasets. Raises ArgillaError."""
    from curation import SIMULATED_ANNOTATOR, read_progress

    return [dataset_row(progress, SIMULATED_ANNOTATOR) for progress in read_progress(client, settings)]


def dataset_row(progress: DatasetProgress, simulated: str) -> DatasetRow:
    """What curation read, as the page shows it; ``simulated`` is the name of the simulated annotator."""
    return DatasetRow(
        name=progress.name,
        title=TITLES.get(progress.dataset, progress.dataset),
        total=progress.total,
        completed=progress.completed,
        pending=progress.pending,
        exists=progress.exists,
        annotators=[
            AnnotatorRow(
                one.username, one.submitted, one.draft, one.discarded, simulated=one.username == simulated
            )
            for one in progress.annotators
        ],
    )
