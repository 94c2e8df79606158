"""The frameworks by name."""

from __future__ import annotations

from curation import SettingsError
from training.tasks.frameworks.framework import Framework, require
from training.tasks.frameworks.openai_framework import OpenAi
from training.tasks.frameworks.peft_framework import Peft
from training.tasks.frameworks.sentence_transformers_framework import SentenceTransformers
from training.tasks.frameworks.setfit_framework import SetFit
from training.tasks.frameworks.spacy_framework import Spacy
from training.tasks.frameworks.spacy_transformers_framework import SpacyTransformers
from training.tasks.frameworks.span_marker_framework import SpanMarker
from training.tasks.frameworks.transformers_framework import Transformers
from training.tasks.frameworks.trl_framework import Trl
from training.tasks.shapes import TaskKind

_OURS: tuple[type[Framework], ...] = (
    Transformers,
    Peft,
    SetFit,
    SentenceTransformers,
    Spacy,
    SpacyTransformers,
    SpanMarker,
    Trl,
    OpenAi,
)
_FRAMEWORKS: dict[str, type[Framework]] = {one.name: one for one in _OURS}


def register_framework(framework: type[Framework]) -> type[Framework]:
    """Make a class of yours known by its ``name``: also as a decorator. Raises SettingsError for a class that
    is no framework or a name that is taken."""
    if not isinstance(framework, type) or not issubclass(framework, Framework):
        raise SettingsError(f"{framework!r} is no framework.", "Derive it from training.Framework.")
    name = getattr(framework, "name", "")
    if not name or not getattr(framework, "tasks", ()):
        raise SettingsError(f"{framework.__name__} has no name or no tasks.", "Set both in the class.")
    if _FRAMEWORKS.get(name, framework) is not framework:
        raise SettingsError(f"There is a framework {name!r} already.", "Give yours another name.")
    _FRAMEWORKS[name] = framework
    return framework


def framework_names() -> list[str]:
    return sorted(_FRAMEWORKS)


def find_framework(name: str, kind: TaskKind) -> type[Framework]:
    """The framework ``name``, if it trains ``kind`` and its packages are there. Raises SettingsError."""
    found = _FRAMEWORKS.get(name) or _FRAMEWORKS.get(name.lower())  # version 1's guide writes "openAI"
    if found is None:
        raise SettingsError(
            f"There is no framework {name!r}.",
            f"There are {', '.join(framework_names())}; register_framework adds one of yours.",
        )
    if kind not in found.tasks:
        able = [one.name for one in _FRAMEWORKS.values() if kind in one.tasks]
        raise SettingsError(
            f"The framework {name!r} does not train {kind}.",
            f"Those that do: {', '.join(sorted(able)) or 'none yet'}.",
        )
    require(found)
    return found
