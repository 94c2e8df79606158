"""Training bi-encoders and cross-encoders for real, with every form of sentences."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from curation import SettingsError
from tests.training.tasks import folders, models
from tests.training.tasks.conftest import texts_of
from tests.training.tasks.folders import record, write_folder
from training.tasks.task import TrainingTask
from training.tasks.trainer import ArgillaTrainer

ANIMALS = ("cat", "dog", "bird", "fish")
TOOLS = ("saw", "hammer", "drill", "plane")


@pytest.fixture(scope="module")
def sentences(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sentences are alike if both are about animals or both about tools."""
    records = []
    for number in range(32):
        kinds = (ANIMALS, TOOLS) if number % 2 else (TOOLS, ANIMALS)
        alike = number % 4 < 2
        first, other = kinds[0][number % 4], kinds[0][(number // 4) % 4]
        apart = kinds[1][(number // 8) % 4]
        fields = {
            "premise": f"the {first} is there",
            "hypothesis": f"one {other if alike else apart} was here",
            "opposite": f"one {apart} was here",
        }
        answers: dict[str, list[Any]] = {
            "relation": ["same" if alike else "other"],
            "score": [5 if alike else 1, 5 if alike else 2],
            "about": ["animal" if kinds[0] is ANIMALS else "tool"],
        }
        records.append(record(f"s{number}", fields, **answers))
    questions = [
        folders.label("relation", "same", "other"),
        folders.rating("score", 1, 2, 3, 4, 5),
        folders.label("about", "animal", "tool"),
    ]
    folder = tmp_path_factory.mktemp("similarity") / "sentences"
    return write_folder(folder, ["premise", "hypothesis", "opposite"], questions, records)


@pytest.fixture(scope="module")
def small(sentences: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.encoder(tmp_path_factory.mktemp("similarity") / "encoder", texts_of(sentences))


PAIR = ["premise", "hypothesis"]
TASKS = {
    "pairs": TrainingTask.for_sentence_similarity(["premise", "hypothesis"]),
    "scored": TrainingTask.for_sentence_similarity(PAIR, "score", "mean"),
    "classified": TrainingTask.for_sentence_similarity(PAIR, "relation"),
    "triplets": TrainingTask.for_sentence_similarity(["premise", "hypothesis", "opposite"]),
    "classes": TrainingTask.for_sentence_similarity(["premise"], "about"),
}


def trainer_of(sentences: Path, model: Path, form: str, cross: bool) -> ArgillaTrainer:
    made = ArgillaTrainer(
        sentences,
        TASKS[form],
        "sentence-transformers",
        model=model,
        train_size=0.75,
        framework_kwargs={"cross_encoder": cross},
        gpu_id=-1,
    )
    made.update_config(num_train_epochs=12, learning_rate=3e-3)
    return made


@pytest.mark.parametrize(
    ("form", "cross", "metric"),
    [
        ("pairs", False, "accuracy@1"),
        ("scored", False, "Spearman"),
        ("classified", False, "class accuracy"),
        ("triplets", False, "triplet accuracy"),
        ("classes", False, "nearest neighbour accuracy"),
        ("pairs", True, "accuracy@1"),
        ("scored", True, "Spearman"),
        ("classified", True, "class accuracy"),
    ],
)
def test_every_form_is_trained_and_predicted(
    form: str, cross: bool, metric: str, sentences: Path, small: Path, tmp_path: Path
) -> None:
    trainer = trainer_of(sentences, small, form, cross)
    trained = trainer.train(tmp_path / "model")
    assert (trained.trained_on, trained.held_out) == (24, 8)
    assert -1 <= trained.metrics[metric] <= 1
    others = ["the fish is there", "the drill is there", "the saw is there"]
    by_one = trainer.predict(["the dog is there", others])
    by_pairs = trainer.predict([["the dog is there", other] for other in others])
    if form == "classified" and cross:
        assert [one["label"] for one in by_one] == [one["label"] for one in by_pairs]
    else:
        assert by_one == pytest.approx(by_pairs, abs=1e-5)
    learned = [one.columns for one in trainer.data.train]
    if form == "classes":  # what is of one class has come together
        assert by_one[0] > by_one[1]
    elif form == "triplets":
        near, far = (
            trainer.predict([(one["sentence-1"], one[name]) for one in learned])
            for name in ("sentence-2", "sentence-3")
        )
        assert sum(near) > sum(far)
    elif "label" in learned[0]:
        found = trainer.predict([(one["sentence-1"], one["sentence-2"]) for one in learned])
        if form == "classified" and cross:
            right = sum(one["label"] == wanted["label"] for one, wanted in zip(found, learned, strict=True))
            assert right > 20
        elif form == "scored":
            alike = [score for score, one in zip(found, learned, strict=True) if one["label"] == 1]
            apart = [score for score, one in zip(found, learned, strict=True) if one["label"] < 1]
            assert sum(alike) / len(alike) > sum(apart) / len(apart) + 0.2


def test_what_was_saved_is_what_was_trained(sentences: Path, small: Path, tmp_path: Path) -> None:
    from sentence_transformers import CrossEncoder, SentenceTransformer

    pair = ("the cat is there", "one bird was here")
    bi = trainer_of(sentences, small, "scored", False)
    bi.update_config(num_train_epochs=1)
    bi.train(tmp_path / "bi")
    loaded = SentenceTransformer(str(tmp_path / "bi"), device="cpu")
    one, other = loaded.encode(list(pair))
    assert float(loaded.similarity(one, other)) == pytest.approx(bi.predict(pair)[0], abs=1e-5)
    cross = trainer_of(sentences, small, "scored", True)
    cross.update_config(num_train_epochs=1)
    cross.train(tmp_path / "cross")
    reloaded = CrossEncoder(str(tmp_path / "cross"), device="cpu")
    assert float(reloaded.predict([pair])[0]) == pytest.approx(cross.predict(pair)[0], abs=1e-5)
    assert "SentenceTransformer('bi')" in bi.generate_model_card("bi")
    assert "CrossEncoder('cross')" in cross.generate_model_card("cross")


def most_common(sample: dict[str, Any]) -> Any:
    """The formatting function of version 1's guide."""
    pair = {"sentence-1": sample["premise"], "sentence-2": sample["hypothesis"]}
    counted = Counter(answer["value"] for answer in sample["relation"])
    return {**pair, "label": counted.most_common(1)[0][0]} if counted else None


def test_labels_from_a_formatting_func(sentences: Path, small: Path, tmp_path: Path) -> None:
    trainer = ArgillaTrainer(
        sentences,
        TrainingTask.for_sentence_similarity(formatting_func=most_common),
        "sentence-transformers",
        model=small,
        framework_kwargs={"cross_encoder": True},
        gpu_id=-1,
    )
    trainer.train(tmp_path / "model")
    assert trainer.predict(["the dog", ["the cat"]])[0]["label"] in ("other", "same")


def test_a_model_that_is_not_trained_yet_says_how_similar(sentences: Path, small: Path) -> None:
    """As in version 1's guide: the model is asked as it is."""
    for cross in (False, True):
        found = trainer_of(sentences, small, "scored", cross).predict(["the cat", ["the dog", "one saw"]])
        assert len(found) == 2


@pytest.mark.parametrize("form", ["triplets", "classes"])
def test_what_a_cross_encoder_cannot_learn_from(
    form: str, sentences: Path, small: Path, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=f"A cross-encoder cannot learn from {form}"):
        trainer_of(sentences, small, form, True).train(tmp_path / "model")


@pytest.mark.parametrize(
    ("first", "rest", "says"),
    [
        ({"label": 0.5}, {"label": 1.5}, "the label 1.5 is no similarity"),
        ({"label": 0.5}, {}, "Record 's1' has sentence-1, sentence-2"),
    ],
)
def test_sentences_that_do_not_fit_together(
    first: Any, rest: Any, says: str, sentences: Path, small: Path
) -> None:
    def function(sample: dict[str, Any]) -> Any:
        pair = {"sentence-1": sample["premise"], "sentence-2": sample["hypothesis"]}
        return {**pair, **(first if sample["id"] == "s0" else rest)}

    task = TrainingTask.for_sentence_similarity(formatting_func=function)
    trainer = ArgillaTrainer(sentences, task, "sentence-transformers", model=small, gpu_id=-1)
    with pytest.raises(SettingsError, match=says):
        trainer.prepare_for_training()


@pytest.mark.parametrize("inputs", ["a text", ["a"], [["a", "b", "c"]], [], [["a", 1]]])
def test_what_is_no_pair(inputs: Any, sentences: Path, small: Path) -> None:
    with pytest.raises(SettingsError, match="predicted for pairs"):
        trainer_of(sentences, small, "scored", False).predict(inputs)


def test_options_that_are_not_known(sentences: Path) -> None:
    with pytest.raises(SettingsError, match="does not know 'cross'"):
        ArgillaTrainer(sentences, TASKS["pairs"], "sentence-transformers", framework_kwargs={"cross": True})
