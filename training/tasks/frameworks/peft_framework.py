"""Training low-rank adapters (Hu et al. 2021, arXiv:2106.09685) with PEFT and transformers' trainer."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from training.tasks.frameworks.arguments import check_names
from training.tasks.frameworks.framework import Setup
from training.tasks.frameworks.transformers_framework import Transformers
from training.tasks.shapes import TaskKind

# PEFT's task types say which further layers (the classifier) are trained beside the adapters.
_TASK_TYPES: dict[TaskKind, str] = {
    "text_classification": "SEQ_CLS",
    "token_classification": "TOKEN_CLS",
}


class Peft(Transformers):
    """Parameters: those of peft.LoraConfig (or a whole one as ``peft_config``) beside those of
    transformers. The adapters are merged at the end: the saved model loads without peft."""

    name = "peft"
    tasks: ClassVar[Collection[TaskKind]] = tuple(_TASK_TYPES)
    distributions: ClassVar[Collection[str]] = ("peft",)
    library: ClassVar[str] = "transformers"
    packages: ClassVar[Mapping[str, str]] = {"peft": "pip install 'clayloop[lora]'"}

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.config |= {
            "learning_rate": 5e-4,
            "r": 16,
            "lora_alpha": 32,
            "lora_dropout": 0.1,
            "target_modules": "all-linear",
        }
        if setup.kind == "token_classification":
            # "all-linear" spares the classifier, which is trained as a whole, of texts but not of tokens
            self.config["exclude_modules"] = ["classifier", "score"]

    def _lora_names(self) -> set[str]:
        from dataclasses import fields

        from peft import LoraConfig

        return {one.name for one in fields(LoraConfig)} - {"task_type"} | {"peft_config"}

    def _own(self) -> set[str]:
        return super()._own() | self._lora_names()

    def _to_train(self, model: Any) -> Any:
        from peft import LoraConfig, TaskType, get_peft_model

        names = self._lora_names()
        given = {name: value for name, value in self.config.items() if name in names}
        check_names(given, names, "peft.LoraConfig")
        config = given.pop("peft_config", None)
        if config is None:
            config = LoraConfig(task_type=TaskType[_TASK_TYPES[self.setup.kind]], **given)
        return get_peft_model(model, config)

    def _trained(self, model: Any) -> Any:
        return model.merge_and_unload()
