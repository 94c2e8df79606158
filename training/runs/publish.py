"""From a candidate that may be served to a release, and to the release that is served.

The step may be killed anywhere and is then done again. What came of it is not remembered: the pointer to the
served release and the log of promotions tell.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from curation import Chunk, write_text
from serving import (
    CARD_FILE,
    EVALUATION_FILE,
    LINEAGE_FILE,
    MODEL_FOLDER,
    RERANKER_FOLDER,
    Embedder,
    EmbeddingSettings,
    NotPromotedError,
    ReleaseDraft,
    ReleaseOrigin,
    ReleaseParts,
    ReleaseStore,
    RerankerChoice,
    Vectors,
    build_release,
    model_name,
)
from training.prepare.prepared import RunContext
from training.runs.record import Outcome, RunRecord
from training.runs.run import Run


@dataclass(frozen=True)
class Candidate:
    """What a release is put together from.

    ``model`` is a folder, ``vectors`` are float32 of shape (chunks, dimensions), ``evaluation`` is the file
    with the comparison, ``ledger`` that with what became of each decision. ``trained_on`` and ``metrics`` are
    for the release's record. ``card`` makes the model card's Markdown.
    """

    model: Path
    embedding: EmbeddingSettings
    chunks: Sequence[Chunk]
    vectors: Vectors
    ledger: Path
    evaluation: Path
    trained_on: dict[str, int]
    metrics: dict[str, float]
    card: Callable[[ReleaseDraft], str]
    reranker: RerankerChoice | None = None


@dataclass(frozen=True)
class Ending:
    """What came of a run that had something to publish.

    ``verdict`` is empty when its release is served; the gate's reason holds then. ``release`` is the id of
    its release if that is served, else None. ``overtaken``: somebody promoted another release before it could
    promote its own.
    """

    outcome: Outcome
    verdict: str
    release: str | None = None
    overtaken: bool = False


def publish(run: Run, context: RunContext, candidate: Callable[[], Candidate]) -> str:
    """The step "publish": make a release of the candidate, and serve it if the release that it was compared
    with still is.

    Returns a note for people. ``candidate`` is called only if an earlier, killed try has not published it
    yet. Raises StateError on a full disk and ReleaseError for a damaged release.
    """
    release = context.store.of_run(run.id)
    if release is None:
        staging = context.store.staging(run.id)
        release = context.store.publish(staging, _draft(run, context, candidate(), staging))
    try:
        context.store.promote(release.id, expected=context.served.id, by=run.id)
    except NotPromotedError as error:
        if error.overruled:
            return f"{release.id} was promoted before, and {error.served} since"
        return f"not promoted, kept as {release.id}: {error.served} is served by now"
    return f"{release.id} is served now"


def ending_of(record: RunRecord, store: ReleaseStore) -> Ending | None:
    """What came of a run; None while its release has neither been promoted nor been refused.

    Raises ReleaseError when nobody can tell what is served, StateError when the log of promotions can't be
    read.
    """
    mine, served = store.of_run(record.id), store.current_id()
    if mine is not None and mine.id == served:
        return Ending("promoted", "", mine.id)
    if store.promotions.is_overruled(record.id, mine.id if mine else None):
        made = mine.id if mine else "a release that is gone"
        return Ending("rejected", f"Promoted as {made}, but somebody has promoted {served} since.")
    if record.has_finished("publish"):
        kept = f"is kept as {mine.id}" if mine else "has been deleted"
        return Ending(
            "rejected",
            f"Not promoted: somebody promoted {served} while this run compared with {record.inputs.release}. "
            f"The candidate {kept}.",
            overtaken=True,
        )
    return None


def close(run: Run, ending: Ending) -> None:
    """Write down what came of a run that is at its end."""
    judged = run.record.step("judge")
    run.record.overtaken = ending.overtaken
    run.finish(ending.outcome, ending.verdict or (judged.note if judged else ""), ending.release)


def _draft(run: Run, context: RunContext, candidate: Candidate, staging: Path) -> ReleaseDraft:
    """Put the release together in ``staging``, where a killed process may have left a part of it."""
    model = staging / MODEL_FOLDER
    shutil.rmtree(model, ignore_errors=True)
    shutil.copytree(candidate.model, model)
    base = context.serving.embedding.model
    embedder = Embedder(model, candidate.embedding, name=f"{model_name(base)}-{run.id}")
    shutil.copyfile(candidate.evaluation, staging / EVALUATION_FILE)
    shutil.copyfile(candidate.ledger, staging / LINEAGE_FILE)
    shutil.rmtree(staging / RERANKER_FOLDER, ignore_errors=True)
    parts = ReleaseParts(embedder, candidate.chunks, candidate.vectors, candidate.reranker)
    origin = ReleaseOrigin(
        base_model=base,
        run_id=run.id,
        parent=context.served.id,
        trained_on=candidate.trained_on,
        metrics=candidate.metrics,
    )
    draft = build_release(staging, parts, origin, context.serving, context.progress)
    write_text(staging / CARD_FILE, candidate.card(draft))
    return draft
