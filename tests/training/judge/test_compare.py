"""Any candidate against base model and served release: an unchanged one, another model, one with a
reranker."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from curation import Chunk, Home, SettingsError, TestSet
from serving import (
    EmbeddingSettings,
    ReleaseStore,
    RerankerInfo,
    RetrievalSettings,
    ServingSettings,
)
from tests.cross_encoders import small_transformer, untrained_reranker
from tests.training import rounds
from tests.training.judge.rows import ledger
from training.judge.compare import Baselines, compare, measure_baselines
from training.judge.comparison import LATENCY_FILE, at, read_comparison, write_comparison
from training.judge.coverage import Round
from training.judge.evaluate import SearchModel, evaluate_set, load_reranker, reranked
from training.judge.gate import judge
from training.judge.questions import holdout_questions
from training.ledger.rows import LedgerRow, section_of
from training.ledger.store import History
from training.prepare.split import is_holdout
from training.settings import INDEX_ONLY, RerankerSettings, TrainingSettings

CHUNKS = rounds.make_corpus()
SETTINGS = TrainingSettings(fit=rounds.training().fit, dedup=rounds.training().dedup)
INFO = RerankerInfo(name="mine", candidates=20, max_tokens=64, weight=1.0)


class Knows:
    """A reranker that has the answers: it gives 1 to the right texts of a question, or to all others."""

    def __init__(self, right: dict[str, set[str]], wrongly: bool = False) -> None:
        self.info = INFO
        self.right = right
        self.wrongly = wrongly

    def scores(self, pairs: Sequence[tuple[str, str]]) -> Any:
        found = [(text in self.right.get(question, ())) is not self.wrongly for question, text in pairs]
        return np.array(found, dtype=np.float32)

    def order(self, question: str, texts: Sequence[str], cosines: Sequence[float]) -> list[int]:
        return [int(place) for place in np.argsort(-self.scores([(question, text) for text in texts]))]


def _held(rows: Sequence[LedgerRow], chunks: Sequence[Chunk]) -> list[LedgerRow]:
    held = {chunk.id for chunk in chunks if is_holdout(section_of(chunk), 0.2)}
    return [
        row.settled("holdout") if row.teaches == "example" and row.chunk_id in held else row for row in rows
    ]


@pytest.fixture(scope="module")
def baselines(untrained: Home, tiny_model: Path) -> Baselines:
    store = ReleaseStore(untrained)
    first = _held(ledger(rounds.first_round(CHUNKS), CHUNKS), CHUNKS)
    rows = [*first, *_held(ledger(rounds.second_round(CHUNKS, 1), CHUNKS), CHUNKS)]
    questions = holdout_questions([row for row in rows if row.fate == "holdout"], CHUNKS, {})
    given = Round(CHUNKS, CHUNKS, questions, [], rows, History.of(first))
    return measure_baselines(given, store, store.current(), SETTINGS, rounds.serving(tiny_model))


def _candidate(baselines: Baselines, wrongly: bool | None = None) -> SearchModel:
    """The served model, with or without a reranker."""
    text_of = {chunk.id: chunk.text for chunk in CHUNKS}
    right = {one.text: {text_of[key] for key in one.right} for one in baselines.given.questions}
    reranker: Any = None if wrongly is None else Knows(right, wrongly)
    return SearchModel(baselines.served.embedder, baselines.served.space, reranker)


def test_the_served_model_again_is_as_good(baselines: Baselines, tmp_path: Path) -> None:
    found = compare(_candidate(baselines), baselines)
    assert set(found.holdout.differences("ndcg@10")) == {0.0}
    assert found.holdout.served == found.holdout.candidate
    assert 0 < len(found.earlier) < len(found.holdout.questions)
    assert found.candidate_refusals == found.served_refusals
    assert found.without_reranker == {}
    verdict = judge(found, SETTINGS.gate, INDEX_ONLY)
    assert verdict.promoted and "as good as the served release" in verdict.reason
    write_comparison(tmp_path / "evaluation.json", found)
    again = read_comparison(tmp_path / "evaluation.json")
    assert again.latency == found.latency and again.earlier == found.earlier
    (tmp_path / LATENCY_FILE).unlink()
    assert read_comparison(tmp_path / "evaluation.json").latency is None


def test_a_reranker_is_judged_by_the_same_gate(baselines: Baselines) -> None:
    better, worse = (compare(_candidate(baselines, wrongly), baselines) for wrongly in (False, True))
    assert judge(better, SETTINGS.gate).verdict == "superior"
    assert judge(better, SETTINGS.gate).promoted
    refused = judge(worse, SETTINGS.gate)
    assert (refused.verdict, refused.promoted) == ("inferior", False)
    for found in (better, worse):
        assert found.latency is not None and found.latency.reranks
        alone = at(found.holdout.served).metrics
        assert found.without_reranker == pytest.approx(alone, abs=1e-6), "so that one sees whether it pays"
        (generic,) = found.sets
        assert generic.candidate == generic.served, "it is not asked what the embedding model has forgotten"


# rerankers as they are


@pytest.fixture(scope="module")
def cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reranker")
    base = small_transformer(folder / "base", [chunk.text for chunk in CHUNKS])
    return untrained_reranker(folder / "whole", base)


def _serving(**retrieval: Any) -> ServingSettings:
    cpu = EmbeddingSettings(device="cpu", threads=1, precision="float32")
    return ServingSettings(embedding=cpu, retrieval=RetrievalSettings(**retrieval))


def test_a_reranker_of_a_folder_ranks_as_it_would_be_served(cross_encoder: Path) -> None:
    chosen = RerankerSettings(model=str(cross_encoder), candidates=5, max_tokens=64, weight=0.7)
    reranker = load_reranker(chosen, _serving())
    assert reranker is not None
    assert reranker.info == RerankerInfo(name=cross_encoder.name, candidates=5, max_tokens=64, weight=0.7)
    texts = [chunk.text for chunk in CHUNKS[:9]]
    cosines = np.random.default_rng(0).uniform(0, 1, (2, 9)).astype(np.float32)
    questions = ["How do I wash it?", "Where is the lamp?"]
    found = reranked(reranker, questions, cosines, lambda _, column: texts[column])
    for row, question in enumerate(questions):
        nearest = np.argsort(-cosines[row], kind="stable")[:5]
        order = reranker.order(question, [texts[place] for place in nearest], cosines[row][nearest].tolist())
        wanted = [int(nearest[place]) for place in order]
        assert np.argsort(-found[row], kind="stable")[:5].tolist() == wanted
        rest = np.setdiff1d(np.arange(9), nearest)
        np.testing.assert_array_equal(found[row][rest], cosines[row][rest])
    assert reranked(reranker, [], cosines[:0], lambda _, column: texts[column]).shape == (0, 9)


def test_a_set_is_ranked_with_the_reranker_at_full_dimension_only(baselines: Baselines) -> None:
    asked = {one.id: one.text for one in baselines.given.questions[:10]}
    by_path = {chunk.id: chunk.path for chunk in CHUNKS}
    qrels = {one.id: {by_path[one.right[0]]: 1} for one in baselines.given.questions[:10]}
    mine = TestSet(name="mine", queries=asked, qrels=qrels)
    found, alone = (
        evaluate_set(model, mine, CHUNKS, [384, 64])
        for model in (_candidate(baselines, wrongly=False), _candidate(baselines))
    )
    assert found[64] == alone[64] and found[384].metrics["mrr@10"] > alone[384].metrics["mrr@10"]


def test_none_is_loaded_where_none_is_set_or_the_bot_would_not_ask_it(cross_encoder: Path) -> None:
    assert load_reranker(RerankerSettings(), _serving()) is None
    chosen = RerankerSettings(model=str(cross_encoder))
    assert load_reranker(chosen, _serving(rerank=False)) is None


def test_one_that_can_not_be_loaded_is_named(tiny_model: Path) -> None:
    for wrong in ("/nowhere/at/all", str(tiny_model)):
        with pytest.raises(SettingsError, match=r"no folder|can't be loaded as a reranker"):
            load_reranker(RerankerSettings(model=wrong), _serving())
