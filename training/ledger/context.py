"""What a retrain works with."""

from __future__ import annotations

from dataclasses import dataclass

from curation import Corpus, Home, Progress
from serving import Release, ReleaseStore, ServingSettings
from training.settings import TrainingSettings


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
