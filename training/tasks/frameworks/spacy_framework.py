"""Text and token classification with spaCy's own training loop."""

from __future__ import annotations

import io
import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from curation import SettingsError, first_line
from training.tasks.examples import Example, TrainingData, labels_in
from training.tasks.frameworks.arguments import check_names
from training.tasks.frameworks.framework import Framework, Prediction, Setup, texts_in, untrained
from training.tasks.frameworks.heads.classify import as_prediction
from training.tasks.frameworks.snippets import on_disk
from training.tasks.shapes import TaskKind

_OWN = ("learn_rate",)
# Every so many examples choose the best of the models on the way, where there are enough: the held-out ones
# stay unseen.
_CHOOSER = 10
_SNIPPET = """\
import spacy

nlp = spacy.load(PLACE)
doc = nlp("A text")
print(doc.cats, [(ent.text, ent.label_) for ent in doc.ents])"""


class Spacy(Framework):
    """Parameters: those of the section [training] of spaCy's config, such as max_epochs, max_steps, dropout
    and patience, and ``learn_rate``. ``model`` is a pipeline (a package or folder) whose word vectors are
    used; ``lang`` is a language's code, by default that of the pipeline, else "en"."""

    name = "spacy"
    tasks: ClassVar[Collection[TaskKind]] = ("text_classification", "token_classification")
    packages: ClassVar[Mapping[str, str]] = {"spacy": "pip install 'clayloop[spacy]'"}
    option_names: ClassVar[Collection[str]] = ("lang",)
    distributions: ClassVar[Collection[str]] = ("spacy",)

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.config = {"max_epochs": 20}
        self._nlp: Any = None
        self._labels: tuple[str, ...] = ()
        self._multi = False

    def prepare(self, data: TrainingData) -> Any:
        """A spacy.tokens.DocBin of the examples to train on; a pair with that of the held-out ones where
        there are any."""
        nlp = self._blank()
        train = self._docs(nlp, data, data.train)
        return (train, self._docs(nlp, data, data.held_out)) if data.held_out else train

    def train(self, data: TrainingData, folder: Path) -> None:
        import spacy
        from spacy.training.initialize import init_nlp
        from spacy.training.loop import train

        nlp = self._blank()
        choosing = data.train[::_CHOOSER] if len(data.train) >= 2 * _CHOOSER else data.train
        learning = data.train if choosing is data.train else _without(data.train, choosing)
        use_gpu = -1 if self.setup.gpu_id is None else self.setup.gpu_id
        if use_gpu >= 0:
            spacy.require_gpu(use_gpu)
        place, told = folder.with_name("scratch"), io.StringIO()
        place.mkdir()
        for name, several in (("train", learning), ("dev", choosing)):
            self._docs(nlp, data, several).to_disk(place / f"{name}.spacy")
        config = self._library_config(data, place)
        train(init_nlp(config, use_gpu=use_gpu), place, use_gpu=use_gpu, stdout=told, stderr=told)
        best = place / "model-best"
        shutil.copytree(best if best.exists() else place / "model-last", folder, dirs_exist_ok=True)
        self._nlp = spacy.load(folder)
        self._labels, self._multi = data.labels, data.multi

    def predict(self, inputs: Sequence[Any]) -> list[Prediction]:
        if self._nlp is None:
            raise untrained(self.name)
        docs = list(self._nlp.pipe(texts_in(inputs)))
        if self.setup.kind == "text_classification":
            scores = [[doc.cats.get(label, 0.0) for label in self._labels] for doc in docs]
            return [as_prediction(self._labels, one, self._multi) for one in scores]
        return [
            [
                {"start": one.start_char, "end": one.end_char, "label": one.label_, "text": one.text}
                for one in doc.ents
            ]
            for doc in docs
        ]

    def snippet(self, place: str) -> str:
        return on_disk(_SNIPPET, place)

    def default_model(self) -> str:
        return f"a blank pipeline ({self._lang()})"

    def _lang(self) -> str:
        return str(self.setup.options.get("lang", "en"))

    def _blank(self) -> Any:
        """An empty pipeline of the language. Raises SettingsError for an unknown language or pipeline."""
        import spacy

        try:
            return spacy.blank(self._pipeline_lang())
        except (OSError, ImportError, ValueError) as error:
            raise SettingsError(
                f"spaCy cannot load this: {first_line(error)}",
                "Give model= a folder or an installed pipeline (`python -m spacy download NAME`), and lang= "
                "a language that spaCy knows.",
            ) from error

    def _pipeline_lang(self) -> str:
        """The language of the given pipeline, else ``lang``."""
        import spacy

        return str(spacy.load(self.setup.model).lang) if self.setup.model is not None else self._lang()

    def _pipe(self, data: TrainingData) -> str:
        if data.kind == "token_classification":
            return "ner"
        return "textcat_multilabel" if data.multi else "textcat"

    def _library_config(self, data: TrainingData, place: Path) -> Any:
        """spaCy's config. Raises SettingsError for a parameter that it does not have."""
        config = self._pipeline_config(self._blank().lang, self._pipe(data))
        check_names(self.config, {*config["training"], *_OWN}, "the section [training] of spaCy's config")
        given = dict(self.config)
        if "learn_rate" in given:
            config["training"]["optimizer"]["learn_rate"] = given.pop("learn_rate")
        config["training"].update(given)
        config["system"]["seed"] = self.setup.seed
        config["paths"].update({name: str(place / f"{name}.spacy") for name in ("train", "dev")})
        return config

    def _pipeline_config(self, lang: str, pipe: str) -> Any:
        """spaCy's own defaults for this pipeline, with the word vectors of the given one."""
        from spacy.cli.init_config import init_config

        config = init_config(lang=lang, pipeline=[pipe], gpu=False)
        if self.setup.model is not None:
            config["initialize"]["vectors"] = str(self.setup.model)
        return config

    def _docs(self, nlp: Any, data: TrainingData, examples: Sequence[Example]) -> Any:
        """The examples as spaCy learns from them. A span that ends inside a token takes all of it."""
        from spacy.tokens import DocBin
        from spacy.util import filter_spans

        docs = []
        for one in examples:
            doc = nlp.make_doc(one.columns["text"])
            if data.kind == "token_classification":
                found = [
                    doc.char_span(span["start"], span["end"], span["label"], alignment_mode="expand")
                    for span in one.columns["spans"]
                ]
                doc.ents = filter_spans([span for span in found if span is not None])
            else:
                own = set(labels_in(one.columns))
                doc.cats = {label: float(label in own) for label in data.labels}
            docs.append(doc)
        return DocBin(docs=docs, store_user_data=False)


def _without(examples: Sequence[Example], others: Sequence[Example]) -> list[Example]:
    chosen = {id(one) for one in others}
    return [one for one in examples if id(one) not in chosen]
