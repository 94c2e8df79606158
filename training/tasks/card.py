"""The model card of a trained task: data, annotators, unification, metrics, versions and how to use it."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from curation import SettingsError
from training.tasks.examples import Split, TrainingData
from training.tasks.frameworks.framework import Framework, without_secrets
from training.tasks.shapes import TaskKind
from training.tasks.task import TrainingTask

CARD_FILE = "README.md"
# What a user may say in model_card_kwargs: what goes into the card's head, and what into its text.
_IN_HEAD = ("language", "license", "tags", "dataset_name")
_IN_TEXT = {
    "model_description": "",
    "model_type": "Type",
    "finetuned_from": "Trained from",
    "developers": "Developed by",
    "shared_by": "Shared by",
    "repo": "Repository",
}
_SUMMARY = "model_summary"
# What the Hugging Face Hub calls a model for a task.
_PIPELINES: Mapping[TaskKind, str] = {
    "text_classification": "text-classification",
    "token_classification": "token-classification",
    "question_answering": "question-answering",
    "sentence_similarity": "sentence-similarity",
    "text2text": "text2text-generation",
    "supervised_fine_tuning": "text-generation",
    "reward_modeling": "text-classification",
    "proximal_policy_optimization": "text-generation",
    "direct_preference_optimization": "text-generation",
    "chat_completion": "text-generation",
}
_PACKAGES = ("clayloop", "argilla", "torch", "transformers", "datasets")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|#~$])")


@dataclass(frozen=True)
class Facts:
    """All that a card says."""

    dataset: str
    task: TrainingTask
    framework: Framework
    data: TrainingData
    selection: str
    split: Split
    metrics: Mapping[str, float]
    unmeasured: str  # why there are no metrics
    texts: Mapping[str, Any]

    def parameters(self) -> dict[str, Any]:
        """Those of the training, plain and without secrets."""
        return {name: _plain_value(value) for name, value in without_secrets(self.framework.used()).items()}

    def as_json(self) -> dict[str, Any]:
        """What training.json holds."""
        data = self.data
        return {
            "dataset": self.dataset,
            "task": self.task.kind,
            "fields": dict(self.task.texts),
            "question": self.task.label,
            "framework": self.framework.name,
            "model": self.framework.model_name,
            "parameters": self.parameters(),
            "selection": self.selection,
            "train_size": self.split.train_size,
            "seed": self.split.seed,
            "records": data.records,
            "trained_on": len(data.train),
            "held_out": len(data.held_out),
            "labels": list(data.labels),
            "unlearned": list(data.unlearned),
            "unification": data.unification.describe() if data.unification else None,
            "notes": list(data.notes),
            "metrics": dict(self.metrics),
            "unmeasured": self.unmeasured,
            "versions": versions(self.framework),
        }


def check_card_texts(given: Any) -> dict[str, Any]:
    """``model_card_kwargs``, if they are known. Raises SettingsError otherwise."""
    known = (*_IN_HEAD, *_IN_TEXT, _SUMMARY)
    if not isinstance(given, Mapping) or (unknown := sorted(set(given) - set(known))):
        said = unknown[0] if isinstance(given, Mapping) else given
        raise SettingsError(f"model_card_kwargs: {said!r} is not known.", f"Known are {', '.join(known)}.")
    return dict(given)


def versions(framework: Framework) -> dict[str, str]:
    """Of Python and of the packages that took part."""
    from importlib import metadata

    found = {"python": platform.python_version()}
    for name in dict.fromkeys([*_PACKAGES, *framework.distributions]):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def model_card(facts: Facts, name: str) -> str:
    """Markdown for a model that will be found as ``name`` (a folder or a repository)."""
    texts = facts.texts
    lines = [
        f"---\n{_head(facts)}\n---\n",
        f"# {escaped(name)}\n",
        f"{escaped(texts.get(_SUMMARY) or _summary(facts))}\n",
        *_about(facts),
        *_section("Data", _data(facts)),
        *_section("Annotators", _annotators(facts.data)),
        *_section("Unification", _unification(facts)),
        *_section("Metrics on the held-out records", _metrics(facts)),
        *_section("Training", _training(facts)),
        *_section("Use", _use(facts, name)),
        *_section("Versions", [f"- {one} {version}" for one, version in versions(facts.framework).items()]),
    ]
    return "\n".join(lines)


def escaped(text: Any) -> str:
    """``text`` on one line, with everything that Markdown or HTML would read as more than text escaped."""
    return _MARKDOWN.sub(r"\\\1", " ".join(str(text).split()))


def _head(facts: Facts) -> str:
    from huggingface_hub import ModelCardData

    texts = facts.texts
    model = facts.framework.model_name
    data = ModelCardData(
        language=texts.get("language"),
        license=texts.get("license"),
        datasets=[texts["dataset_name"]] if texts.get("dataset_name") else None,
        tags=sorted({*(texts.get("tags") or ()), "argilla", "clayloop"}),
        base_model=texts.get("finetuned_from")
        or (model if re.fullmatch(r"[\w.-]+/[\w.-]+", model) else None),
        library_name=facts.framework.library or facts.framework.name,
        pipeline_tag=_PIPELINES[facts.task.kind],
    )
    return str(data.to_yaml())


def _summary(facts: Facts) -> str:
    return (
        f"A model for {facts.task.kind.replace('_', ' ')}, trained with {facts.framework.name} on what "
        f"people annotated in the Argilla dataset {facts.dataset}."
    )


def _about(facts: Facts) -> Iterator[str]:
    for name, title in _IN_TEXT.items():
        if facts.texts.get(name):
            said = escaped(facts.texts[name])
            yield f"{title}: {said}\n" if title else f"{said}\n"


def _section(title: str, lines: Sequence[str] | Iterator[str]) -> list[str]:
    return [f"## {title}\n", *lines, ""]


def _data(facts: Facts) -> Iterator[str]:
    data, task = facts.data, facts.task
    yield f"- Argilla dataset: {escaped(facts.dataset)} ({escaped(facts.selection)})"
    yield f"- Records read: {data.records:,}"
    sides = f"{len(data.train):,} to train on, {len(data.held_out):,} held out"
    yield f"- Examples: {sides} (seed {facts.split.seed})"
    if task.formatting_func is not None:
        yield "- Made by a formatting function"
    else:
        parts = [f"{column} from field {name}" for column, name in task.texts.items()]
        parts += [f"{task.column} from question {task.label}"] if task.label else []
        yield f"- Columns: {escaped(', '.join(parts))}"
    if data.labels:
        yield f"- Labels: {escaped(', '.join(data.labels))}"
    if data.unlearned:
        yield f"- Labels that nobody gave, so they are not learned: {escaped(', '.join(data.unlearned))}"
    for note in data.notes:
        yield f"- {escaped(note)}"


def _annotators(data: TrainingData) -> Iterator[str]:
    users = data.answers_by_user()
    people = "1 person" if len(users) == 1 else f"{len(users)} people"
    yield f"{people}, by their ids in Argilla:\n" if users else "None: the fields alone were used."
    if users:
        yield "| user | examples |\n|---|---|"
    for user, count in users.items():
        yield f"| {escaped(user)} | {count:,} |"


def _unification(facts: Facts) -> Iterator[str]:
    unification = facts.data.unification
    by = "by the formatting function, if at all" if facts.task.formatting_func else "not needed"
    yield escaped(unification.describe()) if unification else f"Several answers to one record: {by}."


def _metrics(facts: Facts) -> Iterator[str]:
    if not facts.metrics:
        yield f"None: {escaped(facts.unmeasured or 'this task has no measure here')}."
        return
    yield f"On {len(facts.data.held_out):,} examples of records that were not trained on.\n"
    yield "| metric | value |\n|---|---|"
    for name, value in facts.metrics.items():
        yield f"| {escaped(name)} | {value:.3f} |"


def _training(facts: Facts) -> Iterator[str]:
    yield f"With {facts.framework.name}, from {escaped(facts.framework.model_name)}.\n"
    yield "| parameter | value |\n|---|---|"
    for name, value in facts.parameters().items():
        yield f"| {escaped(name)} | {escaped(value)} |"


def _use(facts: Facts, name: str) -> Iterator[str]:
    snippet = facts.framework.snippet(name)
    yield f"```python\n{snippet}\n```" if snippet else "As the framework's documentation says."


def _plain_value(value: Any) -> Any:
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
