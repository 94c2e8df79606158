"""Whether there is anything to learn that was not tried before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from curation import Decision, content_id
from serving import ReleaseStore, ServingSettings
from training.ledger.ancestry import remembers
from training.ledger.known import News
from training.prepare.selection import Selection
from training.runs.digests import digest_of_model, digest_of_test_sets
from training.runs.ending import overtaken
from training.runs.record import RUN_FORMAT, RunInputs, RunRecord
from training.runs.run import RunStore
from training.settings import TrainingSettings

if TYPE_CHECKING:
    from curation import Corpus

# What says when to retrain, or is in the selection, and changes nothing about the result.
_NOT_INPUTS = {"min_new", "without_annotators"}


def run_inputs(
    decisions: Sequence[Decision],
    corpus: Corpus,
    settings: TrainingSettings,
    serving: ServingSettings,
    release_id: str,
    selection: Selection,
) -> RunInputs:
    """Digests of all that a retrain's result depends on. ``decisions`` are those that ``selection`` leaves. The files that
    the settings name count by what is in them now."""
    relevant = {
        "training": settings.model_dump(mode="json", exclude=_NOT_INPUTS),
        "model": serving.embedding.model,
        "retrieval": serving.retrieval.model_dump(mode="json"),
    }
    return RunInputs(
        decisions=content_id(*sorted(f"{one.fingerprint} {one.verdict}" for one in decisions)),
        answers=content_id("answers", *sorted(f"{one.fingerprint} {one.verdict}" for one in decisions)),
        corpus=content_id(*sorted(chunk.id for chunk in corpus.chunks)),
        settings=content_id(repr(relevant)),
        release=release_id,
        selection=selection.digest,
        testsets=digest_of_test_sets(settings.testsets),
        model=_model(settings, serving),
        format=RUN_FORMAT,
    )


def _model(settings: TrainingSettings, serving: ServingSettings) -> str:
    """What training may start from, and the arithmetic. Threads and batch size change speed, not what is learned."""
    embedding, reranker = serving.embedding, settings.reranker
    parts = [digest_of_model(embedding.model), embedding.precision, embedding.device]
    if reranker.enabled and reranker.base_model:
        parts.append(digest_of_model(reranker.base_model))
    return content_id("model", *parts)


def worth_a_run(
    news: News, settings: TrainingSettings, store: ReleaseStore, release_id: str, selection: Selection
) -> bool:
    """Whether enough is new since the release. To forget what its weights have seen is worth one by itself."""
    return news.total >= settings.min_new or (selection.forgets and remembers(store, release_id, selection))


def tried_before(runs: RunStore, inputs: RunInputs) -> RunRecord | None:
    """The newest finished run with exactly these inputs: another one would come to the same. One that was overtaken by
    somebody's promotion has tried nothing."""
    return next(
        (
            record
            for record in runs.list()
            if record.status == "finished"
            and record.inputs.same_result(inputs)
            and not overtaken(runs.folder(record.id))
        ),
        None,
    )
