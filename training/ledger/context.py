"""What every step of a retrain needs beside its own material."""

from __future__ import annotations

from dataclasses import dataclass

from curation import Corpus, Home, Progress
from serving import Release, ReleaseStore, ServingSettings
from training.settings import TrainingSettings


@dataclass(frozen=True)
class RunContext:
    """Where the state is, what there is to learn about, the settings, and the release that a candidate is compared with.

    ``served`` is that release: the one that was served when the run began. ``progress`` shows people how far a step is.
    """

    home: Home
    corpus: Corpus
    settings: TrainingSettings
    serving: ServingSettings
    store: ReleaseStore
    served: Release
    progress: Progress
