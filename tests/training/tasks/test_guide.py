"""The examples of version 1's guide to training that no other test does in passing: the same lines, on small
data.

The others: test_setfit.py (the happy flow), test_trainer.py (filter, sort, cards, upload, preparing),
test_transformers.py, test_similarity.py, test_trl.py, test_openai.py, test_server.py,
tests/clayloop/test_train_command.py (the command line) and apart/ (PPO, SpanMarker, spaCy on a transformer).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clayloop import ArgillaTrainer, TrainingTask, prepare_for_training
from tests.training.tasks import dolly as guide, folders
from tests.training.tasks.folders import record, write_folder


def most_common_label(sample: dict[str, Any]) -> Any:
    """The guide's formatting function of text classification: ties are drawn."""
    text = sample["text"]
    values = [resp["value"] for resp in sample["label"]]
    counter = Counter(values)
    if counter:
        most_common = counter.most_common()
        max_frequency = most_common[0][1]
        elements = [element for element, frequency in most_common if frequency == max_frequency]
        return (text, random.choice(elements))
    return None


def test_text_classification_with_spacy_from_an_installed_pipeline(emotions: Path, tmp_path: Path) -> None:
    """The guide's model is en_core_web_sm; here it is a pipeline with vectors, made on the spot."""
    import numpy
    import spacy
    from spacy.vectors import Vectors

    words = sorted({word for text in (*folders.GOOD, *folders.BAD) for word in text.split()})
    nlp = spacy.blank("de")
    nlp.vocab.vectors = Vectors(data=numpy.eye(len(words), 16, dtype="float32"), keys=words)
    nlp.to_disk(tmp_path / "pipeline")
    task = TrainingTask.for_text_classification(formatting_func=most_common_label)
    trainer = ArgillaTrainer(
        dataset=emotions, task=task, framework="spacy", train_size=0.8, model=str(tmp_path / "pipeline")
    )
    trainer.update_config(max_epochs=2)
    trained = trainer.train(output_dir=tmp_path / "textcat_model")
    assert trainer.predict("great day")["label"] in ("good", "bad")
    saved = spacy.load(trained.folder)
    assert (saved.lang, saved.vocab.vectors.shape) == ("de", (len(words), 16))


def answers(sample: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    question = sample["question"]
    context = sample["text"]
    for answer in sample["answer"]:
        if not all([question, context, answer["value"]]):
            continue
        yield question, context, answer["value"]


def test_question_answering_by_a_formatting_func_is_that_by_names(names: Path) -> None:
    by_function = TrainingTask.for_question_answering(formatting_func=answers)
    by_names = TrainingTask.for_question_answering(question="question", context="text", answer="answer")
    made, same = (prepare_for_training(names, "transformers", task) for task in (by_function, by_names))
    assert made.to_list() == same.to_list()


def test_a_trainer_gives_its_examples_to_another_framework(emotions: Path) -> None:
    task = TrainingTask.for_text_classification(text="text", label="label")
    trainer = ArgillaTrainer(emotions, task, framework="transformers", train_size=0.5)
    given, own = trainer.dataset_to("setfit"), trainer.prepare_for_training()
    assert {name: rows["text"] for name, rows in given.items()} == {
        name: rows["text"] for name, rows in own.items()
    }
    assert len(trainer.dataset_to("spacy")) == 2  # DocBins of the two parts


@pytest.mark.parametrize(
    ("strategy", "labels"), [("majority", [1.0, 0.0]), ("mean", [0.75, 0.25]), ("min", [0.25, 0.0])]
)
def test_sentence_similarity_from_ratings(strategy: str, labels: list[float], tmp_path: Path) -> None:
    made = [
        record(f"s{number}", {"premise": "a man", "hypothesis": "a boy"}, **{"other-question": answers_of})
        for number, answers_of in enumerate(([5, 5, 2], [1, 1, 4]))
    ]
    folder = write_folder(
        tmp_path / "snli", ["premise", "hypothesis"], [folders.rating("other-question", 1, 2, 3, 4, 5)], made
    )
    task = TrainingTask.for_sentence_similarity(
        texts=["premise", "hypothesis"], label="other-question", label_strategy=strategy
    )
    table = prepare_for_training(folder, "sentence-transformers", task)
    assert [round(one, 3) for one in table["label"]] == labels


def test_the_similarities_that_the_guide_prints(emotions: Path) -> None:
    """Its model is the one that comes with clayloop, asked before any training."""
    task = TrainingTask.for_sentence_similarity(texts=["text"], label="label")
    trainer = ArgillaTrainer(emotions, task, framework="sentence-transformers", gpu_id=-1)
    one = "Machine learning is so easy."
    others = [
        "Deep learning is so straightforward.",
        "This is so difficult, like rocket science.",
        "I can't believe how much I struggled with this.",
    ]
    figures = pytest.approx([0.77857256, 0.4587626, 0.29062212], abs=1e-5)
    assert trainer.predict([one, others]) == figures
    assert trainer.predict([[one, other] for other in others]) == figures


def test_what_is_prepared_for_language_models(dolly: Path) -> None:
    """What the guide shows of its datasets."""
    made = {
        "supervised_fine_tuning": (guide.to_text, ["id", "text"]),
        "reward_modeling": (guide.to_pairs, ["id", "chosen", "rejected"]),
        "proximal_policy_optimization": (guide.to_prompts, ["id", "prompt"]),
        "direct_preference_optimization": (guide.to_preferences, ["id", "prompt", "chosen", "rejected"]),
        "chat_completion": (guide.to_chat, ["id", "messages"]),
    }
    for kind, (function, columns) in made.items():
        task = getattr(TrainingTask, f"for_{kind}")(formatting_func=function)
        table = prepare_for_training(dolly, framework="trl", task=task)
        assert (table.column_names, len(table)) == (columns, 16)
    texts = prepare_for_training(dolly, "trl", TrainingTask.for_supervised_fine_tuning(guide.to_text))
    assert texts[0]["text"].startswith("instruction: where does ann work context: ann works for acme")


def test_a_model_that_is_loaded_already_is_fine_tuned(dolly: Path, gpt: Path, tmp_path: Path) -> None:
    """For somebody who wants to be sure of the token that ends a text."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = AutoModelForCausalLM.from_pretrained(str(gpt)), AutoTokenizer.from_pretrained(str(gpt))
    tokenizer.add_special_tokens({"eos_token": "<end>"})
    model.resize_token_embeddings(len(tokenizer))
    trainer = ArgillaTrainer(
        dataset=dolly,
        task=TrainingTask.for_supervised_fine_tuning(formatting_func=guide.to_text),
        framework="trl",
        model=model,
        tokenizer=tokenizer,
        gpu_id=-1,
    )
    trainer.update_config(max_steps=1)
    folder = trainer.train(output_dir=tmp_path / "sft_model").folder
    assert AutoTokenizer.from_pretrained(str(folder)).eos_token == "<end>"


def test_the_fields_of_a_model_card(emotions: Path) -> None:
    """All that the guide's example sets, with two that it leaves empty."""
    card = {
        "language": ["en", "es"],
        "license": "Apache-2.0",
        "dataset_name": "argilla/emotion",
        "tags": ["nlp", "few-shot-learning", "argilla", "setfit"],
        "model_summary": "Small summary of what the model does",
        "model_description": "An extended explanation of the model",
        "model_type": "A 1.3B parameter embedding model fine-tuned on an awesome dataset",
        "finetuned_from": "all-MiniLM-L6-v2",
        "repo": "https://github.com/...",
        "developers": "",
        "shared_by": "",
    }
    task = TrainingTask.for_text_classification(text="text", label="label")
    trainer = ArgillaTrainer(emotions, task, "setfit", framework_kwargs={"model_card_kwargs": card})
    assert trainer._card_texts == card  # test_trainer.py reads them in a card
