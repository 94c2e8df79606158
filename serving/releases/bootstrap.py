"""The first release: the base model over all current chunks, whitened by them, with no training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from curation import SILENT, Home, Progress, StateError
from serving.releases.build import ReleaseParts, build_release
from serving.releases.promotions import BOOTSTRAP
from serving.releases.record import Release, ReleaseOrigin
from serving.releases.store import ReleaseStore
from serving.retrieval.embedding import Embedder
from serving.retrieval.making import fit_space
from serving.settings import ServingSettings

if TYPE_CHECKING:
    from curation import Corpus

_BUILD = "bootstrap"


def bootstrap(
    home: Home,
    corpus: Corpus,
    settings: ServingSettings,
    progress: Progress = SILENT,
    force: bool = False,
) -> Release:
    """Make a release from the base model and promote it.

    Raises StateError when a release is served already, unless ``force``, and when the corpus has no chunks,
    BusyError while another bootstrap is at work, SettingsError when the base model can't be loaded.
    """
    store = ReleaseStore(home)
    current = None if force else store.current_id()
    if current is not None:
        raise StateError(
            f"Release {current} is served already.",
            "Retrain to improve it, or run `clayloop bootstrap --force` to go back to the base model.",
        )
    if not corpus.chunks:
        raise StateError("The corpus has no chunks.", "Run `clayloop ingest SOURCE` first.")
    model = settings.embedding.model
    folder = store.staging(_BUILD, empty=True)
    try:
        with progress.task(f"Loading {model}"):
            embedder = Embedder(model, settings.embedding)
        space = fit_space(embedder, corpus.chunks, settings.retrieval.whiten, progress)
        parts = ReleaseParts(embedder, corpus.chunks, space)
        origin = ReleaseOrigin(base_model=model, parent=store.served_id())
        release = store.publish(folder, build_release(folder, parts, origin, settings, progress))
    finally:
        store.discard(_BUILD)
    store.promote(release.id, by=BOOTSTRAP)
    return release
