"""Text and token classification with spaCy on top of a transformer."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from training.tasks.frameworks.framework import Framework
from training.tasks.frameworks.spacy_framework import Spacy


class SpacyTransformers(Spacy):
    """Parameters: as for spacy. ``model`` is a transformer (a folder, a Hugging Face name or package:NAME),
    ``lang`` the language's code."""

    name = "spacy-transformers"
    packages: ClassVar[Mapping[str, str]] = {
        "spacy_transformers": "pip install 'clayloop[spacy-transformers]', in an environment of its own"
    }
    distributions: ClassVar[Collection[str]] = ("spacy", "spacy-transformers")
    library: ClassVar[str] = "spacy"

    def default_model(self) -> str:
        return Framework.default_model(self)

    def _pipeline_lang(self) -> str:
        return self._lang()

    def _pipeline_config(self, lang: str, pipe: str) -> Any:
        """spaCy's own defaults for a pipeline with a transformer, with this one."""
        from spacy.cli.init_config import init_config

        config = init_config(lang=lang, pipeline=[pipe], gpu=True)
        config["components"]["transformer"]["model"]["name"] = self.model_source()
        if self.setup.gpu_id is None or self.setup.gpu_id < 0:
            config["system"]["gpu_allocator"] = None
        return config
