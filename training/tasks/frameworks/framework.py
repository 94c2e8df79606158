"""What a framework is: a library that trains, behind four methods."""

from __future__ import annotations

import importlib.util
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from curation import ClayloopError, SettingsError, StateError, shortage
from training.tasks.examples import Example, TrainingData
from training.tasks.frameworks.metrics import score
from training.tasks.frameworks.tables import as_datasets
from training.tasks.shapes import TaskKind

_SECRET = re.compile(r"(token|key|password|secret)$", re.IGNORECASE)

Prediction = Any  # a mapping of what was found, or for sentence similarity a number


@dataclass(frozen=True)
class Setup:
    """What a framework starts from.

    ``model`` is a folder, a Hugging Face name, package:NAME, or a model that is loaded already (then with its
    ``tokenizer``); None for the framework's default. ``gpu_id`` -1 means the CPU, None what there is.
    ``options`` are the framework_kwargs.
    """

    kind: TaskKind
    model: Any = None
    tokenizer: Any = None
    seed: int = 42
    gpu_id: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def on_cpu(self) -> bool:
        return self.gpu_id is not None and self.gpu_id < 0


class Framework(ABC):
    """One library.

    ``packages`` maps what it imports to the pip line that installs it; ``option_names`` are the
    framework_kwargs that it knows, ``distributions`` those whose versions the model card gives, ``library``
    the one that loads the saved model, if it has another name than the framework. To add one of your own,
    derive from this class, write its abstract methods and ``register_framework`` it.
    """

    name: ClassVar[str]
    tasks: ClassVar[Collection[TaskKind]]
    packages: ClassVar[Mapping[str, str]] = {}
    option_names: ClassVar[Collection[str]] = ()
    distributions: ClassVar[Collection[str]] = ()
    library: ClassVar[str] = ""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.config: dict[str, Any] = {}

    def update_config(self, **values: Any) -> None:
        """Change parameters of the training. Names are those of the library."""
        self.config.update(values)

    def prepare(self, data: TrainingData) -> Any:
        """The examples in the form that the library's own trainer takes: a datasets.Dataset, or a DatasetDict
        of train and test where something is held out."""
        return as_datasets(data)

    @abstractmethod
    def train(self, data: TrainingData, folder: Path) -> None:
        """Train on ``data.train`` and save the model in ``folder``, which is empty. What is written beside it
        is removed afterwards."""

    @abstractmethod
    def predict(self, inputs: Sequence[Any]) -> list[Prediction]:
        """What the model finds in each input. Raises StateError before the training."""

    def evaluate(self, data: TrainingData, examples: Sequence[Example]) -> dict[str, float]:
        """How the trained model does on ``examples``, which it has not seen."""
        return score(data, examples, self.predict([input_of(one) for one in examples]))

    def used(self) -> dict[str, Any]:
        """The parameters of the training as they were: for the model card."""
        return dict(self.config)

    def snippet(self, place: str) -> str:
        """Python lines that use the model in the folder or repository ``place``: for the model card."""
        return ""

    @property
    def loaded(self) -> Any:
        """The model that was given, if it is loaded already."""
        given = self.setup.model
        return None if given is None or isinstance(given, (str, Path)) else given

    @property
    def model_name(self) -> str:
        """The model that training starts from, for people."""
        if self.loaded is None:
            return str(self.setup.model or self.default_model())
        return str(getattr(self.loaded, "name_or_path", "") or type(self.loaded).__name__)

    def default_model(self) -> str:
        """What is trained where no model was named: the embedding model that comes with clayloop."""
        from serving import EmbeddingSettings

        return EmbeddingSettings().model

    def model_source(self) -> str:
        """A folder or Hugging Face name to load from. Raises SettingsError for no such folder, and
        for a loaded model: who asks loads one itself."""
        name = self.model_name
        if self.loaded is not None:
            raise SettingsError(
                f"{self.name} loads its model itself, and a loaded one was given.",
                "Give model= a folder, a Hugging Face name or package:NAME.",
            )
        if name.startswith("package:"):
            from serving import resolve_model

            return str(resolve_model(name))
        folder = Path(name).expanduser()
        if not folder.is_dir() and (name.startswith((".", "/", "~")) or name.count("/") > 1):
            raise SettingsError(
                f"There is no folder {name!r} with a model.",
                "Give an existing folder, a Hugging Face name or package:NAME.",
            )
        return str(folder) if folder.is_dir() else name


def texts_in(inputs: Sequence[Any]) -> list[str]:
    """``inputs``, if all of them are texts. Raises SettingsError otherwise."""
    for one in inputs:
        if not isinstance(one, str):
            raise SettingsError(f"{one!r} is no text.", "Give a text, or a list of texts.")
    return list(inputs)


def input_of(example: Example) -> Any:
    """What a model is asked about an example."""
    columns = example.columns
    if "question" in columns:
        return {"question": columns["question"], "context": columns["context"]}
    return columns["text"]


def require(framework: type[Framework]) -> None:
    """Raises SettingsError with the pip line where one of the framework's packages is missing."""
    for module, line in framework.packages.items():
        if importlib.util.find_spec(module) is None:  # not imported: nothing heavy is, before it trains
            raise SettingsError(
                f"The framework {framework.name!r} needs {module}, which is not installed.", line
            )


def without_secrets(values: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` as people may read them: of tokens, keys and passwords only the names."""
    return {
        name: "…"
        if _SECRET.search(str(name))
        else without_secrets(value)
        if isinstance(value, Mapping)
        else value
        for name, value in values.items()
    }


@contextmanager
def failures_told(framework: str, changed: Mapping[str, Any]) -> Iterator[None]:
    """Turns what the library raises while it trains into a SettingsError that names ``framework`` and the
    values that were ``changed``: what it says of itself names neither."""
    try:
        yield
    except (ClayloopError, OSError):
        raise
    except Exception as error:
        if shortage(error, "the training", "train again"):
            raise
        said = f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"
        if not changed:
            raise SettingsError(
                f"{framework} failed: {said}",
                "The library's documentation says what it wants: other options, or another package.",
            ) from error
        values = ", ".join(f"{name}={value!r}" for name, value in without_secrets(changed).items())
        raise SettingsError(
            f"{framework} failed with update_config({values[:300]}): {said}",
            "Compare these values with the library's documentation, or train without them.",
        ) from error


def untrained(name: str) -> StateError:
    """The error of a prediction before the training."""
    return StateError(f"The {name} model is not trained yet.", "Call train(output_dir=…) first.")


def choose_gpu(gpu_id: int | None) -> bool:
    """Whether to train on the CPU. Makes ``gpu_id`` the only GPU that is seen. Raises SettingsError where it
    is not there."""
    import torch

    if gpu_id is None or gpu_id < 0:
        return gpu_id is not None
    if not torch.cuda.is_initialized():
        os.environ["CUDA_VISIBLE_DEVICES"] = str(gpu_id)
        there = torch.cuda.is_available()
    else:
        there = torch.cuda.device_count() == 1 and os.environ.get("CUDA_VISIBLE_DEVICES") == str(gpu_id)
    if not there:
        raise SettingsError(
            f"torch does not see GPU {gpu_id}, or has begun to use other ones.",
            "Give gpu_id=-1 for the CPU, or set it before anything else uses torch in this process.",
        )
    return False
