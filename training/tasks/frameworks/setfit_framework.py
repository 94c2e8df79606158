"""Few-shot text classification with SetFit (Tunstall et al. 2022, arXiv:2209.11055).

SetFit saves its classifier as a pickle, which runs whatever it contains when it is loaded. Here it is saved
as two tensors beside the sentence-transformers model, ``head.safetensors``.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from training.tasks.examples import TrainingData, labels_in
from training.tasks.frameworks.arguments import load_encoder, make_arguments, quiet
from training.tasks.frameworks.framework import Framework, Prediction, Setup, texts_in, untrained
from training.tasks.frameworks.heads.classify import as_prediction
from training.tasks.frameworks.snippets import on_disk
from training.tasks.shapes import TaskKind

_TASK: TaskKind = "text_classification"
_HEAD = "head.safetensors"
_NEVER = -30.0  # the logit of a label that was in no text that was trained on
_SNIPPET = """\
import json
from pathlib import Path

from safetensors.numpy import load_file
from sentence_transformers import SentenceTransformer

folder = PLACE
model, head = SentenceTransformer(folder), load_file(f"{folder}/head.safetensors")
labels = json.loads(Path(folder, "training.json").read_text())["labels"]
scores = model.encode("A text") @ head["weight"].T + head["bias"]
"""
_ONE = "print(labels[scores.argmax()])"
_SEVERAL = "print([label for label, score in zip(labels, scores) if score >= 0])"


class SetFit(Framework):
    """Parameters: those of setfit.TrainingArguments, such as num_epochs and num_iterations."""

    name = "setfit"
    tasks: ClassVar[Collection[TaskKind]] = (_TASK,)
    packages: ClassVar[Mapping[str, str]] = {"setfit": "pip install 'clayloop[setfit]'"}
    distributions: ClassVar[Collection[str]] = ("setfit", "sentence-transformers")
    library: ClassVar[str] = "sentence-transformers"

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.config = {"num_epochs": 1, "batch_size": 16}
        self._body: Any = None
        self._weight: Any = None
        self._bias: Any = None
        self._labels: tuple[str, ...] = ()
        self._multi = False

    def train(self, data: TrainingData, folder: Path) -> None:
        import setfit
        from datasets import Dataset
        from sklearn.linear_model import LogisticRegression
        from sklearn.multiclass import OneVsRestClassifier

        logging.getLogger("setfit.trainer").setLevel(logging.WARNING)  # it would list each run's parameters
        config = {"show_progress_bar": False, **self.config}
        arguments = make_arguments(setfit.TrainingArguments, self.setup, config, (), folder)
        body = load_encoder(self)
        head = LogisticRegression()
        model = setfit.SetFitModel(
            model_body=body,
            model_head=OneVsRestClassifier(head) if data.multi else head,
            multi_target_strategy="one-vs-rest" if data.multi else None,
            labels=list(data.labels),
        )
        given = [labels_in(one.columns) for one in data.train]
        if data.multi:
            labels: list[Any] = [[int(label in one) for label in data.labels] for one in given]
        else:
            labels = [data.labels.index(label) for (label,) in given]
        table = {"text": [one.columns["text"] for one in data.train], "label": labels}
        trainer = setfit.Trainer(
            model=model,
            args=arguments,
            train_dataset=Dataset.from_dict(table),
            # By default setfit fetches a script that measures; we measure ourselves.
            metric=lambda found, wanted: {},
        )
        quiet(trainer)
        trainer.train()
        self._body, self._labels, self._multi = model.model_body.eval(), data.labels, data.multi
        self._weight, self._bias = _tensors(model.model_head, data)
        self._save(folder)

    def predict(self, inputs: Sequence[Any]) -> list[Prediction]:
        if self._body is None:
            raise untrained(self.name)
        from scipy.special import expit, softmax

        embedded = self._body.encode(texts_in(inputs), show_progress_bar=False)
        logits = embedded @ self._weight.T + self._bias
        scores = expit(logits) if self._multi else softmax(logits, axis=1)
        return [as_prediction(self._labels, row, self._multi) for row in scores.tolist()]

    def snippet(self, place: str) -> str:
        return on_disk(_SNIPPET + (_SEVERAL if self._multi else _ONE), place)

    def _save(self, folder: Path) -> None:
        from safetensors.numpy import save_file

        self._body.save_pretrained(str(folder), create_model_card=False, safe_serialization=True)
        save_file({"weight": self._weight, "bias": self._bias}, str(folder / _HEAD))


def _tensors(head: Any, data: TrainingData) -> tuple[Any, Any]:
    """The classifier as a weight and a bias for each label."""
    import numpy as np

    size = head.estimators_[0].n_features_in_ if data.multi else head.n_features_in_
    weight = np.zeros((len(data.labels), size), dtype=np.float32)
    bias = np.full(len(data.labels), _NEVER, dtype=np.float32)
    if data.multi:
        for place, one in enumerate(head.estimators_):
            if hasattr(one, "coef_"):
                weight[place], bias[place] = one.coef_[0], one.intercept_[0]
            else:  # all texts have this label, or none
                bias[place] = -_NEVER if one.y_[0] else _NEVER
    elif len(head.classes_) == 2:  # a single row, for the second class
        low, high = head.classes_
        bias[low] = 0.0
        weight[high], bias[high] = head.coef_[0], head.intercept_[0]
    else:
        for row, place in enumerate(head.classes_):
            weight[place], bias[place] = head.coef_[row], head.intercept_[row]
    return weight, bias
