"""What the steps of the preparation share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from curation import Chunk, Corpus, Home, Progress
from serving import Release, ReleaseStore, ServingSettings
from training.ledger.history import History
from training.ledger.rows import LedgerRow
from training.prepare.similarity import VectorsOf
from training.settings import DedupSettings, TrainingSettings


@dataclass(frozen=True)
class RunContext:
    """The state folder, its documents, the settings, and ``served``, the release that a candidate is compared
    with."""

    home: Home
    corpus: Corpus
    settings: TrainingSettings
    serving: ServingSettings
    store: ReleaseStore
    served: Release
    progress: Progress


@dataclass(frozen=True)
class Setting:
    """``chunks`` are those to index. ``groups`` maps a chunk's id to the one that stands for its near
    duplicates, and for what it was before an edit (``split.chunk_groups``). ``holdout_share`` of the sections
    is kept for evaluation. ``tests`` are the questions of test sets of one's own, by name. ``vectors_of``
    embeds questions; without it only their wording is compared. ``held`` are the groups of chunks that are
    held out (``split.held_groups``).
    """

    chunks: Sequence[Chunk]
    groups: Mapping[str, str]
    dedup: DedupSettings = field(default_factory=DedupSettings)
    holdout_share: float = 0.2
    history: History = field(default_factory=History)
    tests: Mapping[str, str] = field(default_factory=dict)
    vectors_of: VectorsOf | None = None
    held: frozenset[str] = frozenset()

    def group_of(self, row: LedgerRow) -> str:
        """The chunk that stands for the row's chunk and all its near duplicates."""
        return self.groups.get(row.chunk_id, row.chunk_id)

    @property
    def by_meaning(self) -> VectorsOf | None:
        """What embeds questions, where their meaning is to be compared."""
        return self.vectors_of if self.dedup.semantic else None
