"""The reranker: released where it pays and not where it doesn't, by questions that nobody trained on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import Home, SettingsError, StateError
from serving import (
    LINEAGE_FILE,
    MODEL_FOLDER,
    RERANKER_FOLDER,
    EmbeddingSettings,
    ReleaseStore,
    Reranker,
    RerankerInfo,
    RetrievalSettings,
    load_release,
)
from tests.cross_encoders import small_transformer
from tests.training import outdated, rounds
from training.judge.evaluate import evaluate_release
from training.judge.testsets import TestSet
from training.ledger.ancestry import records_seen
from training.ledger.lineage import read_lineage
from training.prepare.dedup import normalise
from training.prepare.examples import Example, collect
from training.report.summary import RetrainSummary, render_summary
from training.reranker.aside import LEAST_QUESTIONS, set_aside
from training.reranker.contest import WEIGHTS, decide, fold_of
from training.reranker.fit import fit_reranker
from training.reranker.pairs import Pair
from training.runs.jsonl import read_rows
from training.runs.run import RunStore
from training.settings import DedupSettings, GateSettings, RerankerSettings

PATIENCE = 120.0  # seconds
EXAMPLES = collect(outdated.decisions(), outdated.CHUNKS).examples
CPU = EmbeddingSettings(device="cpu", threads=1, precision="float32")


@dataclass(frozen=True)
class Base:
    """What runs start from: a home that serves the embedding model as it is, and the reranker's base model."""

    home: Home
    model: Path
    transformer: Path

    def copy(self, folder: Path) -> Home:
        shutil.copytree(self.home.root, folder)
        return Home(folder)


@dataclass(frozen=True)
class Adopted:
    home: Home
    summary: RetrainSummary


@pytest.fixture(scope="module")
def base(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Base:
    folder = tmp_path_factory.mktemp("reranker")
    texts = [*(chunk.text for chunk in outdated.CHUNKS), *outdated.QUESTIONS]
    home = rounds.bootstrapped(folder / "home", tiny_model, outdated.CHUNKS)
    return Base(home, tiny_model, small_transformer(folder / "base", texts))


@pytest.fixture(scope="module")
def adopted(base: Base, tmp_path_factory: pytest.TempPathFactory) -> Adopted:
    """A run whose reranker pays: only it can tell what is outdated."""
    home = base.copy(tmp_path_factory.mktemp("adopted") / "home")
    return Adopted(
        home, outdated.retrain(home, outdated.training(base.transformer), rounds.serving(base.model))
    )


def test_where_it_pays_it_is_released_and_served(adopted: Adopted, base: Base) -> None:
    summary, store = adopted.summary, ReleaseStore(adopted.home)
    assert summary.outcome == "promoted" and summary.release_after and summary.reranker
    verdict = summary.reranker.verdict
    assert verdict.adopted and verdict.verdict == "superior" and verdict.weight > 0
    assert verdict.fused > verdict.alone and verdict.questions >= LEAST_QUESTIONS
    assert verdict.milliseconds > 0 and verdict.weights[0.0] == pytest.approx(verdict.alone, abs=1e-5)
    # The gate judged what is served; what the embedding model does alone stands beside.
    assert summary.after[384]["ndcg@10"] > summary.without_reranker["ndcg@10"]
    assert summary.reranker.pairs.keys() == {"accepted", "refused", "mined"}

    release = store.verify(summary.release_after)
    assert release.reranker == summary.reranker.info
    assert f"{RERANKER_FOLDER}/model.safetensors" in release.files
    serving = rounds.serving(base.model)
    without = serving.model_copy(update={"retrieval": RetrievalSettings(rerank=False)})
    question, right = _held_out(adopted)[0]
    assert load_release(store, None, serving).search(question)[0].chunk.text == right
    asked = TestSet(
        name="mine",
        queries={str(number): question for number, (question, _) in enumerate(_held_out(adopted))},
        qrels={str(number): {right: 1} for number, (_, right) in enumerate(_held_out(adopted))},
        corpus={chunk.text: chunk.text for chunk in outdated.CHUNKS},
    )
    found, alone = (evaluate_release(store, None, asked, one) for one in (serving, without))
    assert found["metrics"]["ndcg@10"] > alone["metrics"]["ndcg@10"]

    text = render_summary(summary)
    assert verdict.reason in text and "without it" in text
    card = (store.folder(release.id) / "README.md").read_text()
    assert "## Reranker" in card and "| without it |" in card and " ms" not in card
    page = Path(summary.report or "").read_text()
    assert "<h2>Reranker</h2>" in page and "by how much its scores weigh" in page
    assert RetrainSummary.model_validate_json(summary.model_dump_json()) == summary


def _held_out(adopted: Adopted) -> list[tuple[str, str]]:
    rows = read_rows(adopted.home.runs / str(adopted.summary.run) / "split" / "holdout.jsonl", Example)
    return [(one.query, one.text) for one in rows]


def test_neither_model_has_seen_what_decides(adopted: Adopted) -> None:
    run = adopted.home.runs / str(adopted.summary.run)
    asked, trained, held = (
        read_rows(run / "split" / f"{name}.jsonl", Example) for name in ("reranker", "train", "holdout")
    )
    pairs = read_rows(run / "rerank" / "pairs.jsonl", Pair)
    unseen = {one.text for one in (*asked, *held)}
    assert asked and held and not {one.text for one in asked} & {one.text for one in held}
    assert not unseen & {one.text for one in trained}
    assert not unseen & {pair.text for pair in pairs}
    assert not {normalise(one.query) for one in (*asked, *held)} & {normalise(one.query) for one in pairs}
    assert {one.query for one in trained} == {pair.query for pair in pairs if pair.label}
    assert not (run / "rerank" / RERANKER_FOLDER).exists()  # the release has it
    step = next(one for one in RunStore(adopted.home).get(run.name).steps if one.name == "rerank")
    assert f"{RERANKER_FOLDER}/model.safetensors" in step.outputs and step.peak_memory_mb > 0

    lineage = read_lineage(
        ReleaseStore(adopted.home).folder(str(adopted.summary.release_after)) / LINEAGE_FILE
    )
    roles = {(row.dataset, row.record_id): row for row in lineage}
    assert {roles[one.dataset, one.record_id].role for one in asked} == {"unused"}
    seen = records_seen(ReleaseStore(adopted.home), str(adopted.summary.release_after))
    assert seen is not None and {(one.dataset, one.record_id) for one in trained} <= seen
    assert not {(one.dataset, one.record_id) for one in (*asked, *held)} & seen


def test_a_release_with_one_is_compared_as_it_is_served(adopted: Adopted, base: Base, tmp_path: Path) -> None:
    shutil.copytree(adopted.home.root, tmp_path / "home")
    settings = outdated.training(base.transformer, enabled=False)
    again = outdated.retrain(Home(tmp_path / "home"), settings, rounds.serving(base.model), force=True)
    assert again.before[384] == adopted.summary.after[384]
    assert again.outcome == "rejected" and again.reranker is None and "worse" in again.verdict


def test_none_is_trained_for_a_bot_that_would_not_ask_it(base: Base, tmp_path: Path) -> None:
    """The gate judges what is served: with serving.retrieval.rerank off that is the embedding model alone."""
    home, served = base.copy(tmp_path / "home"), rounds.serving(base.model)
    alone = served.model_copy(update={"retrieval": RetrievalSettings(rerank=False)})
    summary = outdated.retrain(home, outdated.training(base.transformer), alone)
    run = RunStore(home).get(str(summary.run))
    step = run.step("rerank")
    assert step and step.note == "off: serving.retrieval.rerank is false"
    assert not read_rows(home.runs / run.id / "split" / "reranker.jsonl", Example)
    assert summary.reranker is None and not summary.without_reranker
    assert summary.outcome == "rejected", "what the reranker would add is not served"
    assert ReleaseStore(home).ids() == ReleaseStore(base.home).ids()


def test_where_it_does_not_pay_the_release_goes_without_and_says_so(base: Base, tmp_path: Path) -> None:
    home = base.copy(tmp_path / "home")
    chosen, served = outdated.training(base.transformer, epochs=0.1), rounds.serving(base.model)
    summary = outdated.retrain(home, chosen, served, outdated.decisions_about_chunks)
    assert summary.release_after and summary.reranker and not summary.reranker.verdict.adopted
    assert summary.reranker.verdict.reason.startswith("Not adopted: not surely better")
    assert summary.reranker.verdict.reason in render_summary(summary)
    store = ReleaseStore(home)
    release = store.verify(summary.release_after)
    assert release.reranker is None and not any(name.startswith(RERANKER_FOLDER) for name in release.files)
    assert load_release(store, None, rounds.serving(base.model)).reranker is None
    assert "Not adopted" in (store.folder(release.id) / "README.md").read_text()
    assert "Not adopted" in Path(summary.report or "").read_text()
    assert (home.runs / str(summary.run) / "rerank" / "questions.jsonl").is_file()


def test_killed_while_it_trains_the_run_ends_in_the_same_release(
    adopted: Adopted, base: Base, tmp_path: Path
) -> None:
    home = base.copy(tmp_path / "home")
    command = [sys.executable, "-m", "tests.training.outdated"]
    given = [str(home.root), str(base.model), str(base.transformer)]
    process = subprocess.Popen([*command, *given], cwd=Path(__file__).parents[2], stdout=subprocess.DEVNULL)
    end = time.monotonic() + PATIENCE
    while True:
        assert process.poll() is None and time.monotonic() < end, "the step did not start"
        record = next(iter(RunStore(home).list()), None)
        if record and record.step("rerank"):
            break
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert ReleaseStore(home).ids() == ReleaseStore(base.home).ids()
    summary = outdated.retrain(home, outdated.training(base.transformer), rounds.serving(base.model))
    assert summary.resumed and summary.outcome == "promoted"
    for part in (MODEL_FOLDER, RERANKER_FOLDER):
        weights = [
            (ReleaseStore(one).folder(str(id_)) / part / "model.safetensors").read_bytes()
            for one, id_ in (
                (home, summary.release_after),
                (adopted.home, adopted.summary.release_after),
            )
        ]
        assert weights[0] == weights[1], part
    assert summary.reranker and adopted.summary.reranker
    assert summary.reranker.verdict.reason == adopted.summary.reranker.verdict.reason


@pytest.mark.parametrize("name", ["/nowhere/at/all", "word vectors"])
def test_a_base_model_that_will_not_do_is_named_before_anything_is_trained(
    base: Base, tmp_path: Path, name: str
) -> None:
    home = base.copy(tmp_path / "home")
    wrong = base.model if name == "word vectors" else Path(name)
    with pytest.raises(SettingsError, match=r"no folder|can't be loaded as a reranker"):
        outdated.retrain(home, outdated.training(wrong), rounds.serving(base.model))
    assert RunStore(home).list()[0].step("start") is None
    assert ReleaseStore(home).ids() == ReleaseStore(base.home).ids()


INFO = RerankerInfo(name="mine", candidates=4, max_tokens=48, weight=0.5)
PAIRS = [
    Pair(
        dataset="triplets",
        record_id=str(number),
        query=outdated.QUESTIONS[number],
        text=chunks[number].text,
        label=label,
        source="accepted" if label else "refused",
    )
    for number in range(12)
    for chunks, label in ((outdated.CURRENT, 1), (outdated.OBSOLETE, 0))
]


def test_it_learns_what_was_decided(base: Base) -> None:
    """Unseen ones are told apart, and the other way round where everybody decided the other way round."""
    chosen = RerankerSettings(epochs=4, max_tokens=48, learning_rate=1e-3)
    others = range(20, 40)
    for pairs, sign in ((PAIRS, 1), ([_flipped(pair) for pair in PAIRS], -1)):
        model, _ = fit_reranker(base.transformer, pairs, chosen, CPU)
        reranker = Reranker(model, INFO, CPU)
        current, obsolete = (
            reranker.scores([(outdated.QUESTIONS[number], chunks[number].text) for number in others])
            for chunks in (outdated.CURRENT, outdated.OBSOLETE)
        )
        assert (sign * (current - obsolete) > 0).all()


def _flipped(pair: Pair) -> Pair:
    return pair.model_copy(update={"label": 1 - pair.label})


def test_the_same_seed_gives_the_same_weights_and_they_are_saved_whole(base: Base, tmp_path: Path) -> None:
    chosen = RerankerSettings(epochs=1, max_tokens=48, learning_rate=1e-3)
    models = [
        fit_reranker(base.transformer, PAIRS, one, CPU)[0]
        for one in (chosen, chosen, chosen.model_copy(update={"seed": 18}))
    ]
    made = [model.model.state_dict() for model in models]
    assert all(bool((weights == made[1][name]).all()) for name, weights in made[0].items())
    assert not all(bool((weights == made[2][name]).all()) for name, weights in made[0].items())
    models[0].save_pretrained(str(tmp_path), create_model_card=False, safe_serialization=True)
    asked = [(pair.query, pair.text) for pair in PAIRS]
    loaded = Reranker.open(tmp_path, INFO, CPU)
    np.testing.assert_array_equal(Reranker(models[1], INFO, CPU).scores(asked), loaded.scores(asked))


def test_what_can_not_be_learned_is_an_error(base: Base) -> None:
    wild = RerankerSettings(epochs=4, max_tokens=32, learning_rate=1e30)
    with pytest.raises(StateError, match="Training the reranker diverged"):
        fit_reranker(base.transformer, PAIRS, wild, CPU)
    beyond = RerankerSettings(epochs=0.01, warmup=0, max_tokens=32, learning_rate=1e20)
    with pytest.raises(StateError, match="beyond all bounds"):  # one step: its loss was a number still
        fit_reranker(base.transformer, PAIRS, beyond, CPU)
    with pytest.raises(ValueError, match="one kind is missing"):
        fit_reranker(base.transformer, [pair for pair in PAIRS if pair.label], wild, CPU)


GATE = GateSettings(resamples=400)


def _values(alone: np.ndarray, best: np.ndarray) -> dict[float, list[float]]:
    """The better the nearer the weight is to 0.5."""
    return {
        one: list(alone + (best - alone) * max(0.0, 1 - 2 * abs(one - 0.5)) if one else alone)
        for one in WEIGHTS
    }


def test_a_contest_is_won_by_what_is_surely_better_and_quick() -> None:
    chance = np.random.default_rng(5)
    alone = chance.choice([0.3, 0.5, 0.63, 1.0], 60)
    better = _values(alone, np.minimum(1.0, alone + chance.choice([0.0, 0.4], 60)))
    folds = [fold_of(str(number)) for number in range(60)]
    won = decide(better, folds, 80, 100, GATE)
    assert won.adopted and won.weight == 0.5 and won.fused > won.alone and won.reason.startswith("Adopted")
    slow = decide(better, folds, 180, 100, GATE)
    assert not slow.adopted and slow.verdict == "superior" and "slower" in slow.reason
    for values in (_values(alone, alone), _values(alone, alone - 0.2)):
        lost = decide(values, folds, 80, 100, GATE)
        assert not lost.adopted and lost.weight == 0 and lost.alone == lost.fused
        assert lost.reason.startswith("Not adopted: not surely better")


def test_choosing_the_best_of_many_weights_does_not_flatter_it() -> None:
    """Rerankers that are worth nothing, each with eleven chances: no more of them are adopted than a 90% interval lets."""
    adopted = 0
    for seed in range(150):
        chance = np.random.default_rng(seed)
        alone = chance.choice([0.0, 0.43, 0.63, 1.0], 50)
        values = {
            one: list(np.where(chance.random(50) < one / 2, chance.permutation(alone), alone))
            for one in WEIGHTS
        }
        folds = [fold_of(f"{seed} {number}") for number in range(50)]
        adopted += decide(values, folds, 1, 100, GATE).adopted
    assert adopted <= 0.08 * 150


@given(st.sets(st.integers(0, len(EXAMPLES) - 1), min_size=0), st.sampled_from([0.05, 0.2, 0.5]))
@settings(max_examples=40, deadline=None)
def test_what_is_set_aside_shares_nothing_with_training_and_stays_aside(
    missing: set[int], share: float
) -> None:
    groups = {chunk.id: outdated.CHUNKS[index - index % 2].id for index, chunk in enumerate(outdated.CHUNKS)}
    some = [one for index, one in enumerate(EXAMPLES) if index not in missing]
    aside = set_aside(some, outdated.CHUNKS, groups, share, DedupSettings(near=False))
    if not aside.asked:
        assert aside.train == some and not aside.unused and not aside.groups
        return
    assert len({normalise(one.query) for one in aside.asked}) >= LEAST_QUESTIONS
    assert len(aside.train) + len(aside.unused) == len(some)
    assert {groups[one.chunk_id] for one in aside.asked} <= aside.groups
    assert not {groups[one.chunk_id] for one in aside.train} & aside.groups
    everything = set_aside(EXAMPLES, outdated.CHUNKS, groups, share, DedupSettings(near=False))
    assert {one.record_id for one in aside.asked} <= {one.record_id for one in everything.asked}
