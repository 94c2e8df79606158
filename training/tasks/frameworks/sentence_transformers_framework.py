"""Training bi-encoders and cross-encoders with sentence-transformers' own trainers."""

from __future__ import annotations

import operator
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, ClassVar

from curation import SettingsError
from training.tasks.examples import Example, TrainingData
from training.tasks.frameworks.arguments import load_encoder, make_arguments, trained
from training.tasks.frameworks.framework import Framework, Prediction, Setup
from training.tasks.frameworks.similarity import (
    BI_ENCODER,
    CROSS_ENCODER,
    Loss,
    Sentences,
    pairs_of,
    sentences_of,
)
from training.tasks.frameworks.tables import as_datasets
from training.tasks.shapes import TaskKind

_TASK: TaskKind = "sentence_similarity"


class SentenceTransformers(Framework):
    """Parameters: those of SentenceTransformerTrainingArguments (or CrossEncoderTrainingArguments) and
    ``max_length``. framework_kwargs={"cross_encoder": True} trains a cross-encoder."""

    name = "sentence-transformers"
    tasks: ClassVar[Collection[TaskKind]] = (_TASK,)
    option_names: ClassVar[Collection[str]] = ("cross_encoder",)
    distributions: ClassVar[Collection[str]] = ("sentence-transformers",)

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.config = {"num_train_epochs": 1, "learning_rate": 2e-5, "per_device_train_batch_size": 16}
        self.cross = bool(setup.options.get("cross_encoder", False))
        self.model: Any = None
        self._labels: tuple[str, ...] = ()
        self._loss: Any = None

    def prepare(self, data: TrainingData) -> Any:
        """A datasets.Dataset, or a DatasetDict with train and test."""
        self._choose_loss(sentences_of(data))
        return as_datasets(data)

    def train(self, data: TrainingData, folder: Path) -> None:
        import sentence_transformers
        from datasets import Dataset

        sentences = sentences_of(data)
        chosen = self._choose_loss(sentences)
        kind = "CrossEncoder" if self.cross else "SentenceTransformer"
        arguments = make_arguments(
            getattr(sentence_transformers, f"{kind}TrainingArguments"),
            self.setup,
            {"batch_sampler": chosen.sampler, **self.config},
            ["max_length"],
            folder,
        )
        self._labels = sentences.labels if sentences.form == "classified pairs" else ()
        self.model = self._load()
        self._loss = self._make_loss(chosen)
        trainer = getattr(sentence_transformers, f"{kind}Trainer")(
            model=self.model,
            args=arguments,
            train_dataset=Dataset.from_dict(sentences.table(data.train)),
            eval_dataset=Dataset.from_dict(sentences.table(data.held_out)) if data.held_out else None,
            loss=self._loss,
        )
        trained(trainer)
        self.model.eval()
        self.model.save_pretrained(str(folder), create_model_card=False, safe_serialization=True)

    def predict(self, inputs: Sequence[Any]) -> list[Prediction]:
        """How similar the texts of each pair are: their cosine, or what the cross-encoder says. A model that
        is not trained yet is asked as it is."""
        pairs = pairs_of(inputs)
        if self.model is None:
            self.model = self._load()
        if not self.cross:
            ones, others = map(self._embedded, zip(*pairs, strict=True))
            return [float(one) for one in (ones * others).sum(axis=1)]
        scores = self.model.predict(
            [list(pair) for pair in pairs], show_progress_bar=False, apply_softmax=bool(self._labels) or None
        )
        if not self._labels:
            return [float(one) for one in scores]
        return [{"label": self._labels[int(row.argmax())], "score": float(row.max())} for row in scores]

    def evaluate(self, data: TrainingData, examples: Sequence[Example]) -> dict[str, float]:
        sentences = sentences_of(data)
        table = sentences.table(examples)
        if sentences.form == "classes":
            return {"nearest neighbour accuracy": self._nearest(sentences.table(data.train), table)}
        if sentences.form == "triplets":
            ones, rights, wrongs = (table[name] for name in sorted(table))
            near, far = (self.predict(list(zip(ones, few, strict=True))) for few in (rights, wrongs))
            return {"triplet accuracy": sum(map(operator.gt, near, far)) / len(near)}
        firsts, seconds = table["sentence-1"], table["sentence-2"]
        if sentences.form == "pairs":
            return {"accuracy@1": self._first_places(firsts, seconds)}
        found = self.predict(list(zip(firsts, seconds, strict=True)))
        if sentences.form == "scored pairs":
            return _correlation(found, table["label"])
        if not self.cross:
            return {"class accuracy": self._class_accuracy(table)}
        wanted = [sentences.labels[place] for place in table["label"]]
        right = sum(one["label"] == label for one, label in zip(found, wanted, strict=True))
        return {"class accuracy": right / len(wanted)}

    def snippet(self, place: str) -> str:
        kind = "CrossEncoder" if self.cross else "SentenceTransformer"
        load = f"from sentence_transformers import {kind}\n\nmodel = {kind}({place!r})\n"
        if self.cross:
            return load + 'print(model.predict([("one text", "another text")]))'
        return load + (
            'one, other = model.encode(["one text", "another text"])\nprint(model.similarity(one, other))'
        )

    def _embedded(self, texts: Sequence[str]) -> Any:
        """A unit vector for each."""
        return self.model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)

    def _first_places(self, firsts: Sequence[str], seconds: Sequence[str]) -> float:
        """How often a text's own partner is the most similar of all held-out ones."""
        choices = list(dict.fromkeys(seconds))
        scores: list[list[float]]
        if self.cross:
            scores = [self.predict([[one, other] for other in choices]) for one in firsts]
        else:  # each text is embedded once
            scores = (self._embedded(firsts) @ self._embedded(choices).T).tolist()
        best = [choices[max(range(len(choices)), key=row.__getitem__)] for row in scores]
        return sum(one == partner for one, partner in zip(best, seconds, strict=True)) / len(best)

    def _nearest(self, known: dict[str, list[Any]], asked: dict[str, list[Any]]) -> float:
        """How often the most similar text that was trained on has the same class."""
        ours, theirs = (self._embedded(table["sentence-1"]) for table in (known, asked))
        nearest = (theirs @ ours.T).argmax(axis=1)
        right = [known["label"][place] == label for place, label in zip(nearest, asked["label"], strict=True)]
        return float(sum(right) / len(right))

    def _class_accuracy(self, table: dict[str, list[Any]]) -> float:
        """By the classifier that the loss has on top of the embeddings."""
        import torch

        with torch.inference_mode():
            ones, others = (
                self.model.encode(table[name], convert_to_tensor=True, show_progress_bar=False)
                for name in ("sentence-1", "sentence-2")
            )
            logits = self._loss.classifier(torch.cat([ones, others, (ones - others).abs()], dim=1))
        found = logits.argmax(dim=1).tolist()
        right = [one == label for one, label in zip(found, table["label"], strict=True)]
        return float(sum(right) / len(right))

    def _choose_loss(self, sentences: Sentences) -> Loss:
        """Raises SettingsError for a form that the kind of model cannot learn from."""
        losses = CROSS_ENCODER if self.cross else BI_ENCODER
        if sentences.form not in losses:
            raise SettingsError(
                f"A cross-encoder cannot learn from {sentences.form}.",
                f'Give {" or ".join(losses)}, or leave "cross_encoder" out of framework_kwargs.',
            )
        return losses[sentences.form]

    def _make_loss(self, chosen: Loss) -> Any:
        from sentence_transformers.cross_encoder import losses as cross_losses
        from sentence_transformers.sentence_transformer import losses

        made = getattr(cross_losses if self.cross else losses, chosen.name)
        if chosen.name == "SoftmaxLoss":
            size = self.model.get_embedding_dimension()
            return made(self.model, size, len(self._labels))
        return made(self.model)

    def _load(self) -> Any:
        options: dict[str, Any] = {"num_labels": len(self._labels) or 1} if self.cross else {}
        model = load_encoder(self, "CrossEncoder" if self.cross else "SentenceTransformer", **options)
        model.model_card_data.generate_widget_examples = False  # the card is ours
        if "max_length" in self.config:
            model.max_seq_length = int(self.config["max_length"])
        return model


def _correlation(found: Sequence[float], wanted: Sequence[float]) -> dict[str, float]:
    """Spearman's; nothing where all scores are the same."""
    from scipy.stats import spearmanr

    if len(set(found)) < 2 or len(set(wanted)) < 2:
        return {}
    return {"Spearman": float(spearmanr(found, wanted).statistic)}
