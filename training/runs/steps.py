"""The work of the five steps of a run. Each reads what earlier ones wrote, and can be repeated."""

from __future__ import annotations

import contextlib
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import get_args

from curation import (
    SUGGESTIONS_FOLDER,
    StateError,
    TestSet,
    give_back,
    learn_from,
    load_scorers,
    read_record,
    save_scorers,
    write_json,
    write_text,
)
from serving import (
    CARD_FILE,
    EVALUATION_FILE,
    FITTED_FILE,
    INDEX_FOLDER,
    LINEAGE_FILE,
    MODEL_FOLDER,
    RERANKER_FOLDER,
    Answering,
    Asked,
    ChunkIndex,
    CuratedAnswer,
    Embedder,
    IndexedQuestion,
    NotPromotedError,
    ReleaseDraft,
    ReleaseOrigin,
    ReleaseParts,
    Reranker,
    RerankerChoice,
    SearchSpace,
    ServingSettings,
    accepted_questions,
    answers_to_serve,
    build_release,
    embed_chunks,
    lead_questions,
    model_name,
    read_answers,
    share_file,
)
from training.fit.candidate import FIT_FILE, check_gpus, index_candidate, train_candidate
from training.fit.data import FitReport, TrainingMaterial
from training.fit.train import Precision, choose_precision
from training.judge.compare import FoldModels, compare, compare_folds, measure_baselines
from training.judge.comparison import Comparison, at, read_comparison, write_comparison
from training.judge.coverage import Round
from training.judge.evaluate import SearchModel, load_reranker, reranker_choice
from training.judge.gate import GateVerdict, judge
from training.ledger.rows import LedgerRow, by_decision, of
from training.ledger.selection import Selected
from training.ledger.store import History, LedgerOrigin, fitted_of, read_ledger, read_origin, write_ledger
from training.prepare.prepared import LEDGER_FILE, Prepared, RunContext, prepare
from training.runs.asked import (
    Fold,
    make_folds,
    number_asked,
    own_sets,
    questions_of,
    read_folds,
    round_of,
    what_is_lacking,
    write_folds,
)
from training.runs.run import Run
from training.settings import FINE_TUNED, INDEX_ONLY, Rung

_PRECISION_FILE = "precision.json"
_GATE_FILE = "gate.json"
_ONLY_PEOPLES = " Only what people asked leads to its chunk: with all accepted questions it would be worse."
_AS_IT_IS = {"promoted": False, "reason": "The index holds everything that was decided already."}


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
        origin = LedgerOrigin(run=self.run.id, selection=selected.selection.matched)
        prepared.write(folder, origin)
        self._learn_suggestions(selected, folder / SUGGESTIONS_FOLDER)
        if self.run.record.inputs.rung == INDEX_ONLY:
            return prepared.describe()
        holdout = round_of(prepared, self._own_sets, context)
        folds = make_folds(selected, context, self._own_sets, holdout)
        write_folds(folds, folder, origin)
        if what_is_lacking(prepared, number_asked(holdout, folds), context):
            return prepared.describe()
        load_reranker(context.settings.reranker, context.serving)  # a wrong name is told before the training
        base = Embedder(context.serving.embedding.model, context.serving.embedding)
        check_gpus(base.model.device.type, context.settings.fit.processes)
        texts, tokens = [one.text for one in prepared.train], context.settings.fit.max_tokens
        precision = choose_precision(base, texts, tokens, self._earlier_precisions())
        write_json(folder / _PRECISION_FILE, precision.model_dump(mode="json"))
        return f"{prepared.describe()}; to be trained in {precision.arithmetic} ({precision.reason})"

    def _learn_suggestions(self, selected: Selected, folder: Path) -> None:
        """What annotators will see beside the next records. A damaged file of the served release costs only
        what it had learned."""
        try:
            standing = load_scorers(self.context.store.folder(self.context.served.id) / SUGGESTIONS_FOLDER)
        except StateError as error:
            self.context.progress.say(error.message)
            standing = {}
        learned = learn_from(selected.decisions, standing)
        for one in learned:
            self.run.log(f"suggestions for {one.question}: {one.why}")
        scorers = {one.question: one.scorer for one in learned if one.scorer is not None}
        if scorers:
            save_scorers(folder, scorers)

    def fit(self, folder: Path) -> str:
        """Train the candidate, and a model for each fold, which is judged in its place by that fold's
        questions."""
        settings, progress = self.context.settings.fit, self.context.progress
        embedding = self._serving.embedding
        Embedder.forget_shared()  # a training needs the memory
        for fold in self.folds:
            own = folder / fold.name
            own.mkdir()
            train_candidate(_material(fold.prepared), settings, embedding, own, progress)
            give_back()
        report = train_candidate(_material(self.prepared), settings, embedding, folder, progress)
        return f"{report}; {len(self.folds)} more for cross-fitting" if self.folds else str(report)

    def index(self, folder: Path) -> str:
        trained, chunks, progress = self.run.folder / "fit", self.prepared.chunks, self.context.progress
        for fold in self.folds:
            own = folder / fold.name
            own.mkdir()
            index_candidate(trained / fold.name / MODEL_FOLDER, chunks, self._serving, own, progress)
            give_back()
        return index_candidate(trained / MODEL_FOLDER, chunks, self._serving, folder, progress)

    def judge(self, folder: Path) -> str:
        """Judge the served model with everything decided in its index, and then the fine-tuned one, if there
        is one, beside that. Nobody has a question in its index that says what a held-out one does."""
        context, serving = self.context, self._serving
        settings, chunks = context.settings, self.prepared.chunks
        baselines = measure_baselines(
            self.round, context.store, context.served, settings, serving, context.progress
        )
        served = baselines.served
        known = self._served_index
        found: dict[Rung, Comparison] = {}
        verdicts: dict[Rung, GateVerdict] = {}
        for asked in get_args(Asked):
            accepted = self._questions(asked)
            questions = [one for one in accepted if not self.round.is_asked(one)]
            _, space = lead_questions(served.embedder, chunks, served.space, questions, known)
            index_only = replace(served, space=space)
            found[INDEX_ONLY] = compare(index_only, baselines)
            verdict = judge(found[INDEX_ONLY], settings.gate, INDEX_ONLY)
            is_new = self._changes_index(known, accepted)
            reason = verdict.reason + ("" if asked == "all" else _ONLY_PEOPLES)
            told = {"reason": reason} if is_new else _AS_IT_IS
            verdicts[INDEX_ONLY] = verdict.model_copy(update={"asked": asked, **told})
            if verdict.promoted:  # else what was generated may have made it worse
                break
        if self.run.record.has_finished("index"):
            candidate = self._candidate("", questions)
            beside = baselines  # what is worse than the served model is no measure
            against = known.questions()
            if verdicts[INDEX_ONLY].promoted or not is_new:
                beside, against = baselines.beside(index_only, found[INDEX_ONLY]), questions
            found[FINE_TUNED] = compare(candidate, beside)
            if self.folds:
                folds = (self._models_of(fold, beside.served, against, questions) for fold in self.folds)
                found[FINE_TUNED].sets.insert(0, compare_folds(folds, beside))
            verdict = judge(found[FINE_TUNED], settings.gate)
            verdicts[FINE_TUNED] = verdict.model_copy(update={"asked": asked})
        promoted = [rung for rung, verdict in verdicts.items() if verdict.promoted]
        reached = [*found, *promoted][-1]
        for rung, comparison in found.items():
            own = folder if rung == reached else folder / _folder_of(rung)
            own.mkdir(exist_ok=True)
            write_comparison(own / EVALUATION_FILE, comparison)
            write_json(own / _GATE_FILE, verdicts[rung].model_dump(mode="json"))
        return verdicts[reached].reason

    def _candidate(self, name: str, questions: Sequence[IndexedQuestion]) -> SearchModel:
        """The trained model, or that of the fold ``name``, with accepted ``questions`` in its index."""
        trained, chunks, serving = self.run.folder / "index" / name, self.prepared.chunks, self._serving
        embedder = Embedder(trained / MODEL_FOLDER, serving.embedding, name="candidate")
        _, space = lead_questions(embedder, chunks, SearchSpace.load(trained), questions)
        return SearchModel(embedder, space, self._reranker)

    def _models_of(
        self,
        fold: Fold,
        served: SearchModel,
        against: Sequence[IndexedQuestion],
        questions: Sequence[IndexedQuestion],
    ) -> FoldModels:
        """The served model with the questions ``against`` in its index, and that of the fold with
        ``questions``. Neither has what the fold asks."""
        give_back()  # the models of the fold before
        chunks, known = self.prepared.chunks, self._served_index

        def unasked(accepted: Sequence[IndexedQuestion]) -> list[IndexedQuestion]:
            return [one for one in accepted if not fold.given.is_asked(one)]

        _, space = lead_questions(served.embedder, chunks, served.space, unasked(against), known)
        candidate = self._candidate(fold.name, unasked(questions))
        return FoldModels(fold.given.questions, replace(served, space=space), candidate)

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
            staging = store.staging(self.run.staging, empty=True)
            release = store.publish(staging, self._draft(staging, card))
        try:
            store.promote(release.id, expected=self.context.served.id, by=run, lease=self.run.lease)
        except NotPromotedError as error:
            if error.overruled:
                return f"{release.id} was promoted before, and {error.served} since"
            why = "is pinned" if error.pinned else "is served by now"
            return f"not promoted, kept as {release.id}: {error.served} {why}"
        return f"{release.id} is served now"

    def _draft(self, staging: Path, card: Callable[[ReleaseDraft], str]) -> ReleaseDraft:
        """Put the release together in ``staging``, an empty folder."""
        context, folder, serving, found = self.context, self.run.folder, self._serving, self.prepared
        base, parent, holdout = serving.embedding.model, context.served, self.comparison.holdout
        shutil.copyfile(folder / "judge" / EVALUATION_FILE, staging / EVALUATION_FILE)
        shutil.copyfile(self._ledger, staging / LINEAGE_FILE)
        if (suggestions := folder / "prepare" / SUGGESTIONS_FOLDER).is_dir():
            shutil.copytree(suggestions, staging / SUGGESTIONS_FOLDER)
        is_trained, asked = self.verdict.rung == FINE_TUNED, self.verdict.asked
        source = folder / "index" if is_trained else context.store.folder(parent.id)
        shutil.copytree(source / MODEL_FOLDER, staging / MODEL_FOLDER, copy_function=share_file)
        name = f"{model_name(base)}-{self.run.id}" if is_trained else parent.embedding.name
        model = Embedder(source / MODEL_FOLDER, serving.embedding) if is_trained else self._served_model
        embedder = model.placed(staging / MODEL_FOLDER, name)
        if is_trained:
            known, space = None, SearchSpace.load(source)
            reranker = reranker_choice(context.settings.reranker, serving)
            trained_on = _trained_on(found.ledger)
        else:
            known = self._served_index
            space = embed_chunks(embedder, found.chunks, known, context.progress)
            reranker = None
            if parent.reranker is not None:
                reranker = RerankerChoice(source / RERANKER_FOLDER, parent.reranker)
            trained_on = parent.trained_on
            write_ledger(staging / FITTED_FILE, read_ledger(fitted_of(context.store, parent.id)))
            waiting = [_waits(row, context.history) for row in found.ledger]
            write_ledger(staging / LINEAGE_FILE, waiting, read_origin(staging / LINEAGE_FILE))
        questions, space = lead_questions(embedder, found.chunks, space, self._questions(asked), known)
        origin = ReleaseOrigin(
            base_model=base if is_trained else parent.base_model,
            run_id=self.run.id,
            parent=parent.id,
            trained_on=trained_on,
            metrics=at(holdout.candidate).metrics if holdout.questions else {},
        )
        answering = Answering.of(context.store.folder(parent.id), parent)
        parts = ReleaseParts(
            embedder, found.chunks, space, questions, reranker, self._answers, asked, known, answering
        )
        draft = build_release(staging, parts, origin, serving, context.progress)
        write_text(staging / CARD_FILE, card(draft))
        return draft

    def _changes_index(self, known: ChunkIndex, accepted: Sequence[IndexedQuestion]) -> bool:
        """Whether the index with ``accepted`` would be another one than the served one."""
        before = [one.id for one in known.documents()]
        here = set(before)
        asked = {(one.text, one.chunk_id) for one in accepted}
        return (
            before != [one.id for one in self.prepared.chunks]
            or asked != {(one.text, one.chunk_id) for one in known.questions() if one.chunk_id in here}
            or self._answers != self._served_answers
        )

    # what they wrote

    @cached_property
    def prepared(self) -> Prepared:
        include = self.context.serving.retrieval.include_unreviewed
        return Prepared.read(self.run.folder / "prepare", self.context.corpus, include)

    @cached_property
    def round(self) -> Round:
        """What the candidate is asked, and what else it is judged by."""
        found = round_of(self.prepared, self._own_sets, self.context)
        return found.of_index() if self.run.record.inputs.rung == INDEX_ONLY else found

    @cached_property
    def folds(self) -> list[Fold]:
        """What is cross-fitted."""
        return read_folds(self.run.folder / "prepare", self.context, self.round)

    @cached_property
    def comparison(self) -> Comparison:
        return read_comparison(self.run.folder / "judge" / EVALUATION_FILE)

    @cached_property
    def verdict(self) -> GateVerdict:
        return read_record(self.run.folder / "judge" / _GATE_FILE, GateVerdict)

    @property
    def verdict_on_training(self) -> GateVerdict | None:
        """On the fine-tuned candidate, where there is one."""
        if self.verdict.rung == FINE_TUNED:
            return self.verdict
        path = self.run.folder / "judge" / _folder_of(FINE_TUNED) / _GATE_FILE
        return read_record(path, GateVerdict) if path.exists() else None

    @property
    def report(self) -> FitReport:
        return read_record(self.run.folder / "fit" / FIT_FILE, FitReport)

    @cached_property
    def _reranker(self) -> Reranker | None:
        return load_reranker(self.context.settings.reranker, self._serving)

    @property
    def _served_model(self) -> Embedder:
        folder = self.context.store.folder(self.context.served.id)
        return Embedder.shared(folder / MODEL_FOLDER, self._serving.embedding)

    @cached_property
    def _served_index(self) -> ChunkIndex:
        return ChunkIndex.open(self.context.store.folder(self.context.served.id) / INDEX_FOLDER)

    @property
    def _ledger(self) -> Path:
        return self.run.folder / "prepare" / LEDGER_FILE

    def _questions(self, asked: Asked) -> list[IndexedQuestion]:
        """The accepted questions that the release has in its index."""
        here = {one.id for one in self.prepared.chunks}
        return accepted_questions(self._ledger, self.context.corpus, here, asked)

    @cached_property
    def _answers(self) -> list[CuratedAnswer]:
        """What people wrote that is served beside the documents."""
        return answers_to_serve(self._ledger, self.context.corpus, self._served_answers)

    @cached_property
    def _served_answers(self) -> list[CuratedAnswer]:
        return read_answers(self.context.store.folder(self.context.served.id))

    @property
    def _serving(self) -> ServingSettings:
        """The serving settings, with the arithmetic that this run settled on: in a rerun, a trial could end
        differently."""
        serving, path = self.context.serving, self.run.folder / "prepare" / _PRECISION_FILE
        if not path.exists():  # nothing is trained
            return serving
        precision = read_record(path, Precision)
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
            with contextlib.suppress(StateError, FileNotFoundError):
                found.append(read_record(path, Precision))
        return found


def _waits(row: LedgerRow, history: History) -> LedgerRow:
    """The row in a release whose model has not learned from it."""
    if row.fate not in ("train", "negative") or row.key in history.learned:
        return row
    return row.settled("waiting", "in the index; the model has not been trained on it yet")


def _material(found: Prepared) -> TrainingMaterial:
    return TrainingMaterial(found.train, found.negatives, found.groups, found.accepted)


def _folder_of(rung: Rung) -> str:
    """Where the step judge writes what it found of a rung that is not the one reached."""
    return rung.replace(" ", "-")


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
