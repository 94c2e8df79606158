"""From examples to a candidate model: where training starts, what it is trained against, the training, the vectors."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from curation import Chunk, ClayloopError, Progress, read_json, write_json
from serving import (
    LINEAGE_FILE,
    MODEL_FOLDER,
    Embedder,
    EmbeddingSettings,
    Release,
    ReleaseStore,
    ServingSettings,
    Vectors,
    save_model,
)
from training.fit.precision import Precision, choose_precision
from training.fit.processes import check_gpus, fit_in_processes, worth_it
from training.fit.start import Aside, Origin, StartChoice, StartPlan, choose_start, plan_start
from training.fit.train import FitReport, fine_tune
from training.fit.whitening import whiten
from training.fit_settings import FitSettings
from training.judge.contest import vectors_of
from training.ledger.ancestry import remembers
from training.ledger.lineage import read_lineage
from training.prepare.examples import Example, Refusal
from training.prepare.negatives import Negative, mine
from training.prepare.question_vectors import QuestionVectors
from training.prepare.taught import choose_refused
from training.runs.jsonl import read_rows, write_rows
from training.runs.run import Run
from training.settings import DedupSettings

QUESTION_VECTORS_FILE = "questions.npy"
PLAN_FILE = "plan.json"
PRECISION_FILE = "precision.json"
CHOICE_FILE = "start.json"
FIT_FILE = "fit.json"
VECTORS_FILE = "vectors.npy"


@dataclass
class Tuning:
    """The steps ``start``, ``mine``, ``fit`` and ``index`` of one run. ``chunks`` are what the candidate will index."""

    run: Run
    chunks: list[Chunk]
    settings: FitSettings
    serving: ServingSettings
    store: ReleaseStore
    served: Release
    progress: Progress
    dedup: DedupSettings

    @cached_property
    def meaning(self) -> QuestionVectors:
        """The guide's vectors of questions. Always in float32: what is dropped must not hang on a trial."""

        def embed(questions: Sequence[str]) -> Vectors:
            settings = self.serving.embedding.model_copy(update={"precision": "float32"})
            return Embedder(self._guide_model, settings).queries(questions, progress=self.progress)

        found = QuestionVectors(embed)
        found.load(self.run.folder / "dedup" / QUESTION_VECTORS_FILE, self.questions)
        return found

    def plan(self, folder: Path) -> str:
        """Decide where to start from, set aside what chooses between two starts, and settle the arithmetic."""
        base = Embedder(self.serving.embedding.model, self.serving.embedding)
        check_gpus(base.model.device.type, self.settings.processes)
        aside = self.set_aside(folder)
        precision = choose_precision(
            base,
            [example.text for example in aside.train],
            self._earlier_precisions(),
        )
        write_json(folder / PRECISION_FILE, precision.model_dump(mode="json"))
        return f"from {' and '.join(aside.plan.candidates)} ({aside.plan.reason}), in {precision.arithmetic}"

    def set_aside(self, folder: Path) -> Aside:
        """The part of the step that loads no model: what is trained on, and what nothing is learned from because of that."""
        train = read_rows(self.run.folder / "split" / "train.jsonl", Example)
        lineage = read_lineage(self.store.folder(self.served.id) / LINEAGE_FILE)
        known = {(row.dataset, row.record_id) for row in lineage if row.role == "train"}
        aside = plan_start(self.settings.start, train, known, self._groups, self.dedup)  # type: ignore[arg-type]
        write_json(folder / PLAN_FILE, aside.plan.model_dump(mode="json"))
        write_rows(folder / "train.jsonl", aside.train)
        write_rows(folder / "validation.jsonl", aside.validation)
        write_rows(
            folder / "unused.jsonl", [*aside.unused, *choose_refused(aside.train, self._decided).unused]
        )
        return aside

    def mine(self, folder: Path) -> str:
        """Hard negatives as the guide sees them, over all chunks that are not held out."""
        wanted = self.settings.hard_negatives
        found: list[Negative] = []
        if wanted:
            model = Embedder(self._guide_model, self.embedding)
            found = mine(
                self.train,
                self.chunks,
                model.queries([example.query for example in self.train], progress=self.progress),
                vectors_of(model, self.chunks, self._guide, self.progress),
                self._groups,
                set(read_json(self.run.folder / "split" / "held.json")),
                wanted,
                self.settings.negative_margin,
                self.accepted,
            )
        write_rows(folder / "negatives.jsonl", found)
        return f"{len(found)} hard negatives for {len(self.train)} examples"

    def fit(self, folder: Path) -> str:
        """Train from each starting point that was planned, keep the better result, and whiten it."""
        plan = StartPlan.model_validate(read_json(self.run.folder / "start" / PLAN_FILE))
        trained = {}
        reports = {}
        for origin in plan.candidates:
            trained[origin], reports[origin] = self._train(origin, folder)
        choice = StartChoice(chosen=plan.candidates[0], reason=plan.reason)
        if len(trained) > 1:
            validation = read_rows(self.run.folder / "start" / "validation.jsonl", Example)
            others = [example.text for example in self.train]
            choice = choose_start(trained, validation, others, self.progress)
        report, model = reports[choice.chosen], trained[choice.chosen]
        if self.settings.whiten:
            texts = [chunk.text for chunk in self.chunks]
            documents = [f"{chunk.source}\t{chunk.path}" for chunk in self.chunks]
            vectors = whiten(model, texts, self.settings.whiten, documents, self.progress)
            np.save(folder / VECTORS_FILE, vectors, allow_pickle=False)
        save_model(model, folder / MODEL_FOLDER)
        write_json(folder / CHOICE_FILE, choice.model_dump(mode="json"))
        write_json(folder / FIT_FILE, report.model_dump(mode="json"))
        rate = sum(report.rows.values()) * report.epochs / max(report.seconds, 0.001)
        how = "" if len(trained) == 1 else f"from {choice.chosen} ({choice.reason}): "
        return (
            f"{how}{report.steps} steps of {report.batch_size} in {report.precision}, {rate:.1f} examples/s, "
            f"loss {report.loss}, {report.computing / max(report.seconds, 0.001):.0%} of the time in passes"
        )

    def embed(self, folder: Path) -> str:
        """The candidate's vectors of all chunks. Whitening had to embed them already."""
        embedded = self.run.folder / "fit" / VECTORS_FILE
        if embedded.is_file():
            shutil.copyfile(embedded, folder / VECTORS_FILE)
            return f"{len(self.chunks)} chunks, embedded for the whitening"
        candidate = Embedder(self.run.folder / "fit" / MODEL_FOLDER, self.embedding, name="candidate")
        vectors = candidate.documents([chunk.text for chunk in self.chunks], progress=self.progress)
        np.save(folder / VECTORS_FILE, vectors, allow_pickle=False)
        return f"{len(vectors)} chunks embedded with {vectors.shape[1]} dimensions"

    # what the steps above wrote

    @property
    def train(self) -> list[Example]:
        return read_rows(self.run.folder / "start" / "train.jsonl", Example)

    @property
    def accepted(self) -> list[Example]:
        """All pairs that people accepted, those too that are held out, set aside, dropped or contested: none is surely wrong."""
        return read_rows(self.run.folder / "examples" / "examples.jsonl", Example)

    @property
    def questions(self) -> list[str]:
        """All that was asked, of what was accepted and of what was refused, before any of it is left out."""
        refusals = read_rows(self.run.folder / "examples" / "refusals.jsonl", Refusal)
        return [*(one.query for one in self.accepted), *(one.query for one in refusals)]

    @property
    def taught(self) -> list[Negative]:
        """The refusals that training learns from, and the negatives that came with accepted triplets."""
        refused = choose_refused(self.train, self._decided).negatives
        return [*refused, *(one for one in self._decided if one.source != "refused")]

    @property
    def choice(self) -> StartChoice:
        return StartChoice.model_validate(read_json(self.run.folder / "fit" / CHOICE_FILE))

    @property
    def report(self) -> FitReport:
        return FitReport.model_validate(read_json(self.run.folder / "fit" / FIT_FILE))

    @property
    def embedding(self) -> EmbeddingSettings:
        """The embedding settings with the arithmetic that this run settled on."""
        precision = Precision.model_validate(read_json(self.run.folder / "start" / PRECISION_FILE))
        return self.serving.embedding.model_copy(update={"precision": precision.arithmetic})

    @cached_property
    def _guide(self) -> Path | None:
        """The release whose model finds hard negatives and what says the same: the served one. None for the base model:
        when this run is to forget what the served release's weights have seen."""
        selection = self.run.record.selection
        if selection.forgets and remembers(self.store, self.served.id, selection):
            return None
        return self.store.folder(self.served.id)

    @property
    def _guide_model(self) -> str | Path:
        return self._guide / MODEL_FOLDER if self._guide else self.serving.embedding.model

    def _train(self, origin: Origin, place: Path) -> tuple[Embedder, FitReport]:
        start: str | Path = self.serving.embedding.model
        if origin == "current":
            start = self.store.folder(self.served.id) / MODEL_FOLDER
        negatives = [*self._decided, *read_rows(self.run.folder / "mine" / "negatives.jsonl", Negative)]
        if self.settings.processes > 1 and worth_it(len(self.train), self.settings):
            return fit_in_processes(
                start,
                self.embedding,
                self.train,
                self.settings,
                negatives,
                self._groups,
                self.accepted,
                self.progress,
                place,
            )
        embedder = Embedder(start, self.embedding, name="candidate")
        return embedder, fine_tune(
            embedder, self.train, self.settings, self.progress, negatives, self._groups, self.accepted
        )

    @property
    def _decided(self) -> list[Negative]:
        return read_rows(self.run.folder / "split" / "negatives.jsonl", Negative)

    @property
    def _groups(self) -> dict[str, str]:
        groups: dict[str, str] = read_json(self.run.folder / "dedup" / "groups.json")
        return groups

    def _earlier_precisions(self) -> list[Precision]:
        """What earlier runs found out, newest first. One that cannot be read, damaged or of another version, is passed over:
        it only saves a trial."""
        found = []
        for path in sorted(self.run.folder.parent.glob(f"*/start/{PRECISION_FILE}"), reverse=True):
            with contextlib.suppress(ClayloopError, OSError, ValueError):  # pydantic's errors are ValueErrors
                found.append(Precision.model_validate(read_json(path)))
        return found
