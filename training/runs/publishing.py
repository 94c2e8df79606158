"""From a candidate that may be served to a release, and to the release that is served."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from curation import Decision, read_json, write_json, write_text
from serving import (
    CARD_FILE,
    EVALUATION_FILE,
    LINEAGE_FILE,
    MODEL_FOLDER,
    RERANKER_FOLDER,
    Draft,
    Embedder,
    NotPromotedError,
    RerankerInfo,
    assemble,
    model_name,
)
from training.judge.comparison import at
from training.ledger.lineage import write_lineage, write_note
from training.ledger.lineage_record import LINEAGE_NOTE_FILE, LineageNote
from training.prepare.examples import Example
from training.report.card import release_card, reranker_card
from training.report.conclusion import lineage_of, selection_told
from training.runs.ending import PROMOTED_FILE, Ending, ending_of, overruled
from training.runs.steps import Steps


def serve(steps: Steps) -> Ending:
    """The steps "publish" and "promote", as far as an earlier process has not done them, and what they came to."""
    run, store = steps.run, steps.store
    if not run.record.has_finished("promote") and store.of_run(run.id) is None and not overruled(run, store):
        # Published, interrupted before the promotion, and deleted since, as any release that is not served may be.
        shutil.rmtree(run.folder / "publish", ignore_errors=True)
    run.step("publish", partial(_publish, steps), steps.progress)
    run.step("promote", partial(_promote, steps), steps.progress)
    return ending_of(run, store)


def _publish(steps: Steps, folder: Path) -> str:
    # Published already, by a process that was killed before it could say so?
    release = steps.store.of_run(steps.run.id)
    if release is None:
        staging = steps.store.staging(steps.run.id)
        release = steps.store.publish(staging, _draft(steps, staging))
    write_json(folder / "release.json", {"id": release.id})
    return f"release {release.id}"


def _promote(steps: Steps, folder: Path) -> str:
    release_id = str(read_json(steps.run.folder / "publish" / "release.json")["id"])
    try:
        steps.store.promote(release_id, expected=steps.served.id, by=steps.run.id)
    except NotPromotedError as error:
        if error.overruled:
            write_json(folder / PROMOTED_FILE, {"id": release_id, "instead_of": steps.served.id})
            return f"{release_id} was promoted before, and {error.served} since"
        told = {"id": None, "kept": error.kept, "served": error.served}
        write_json(folder / PROMOTED_FILE, told)
        return f"not promoted, kept as {release_id}: {error.served} is served by now"
    write_json(folder / PROMOTED_FILE, {"id": release_id, "instead_of": steps.served.id})
    return f"{release_id} is served now"


def _draft(steps: Steps, staging: Path) -> Draft:
    """Put the release together in ``staging``, where a killed process may have left a part of it."""
    run, tuning, judging = steps.run, steps.tuning, steps.judging
    model = staging / MODEL_FOLDER
    if model.exists():
        shutil.rmtree(model)
    shutil.copytree(run.folder / "fit" / MODEL_FOLDER, model)
    base = steps.served.base_model
    if tuning.choice.chosen == "base":
        base = steps.serving.embedding.model
    embedder = Embedder(model, tuning.embedding, name=f"{model_name(base)}-{run.id}")
    write_lineage(staging / LINEAGE_FILE, lineage_of(steps))
    write_note(staging / LINEAGE_NOTE_FILE, _origin(steps))
    shutil.copyfile(run.folder / "evaluate" / EVALUATION_FILE, staging / EVALUATION_FILE)
    before, after = judging.scores
    draft = assemble(
        staging,
        embedder,
        steps.chunks,
        steps.serving,
        base_model=base,
        vectors=judging.vectors,
        run_id=run.id,
        parent=steps.served.id,
        trained_on=count_trained_on(tuning.train, steps.holdout, steps.decisions),
        metrics=at(after).metrics,
        reranker=_reranker(steps, staging),
        progress=steps.progress,
    )
    write_text(
        staging / CARD_FILE,
        release_card(draft, tuning.report, steps.settings, before, after, judging.verdict)
        + reranker_card(judging.comparison)
        + selection_told(run).as_markdown(),
    )
    return draft


def _reranker(steps: Steps, staging: Path) -> RerankerInfo | None:
    """Put the adopted reranker, if there is one, into ``staging``."""
    shutil.rmtree(staging / RERANKER_FOLDER, ignore_errors=True)
    outcome = steps.reranking.outcome
    if outcome is None or outcome.info is None:
        return None
    shutil.copytree(steps.reranking.folder, staging / RERANKER_FOLDER)
    return outcome.info


def _origin(steps: Steps) -> LineageNote:
    from_served = steps.tuning.choice.chosen == "current"
    return LineageNote(
        run=steps.run.id,
        started_from=steps.served.id if from_served else None,
        selection=selection_told(steps.run),
    )


def count_trained_on(
    train: Sequence[Example], holdout: Sequence[Example], decisions: Sequence[Decision]
) -> dict[str, int]:
    """What a release's card and record say it learned from."""
    counts = {"examples": len(train), "held-out examples": len(holdout), "decisions": len(decisions)}
    for origin, number in Counter(example.origin or "unknown origin" for example in train).most_common():
        counts[f"examples from {origin}"] = number
    counts["annotators"] = len({name for decision in decisions for name in decision.annotators})
    return counts
