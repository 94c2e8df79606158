"""The step "rerank" of a run: train a reranker, let it compete, and keep it where it pays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from pydantic import BaseModel, Field

from curation import Chunk, Progress, read_json, write_json
from serving import (
    MODEL_FOLDER,
    RERANKER_FOLDER,
    Embedder,
    EmbeddingSettings,
    Release,
    ReleaseStore,
    Reranker,
    RerankerInfo,
    ServingSettings,
    load_cross_encoder,
    model_name,
    save_weights,
)
from training.fit.tuning import VECTORS_FILE, Tuning
from training.judge.evaluate import rank, score
from training.judge.questions import HoldoutQuestion, ask, holdout_questions
from training.ledger.ancestry import records_seen
from training.prepare.examples import Example
from training.prepare.negatives import mine
from training.reranker.aside import LEAST_QUESTIONS
from training.reranker.contest import WEIGHTS, RerankerVerdict, decide, fold_of, too_few
from training.reranker.fit import RerankerFit, fit_reranker
from training.reranker.pairs import Pair, make_pairs
from training.reranker.reading import read
from training.runs.jsonl import read_rows, write_rows
from training.runs.run import Run
from training.settings import RerankerSettings, TrainingSettings

OUTCOME_FILE = "reranker.json"
ASIDE_FILE = "reranker.jsonl"  # in the folder of the step "split"


class RerankerOutcome(BaseModel):
    """What came of it. ``pairs`` counts by source what it learned from. ``info`` is what the release says about it; None
    where it has none. ``fit`` is None where nothing was trained."""

    base_model: str = ""
    pairs: dict[str, int] = Field(default_factory=dict)
    fit: RerankerFit | None = None
    verdict: RerankerVerdict
    info: RerankerInfo | None = None


class AskedQuestion(BaseModel):
    """A question of the contest: the metric for the cosines alone, and with the weight that was chosen."""

    query: str
    alone: float
    reranked: float


@dataclass
class Reranking:
    """The step of one run. ``chunks`` are what the candidate will index."""

    run: Run
    chunks: list[Chunk]
    settings: TrainingSettings
    serving: ServingSettings
    tuning: Tuning
    store: ReleaseStore
    served: Release
    progress: Progress

    def compete(self, folder: Path) -> str:
        """Train, ask, decide. The weights are kept where they are to be released."""
        if why := why_not(self.settings.reranker, self.serving):
            return why
        outcome, model = self._outcome(folder)
        if outcome.info is not None:
            save_weights(model, folder / RERANKER_FOLDER)
        write_json(folder / OUTCOME_FILE, outcome.model_dump(mode="json"))
        return outcome.verdict.reason

    @property
    def outcome(self) -> RerankerOutcome | None:
        """What the step wrote; None where no reranker is wanted."""
        if why_not(self.settings.reranker, self.serving):
            return None
        path = self.run.folder / "rerank" / OUTCOME_FILE
        return RerankerOutcome.model_validate(read_json(path)) if path.is_file() else None

    @property
    def folder(self) -> Path:
        """The weights, until the run is finished."""
        return self.run.folder / "rerank" / RERANKER_FOLDER

    def adopted(self, embedding: EmbeddingSettings) -> Reranker | None:
        """The reranker that the candidate is to be served with, loaded; None where it goes without."""
        outcome = self.outcome
        if outcome is None or outcome.info is None:
            return None
        return Reranker.open(self.folder, outcome.info, embedding)

    def _outcome(self, folder: Path) -> tuple[RerankerOutcome, Any]:
        chosen = self.settings.reranker
        base = base_model(chosen, self.serving)
        questions = self._questions()
        if len(questions) < LEAST_QUESTIONS:
            return RerankerOutcome(base_model=base, verdict=too_few(len(questions))), None
        candidate = Embedder(self.run.folder / "fit" / MODEL_FOLDER, self.tuning.embedding, name="candidate")
        vectors = np.load(self.run.folder / "index" / VECTORS_FILE, allow_pickle=False)
        pairs = self._pairs(candidate, vectors)
        write_rows(folder / "pairs.jsonl", pairs)
        counts = dict(Counter(pair.source for pair in pairs).most_common())
        if len(counts) < 2:
            verdict = RerankerVerdict(
                reason="Not trained: there is no wrong chunk to tell the right ones from."
            )
            return RerankerOutcome(base_model=base, pairs=counts, verdict=verdict), None
        model, report = fit_reranker(base, pairs, chosen, self.tuning.embedding, self.progress)
        info = RerankerInfo(
            name=f"{model_name(base)}-{self.run.id}",
            candidates=chosen.candidates,
            max_tokens=chosen.max_tokens,
            weight=0.0,
        )
        reranker = Reranker(model, info, self.serving.embedding)
        verdict = self._contest(folder, reranker, candidate, vectors, questions)
        released = info.model_copy(update={"weight": verdict.weight}) if verdict.adopted else None
        return (
            RerankerOutcome(base_model=base, pairs=counts, fit=report, verdict=verdict, info=released),
            model,
        )

    def _questions(self) -> list[HoldoutQuestion]:
        """Those set aside that the candidate's weights have not seen either, by way of what training started from."""
        asked = read_rows(self.run.folder / "split" / ASIDE_FILE, Example)
        if self.tuning.choice.chosen == "current":
            seen = records_seen(self.store, self.served.id)
            asked = [one for one in asked if seen is not None and (one.dataset, one.record_id) not in seen]
        return holdout_questions(asked, self.chunks, self._groups)

    def _pairs(self, candidate: Embedder, vectors: Any) -> list[Pair]:
        """Negatives are people's own, and what the candidate finds: that is what the reranker will have to sort."""
        train = self.tuning.train
        mined = mine(
            train,
            self.chunks,
            candidate.queries([one.query for one in train], progress=self.progress),
            vectors,
            self._groups,
            set(read_json(self.run.folder / "split" / "held.json")),
            self.settings.reranker.candidates,
            self.settings.fit.negative_margin,
            self.tuning.accepted,
        )
        chosen = self.settings.reranker
        return make_pairs(train, [*self.tuning.taught, *mined], chosen.negatives, chosen.seed)

    def _contest(
        self,
        folder: Path,
        reranker: Reranker,
        candidate: Embedder,
        vectors: Any,
        questions: Sequence[HoldoutQuestion],
    ) -> RerankerVerdict:
        asked = ask(candidate, questions, self.chunks, vectors, self.progress)
        cosines = asked.cosines(candidate.dimension)
        texts = [question.text for question in questions]
        with _as_in_service(self.serving.embedding):
            reading = read(reranker, texts, cosines, asked.text, self.progress)
        ids, items = [question.id for question in questions], [chunk.id for chunk in self.chunks]
        qrels = {question.id: dict.fromkeys(question.right, 1) for question in questions}
        values: dict[float, list[float]] = {}
        for weight in WEIGHTS:
            ranked = reading.ordered(cosines, weight) if weight else cosines
            found = score(qrels, rank(ranked, ids, items)).questions
            values[weight] = [found[one][self.settings.gate.metric] for one in ids]
        verdict = decide(
            values,
            [fold_of(self._groups.get(one.right[0], one.right[0])) for one in questions],
            1000 * median(reading.seconds),
            self.settings.reranker.latency_ms,
            self.settings.gate,
        )
        rows = zip(texts, values[0.0], values[verdict.weight], strict=True)
        write_rows(
            folder / "questions.jsonl",
            (AskedQuestion(query=text, alone=old, reranked=new) for text, old, new in rows),
        )
        return verdict

    @property
    def _groups(self) -> dict[str, str]:
        groups: dict[str, str] = read_json(self.run.folder / "dedup" / "groups.json")
        return groups


def base_model(settings: RerankerSettings, serving: ServingSettings) -> str:
    """What a reranker starts from: the setting, or the embedding model with a new head."""
    return settings.base_model or serving.embedding.model


def why_not(settings: RerankerSettings, serving: ServingSettings) -> str:
    """Why no reranker is to be trained; empty where one is. One that the bot would not ask may not be judged with either."""
    if not settings.enabled:
        return "off (training.reranker.enabled)"
    return "" if serving.retrieval.rerank else "off: serving.retrieval.rerank is false"


def check_base_model(settings: RerankerSettings, serving: ServingSettings) -> None:
    """Before hours of training: raises SettingsError when no reranker can be made of the base model."""
    if not why_not(settings, serving):
        load_cross_encoder(base_model(settings, serving), serving.embedding, settings.max_tokens)


@contextmanager
def _as_in_service(embedding: EmbeddingSettings) -> Iterator[None]:
    """With as many threads as the bot would use: what it adds to a question is measured here."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(embedding.threads or 1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
