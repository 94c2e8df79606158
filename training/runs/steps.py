"""The work of the five steps of a run. Each reads what earlier ones wrote, and can be repeated.

Below them: what a candidate is asked, and what is lacking for a training.
"""

from __future__ import annotations

import contextlib
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from curation import ClayloopError, read_json, write_json, write_text
from serving import (
    CARD_FILE,
    EVALUATION_FILE,
    LINEAGE_FILE,
    MODEL_FOLDER,
    Embedder,
    NotPromotedError,
    ReleaseDraft,
    ReleaseOrigin,
    ReleaseParts,
    SearchSpace,
    ServingSettings,
    build_release,
    model_name,
)
from training.fit.candidate import FIT_FILE, check_gpus, index_candidate, train_candidate
from training.fit.data import FitReport, TrainingMaterial
from training.fit.train import Precision, choose_precision
from training.judge.compare import compare, measure_baselines
from training.judge.comparison import Comparison, at, read_comparison, write_comparison
from training.judge.coverage import Round
from training.judge.evaluate import SearchModel, load_reranker, reranker_choice
from training.judge.gate import GateVerdict, judge, too_few
from training.judge.questions import HoldoutQuestion, TestSet, check_paths, holdout_questions, load_test_sets
from training.ledger.rows import LedgerRow, by_decision, of
from training.ledger.selection import Selected
from training.ledger.store import LedgerOrigin
from training.prepare.prepared import LEDGER_FILE, Prepared, RunContext, prepare
from training.runs.run import Run

_PRECISION_FILE = "precision.json"
_GATE_FILE = "gate.json"


@dataclass
class Steps:
    """The steps of one run, and what they wrote. ``context.served`` is the release that the candidate is
    compared with."""

    run: Run
    context: RunContext

    # the steps: each writes into the empty folder that it is given, and returns a note for people

    def prepare(self, selected: Selected, folder: Path) -> str:
        context = self.context
        prepared = prepare(selected, context, questions_of(self._own_sets))
        prepared.write(folder, LedgerOrigin(run=self.run.id, selection=selected.selection.matched))
        deciding = len(round_of(prepared, self._own_sets, context).deciding)
        if what_is_lacking(prepared, deciding, context):
            return prepared.describe()
        load_reranker(context.settings.reranker, context.serving)  # a wrong name is told before the training
        base = Embedder(context.serving.embedding.model, context.serving.embedding)
        check_gpus(base.model.device.type, context.settings.fit.processes)
        precision = choose_precision(base, [one.text for one in prepared.train], self._earlier_precisions())
        write_json(folder / _PRECISION_FILE, precision.model_dump(mode="json"))
        return f"{prepared.describe()}; to be trained in {precision.arithmetic} ({precision.reason})"

    def fit(self, folder: Path) -> str:
        found, context = self.prepared, self.context
        material = TrainingMaterial(found.train, found.negatives, found.groups, found.accepted)
        embedding, progress = self._serving.embedding, context.progress
        return str(train_candidate(material, context.settings.fit, embedding, folder, progress))

    def index(self, folder: Path) -> str:
        trained, progress = self.run.folder / "fit" / MODEL_FOLDER, self.context.progress
        return index_candidate(trained, self.prepared.chunks, self._serving, folder, progress)

    def judge(self, folder: Path) -> str:
        context, serving = self.context, self._serving
        settings = context.settings
        embedder = Embedder(self.run.folder / "index" / MODEL_FOLDER, serving.embedding, name="candidate")
        candidate = SearchModel(embedder, self._space, load_reranker(settings.reranker, serving))
        baselines = measure_baselines(
            self.round, context.store, context.served, settings, serving, context.progress
        )
        found = compare(candidate, baselines)
        write_comparison(folder / EVALUATION_FILE, found)
        verdict = judge(found, settings.gate)
        write_json(folder / _GATE_FILE, verdict.model_dump(mode="json"))
        return verdict.reason

    def publish(self, card: Callable[[ReleaseDraft], str], folder: Path) -> str:
        """Make a release of the candidate, unless an earlier, killed try has published it. Serve it if the
        release that it was compared with still is.

        What came of it is not remembered: the pointer to the served release and the log of promotions tell.
        ``card`` makes the model card's Markdown. Raises StateError on a full disk and ReleaseError for a
        damaged release.
        """
        store, run = self.context.store, self.run.id
        release = store.of_run(run)
        if release is None:
            staging = store.staging(run, empty=True)  # a killed try may have left half-written files
            release = store.publish(staging, self._draft(staging, card))
        try:
            store.promote(release.id, expected=self.context.served.id, by=run)
        except NotPromotedError as error:
            if error.overruled:
                return f"{release.id} was promoted before, and {error.served} since"
            return f"not promoted, kept as {release.id}: {error.served} is served by now"
        return f"{release.id} is served now"

    def _draft(self, staging: Path, card: Callable[[ReleaseDraft], str]) -> ReleaseDraft:
        """Put the release together in ``staging``, an empty folder."""
        context, folder, serving, found = self.context, self.run.folder, self._serving, self.prepared
        base, model = serving.embedding.model, staging / MODEL_FOLDER
        shutil.copytree(folder / "index" / MODEL_FOLDER, model)
        shutil.copyfile(folder / "judge" / EVALUATION_FILE, staging / EVALUATION_FILE)
        shutil.copyfile(folder / "prepare" / LEDGER_FILE, staging / LINEAGE_FILE)
        embedder = Embedder(model, serving.embedding, name=f"{model_name(base)}-{self.run.id}")
        reranker = reranker_choice(context.settings.reranker, serving)
        origin = ReleaseOrigin(
            base_model=base,
            run_id=self.run.id,
            parent=context.served.id,
            trained_on=_trained_on(found.ledger),
            metrics=at(self.comparison.holdout.candidate).metrics,
        )
        parts = ReleaseParts(embedder, found.chunks, self._space, reranker=reranker)
        draft = build_release(staging, parts, origin, serving, context.progress)
        write_text(staging / CARD_FILE, card(draft))
        return draft

    # what they wrote

    @cached_property
    def prepared(self) -> Prepared:
        include = self.context.serving.retrieval.include_unreviewed
        return Prepared.read(self.run.folder / "prepare", self.context.corpus, include)

    @cached_property
    def round(self) -> Round:
        """What the candidate is asked, and what else it is judged by."""
        return round_of(self.prepared, self._own_sets, self.context)

    @cached_property
    def comparison(self) -> Comparison:
        return read_comparison(self.run.folder / "judge" / EVALUATION_FILE)

    @cached_property
    def verdict(self) -> GateVerdict:
        return GateVerdict.model_validate(read_json(self.run.folder / "judge" / _GATE_FILE))

    @property
    def report(self) -> FitReport:
        return FitReport.model_validate(read_json(self.run.folder / "fit" / FIT_FILE))

    @property
    def _space(self) -> SearchSpace:
        """The fine-tuned model's vectors of the chunks."""
        return SearchSpace.load(self.run.folder / "index")

    @property
    def _serving(self) -> ServingSettings:
        """The serving settings, with the arithmetic that this run settled on: in a rerun, a trial could end
        differently."""
        serving = self.context.serving
        precision = Precision.model_validate(read_json(self.run.folder / "prepare" / _PRECISION_FILE))
        embedding = serving.embedding.model_copy(update={"precision": precision.arithmetic})
        return serving.model_copy(update={"embedding": embedding})

    @cached_property
    def _own_sets(self) -> list[TestSet]:
        return own_sets(self.context)

    def _earlier_precisions(self) -> list[Precision]:
        """What earlier runs found out, newest first. One that cannot be read is passed over: it only saves a
        trial."""
        found = []
        for path in sorted(self.run.folder.parent.glob(f"*/prepare/{_PRECISION_FILE}"), reverse=True):
            with contextlib.suppress(ClayloopError, OSError, ValueError):  # pydantic's errors are ValueErrors
                found.append(Precision.model_validate(read_json(path)))
        return found


def own_sets(context: RunContext) -> list[TestSet]:
    """The test sets of the settings. Raises SettingsError for one that is wrong or about other documents."""
    sets = load_test_sets(context.settings.testsets)
    paths = {chunk.path for chunk in context.corpus.chunks}
    for one in sets:
        check_paths(one, paths, "the documents", context.progress)
    return sets


def questions_of(sets: Sequence[TestSet]) -> dict[str, str]:
    """All questions of test sets, which nobody trains on, by name."""
    return {f"{one.name}: {key}": text for one in sets for key, text in one.queries.items()}


def round_of(found: Prepared, sets: Sequence[TestSet], context: RunContext) -> Round:
    """What a candidate is judged by."""
    return Round(
        chunks=found.chunks,
        documents=context.corpus.chunks,
        questions=_questions(found),
        own_sets=sets,
        rows=found.ledger,
        history=context.history,
    )


def what_is_lacking(found: Prepared, deciding: int, context: RunContext) -> str:
    """Why training is no use yet, or nothing. ``deciding`` counts the questions that decide."""
    needed = context.settings.gate.min_queries
    if not found.chunks:
        reason = _nothing_to_index(found, context)
    elif not found.accepted:
        reason = "Not enough to learn from: no accepted triplet or conversation yet."
    elif len(found.train) < 2:
        reason = (
            f"Not enough to learn from: {len(found.train)} example(s) to train on after {len(found.holdout)} "
            "were held out and duplicates dropped. Accept more triplets, about other sections."
        )
    elif len({one.text for one in found.train}) < 2 or len(_groups(found)) < 2:
        reason = (
            f"Not enough to learn from: all {len(found.train)} examples are about the same text, and there "
            "is nothing to tell it from. Accept triplets about other sections."
        )
    elif deciding < needed:
        reason = too_few(deciding, needed)
    else:
        return ""
    return f"{reason} The served release stays."


def _questions(found: Prepared) -> list[HoldoutQuestion]:
    """The held-out questions. What was accepted elsewhere for the same question is a right answer too."""
    removed = {row.record_id for row in of(found.ledger, "chunk", "removed")}
    accepted = [
        row
        for row in of(found.ledger, "example", "train", "holdout", "duplicate", "unused")
        if row.version not in removed
    ]
    return holdout_questions(found.holdout, found.chunks, found.groups, accepted)


def _groups(found: Prepared) -> set[str]:
    """The chunks that are trained on, near duplicates being one."""
    return {found.groups.get(row.chunk_id, row.chunk_id) for row in found.train}


def _nothing_to_index(found: Prepared, context: RunContext) -> str:
    if not context.corpus.chunks:
        return "Not enough to index: there are no documents any more (`clayloop ingest`)."
    if not of(found.ledger, "chunk", "removed"):
        return (
            "Not enough to index: no chunk was accepted, and serving.retrieval.include_unreviewed is false."
        )
    return "Not enough to index: every chunk was rejected."


def _trained_on(rows: Sequence[LedgerRow]) -> dict[str, int]:
    """What a release's card and record say it learned from."""
    train = of(rows, "example", "train")
    known = [row for row in by_decision(rows) if row.fate != "left-out"]
    origins = Counter(row.origin or "unknown origin" for row in train)
    return {
        "examples": len(train),
        "held-out examples": len(of(rows, "example", "holdout")),
        "decisions": len(known),
        **{f"examples from {origin}": number for origin, number in origins.most_common()},
        "annotators": len({person for row in known for person in row.people}),
    }
