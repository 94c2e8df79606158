"""The settings of a FeedbackDataset: `argilla.yaml`, or the JSON in `argilla.cfg` of versions up to 1.12."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from curation.argilla.api import JsonObject
from curation.argilla.version1.left_out import LeftOut
from curation.errors import SettingsError

T = TypeVar("T")
FILES = ("argilla.yaml", "argilla.yml", "argilla.cfg")
_MOST_GUIDELINES = 10_000  # characters: Argilla's own limit
_FEWEST_VISIBLE = 3  # Argilla's own limit
_OF_THE_SERVER = frozenset({"id", "dataset_id", "inserted_at", "updated_at", "settings"})
_TOP = frozenset(
    {"fields", "questions", "guidelines", "metadata_properties", "allow_extra_metadata", "vectors_settings"}
)
_COMMON = frozenset({"name", "title", "description", "required", "type"})
_LABELS = frozenset({"labels", "visible_labels", "labels_order"})
_KNOWN: Mapping[str, frozenset[str]] = {
    "text": frozenset({"use_markdown"}),
    "rating": frozenset({"values"}),
    "ranking": frozenset({"values"}),
    "label_selection": _LABELS,
    "multi_label_selection": _LABELS,
    "span": _LABELS | {"field", "allow_overlapping"},
}
_METADATA = ("terms", "integer", "float")


@dataclass(frozen=True)
class Question:
    """A question as Argilla 2 is told of it. ``options`` are its labels or ratings; ``field`` is the one that
    a span question marks."""

    name: str
    type: str
    required: bool
    payload: JsonObject
    options: tuple[Any, ...] = ()
    field: str = ""
    overlapping: bool = False


@dataclass(frozen=True)
class OldDataset:
    """The settings. Fields, metadata and vectors are as Argilla 2 is told of them, by name."""

    fields: Mapping[str, JsonObject]
    questions: Mapping[str, Question]
    metadata: Mapping[str, JsonObject]
    vectors: Mapping[str, JsonObject]
    guidelines: str | None
    allow_extra_metadata: bool


def read_settings(folder: Path, left_out: LeftOut) -> OldDataset:
    """Raises SettingsError where there are none, or none that can be read."""
    path = next((folder / name for name in FILES if (folder / name).is_file()), None)
    if path is None:
        raise SettingsError(
            f"There is no {FILES[0]} and no {FILES[-1]} in {folder}.",
            "Give the folder of a FeedbackDataset of Argilla 1: a copy of its repository on the Hub, with "
            "its settings and its parquet files.",
        )
    try:
        given = _load(path)
        if unknown := sorted(set(given) - _TOP):
            left_out.note(f"{path.name}: {', '.join(map(str, unknown))} is not known")
        return OldDataset(
            fields=_each("fields", given["fields"], lambda one: _field(_flat(one), left_out)),
            questions=_each("questions", given["questions"], lambda one: _question(_flat(one), left_out)),
            metadata=_each("metadata_properties", given.get("metadata_properties"), _metadata),
            vectors=_each("vectors_settings", given.get("vectors_settings"), _vector),
            guidelines=_guidelines(given.get("guidelines"), left_out),
            allow_extra_metadata=bool(given.get("allow_extra_metadata", True)),
        )
    except (KeyError, TypeError, AttributeError, ValueError, OSError, yaml.YAMLError) as error:
        said = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise SettingsError(
            f"{path} cannot be read as settings of a FeedbackDataset: {said}.",
            "It must be the file that Argilla 1 wrote.",
        ) from error


def _each(part: str, given: Any, make: Callable[[Mapping[str, Any]], T]) -> dict[str, T]:
    """What ``make`` makes of each of ``given``, by name. Raises ValueError that says which one is wrong."""
    made: dict[str, T] = {}
    for number, one in enumerate(given or ()):
        name = one.get("name") if isinstance(one, Mapping) else None
        try:
            found = make(one)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            said = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
            raise ValueError(f"number {number} of {part} ({name}): {said}") from error
        if name in made:
            raise ValueError(f"two of {part} are called {name!r}")
        made[str(name)] = found
    return made


class _Loader(yaml.SafeLoader):
    """YAML without Python's objects: early versions wrote enums and UUIDs as such."""


def _plain(loader: _Loader, suffix: str, node: yaml.Node) -> Any:
    """The value of an enum; None for a UUID."""
    if isinstance(node, yaml.SequenceNode):
        return next(iter(loader.construct_sequence(node)), None)
    return loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode) else None


_Loader.add_multi_constructor("tag:yaml.org,2002:python/", _plain)


def _load(path: Path) -> Mapping[str, Any]:
    text = path.read_text(encoding="utf-8")
    made = json.loads(text) if path.suffix == ".cfg" else yaml.load(text, _Loader)  # noqa: S506 - a safe one
    if not isinstance(made, Mapping):
        raise ValueError("it holds no mapping")
    return made


def _flat(given: Mapping[str, Any]) -> dict[str, Any]:
    """A field or question with what up to 1.12 stood under ``settings``."""
    inner = dict(given.get("settings") or {})
    made = {**{name: value for name, value in given.items() if name not in _OF_THE_SERVER}, **inner}
    if "options" in made:
        made["values" if made["type"] in ("rating", "ranking") else "labels"] = made.pop("options")
    if "visible_options" in made:
        made["visible_labels"] = made.pop("visible_options")
    return made


def _field(given: Mapping[str, Any], left_out: LeftOut) -> JsonObject:
    if given.get("type", "text") != "text":
        raise ValueError(f"it is of the unknown type {given['type']!r}")
    _check_keys(f"field {given['name']}", given, _COMMON | {"use_markdown"}, left_out)
    return {
        "name": given["name"],
        "title": given.get("title") or given["name"],
        "required": bool(given.get("required", True)),
        "settings": {"type": "text", "use_markdown": bool(given.get("use_markdown", False))},
    }


def _question(given: Mapping[str, Any], left_out: LeftOut) -> Question:
    name, kind = given["name"], given["type"]
    if kind not in _KNOWN:
        raise ValueError(f"it is of the unknown type {kind!r}")
    _check_keys(f"question {name}", given, _COMMON | _KNOWN[kind], left_out)
    settings: JsonObject = {"type": kind}
    if kind == "text":
        settings["use_markdown"] = bool(given.get("use_markdown", False))
    elif kind == "rating":
        values = [one["value"] if isinstance(one, Mapping) else one for one in given["values"]]
        settings["options"] = [{"value": int(value)} for value in values]
    else:
        settings["options"] = _options(given["values" if kind == "ranking" else "labels"])
    if "labels" in given:
        visible = given.get("visible_labels")
        fits = isinstance(visible, int) and _FEWEST_VISIBLE <= visible <= len(settings["options"])
        settings["visible_options"] = visible if fits else None
    if kind == "multi_label_selection":
        settings["options_order"] = given.get("labels_order") or "natural"
    if kind == "span":
        settings["field"] = given["field"]
        settings["allow_overlapping"] = bool(given.get("allow_overlapping", False))
    return Question(
        name=name,
        type=kind,
        required=bool(given.get("required", True)),
        payload={
            "name": name,
            "title": given.get("title") or name,
            "description": given.get("description") or None,
            "required": bool(given.get("required", True)),
            "settings": settings,
        },
        options=tuple(one["value"] for one in settings.get("options", ())),
        field=str(settings.get("field", "")),
        overlapping=bool(settings.get("allow_overlapping", False)),
    )


def _options(given: Any) -> list[JsonObject]:
    """From a list of labels, a mapping to what is shown, or a list of {"value", "text", "description"}."""
    if isinstance(given, Mapping):
        return [{"value": str(value), "text": str(text)} for value, text in given.items()]
    made = []
    for one in given:
        parts = one if isinstance(one, Mapping) else {"value": one}
        option = {"value": str(parts["value"]), "text": str(parts.get("text") or parts["value"])}
        made.append({**option, **({"description": parts["description"]} if parts.get("description") else {})})
    return made


def _metadata(given: Mapping[str, Any]) -> JsonObject:
    kind = given["type"]
    if kind not in _METADATA:
        raise ValueError(f"it is of the unknown type {kind!r}")
    names = ("values",) if kind == "terms" else ("min", "max")
    limits = {name: given[name] for name in names if given.get(name) is not None}
    return {
        "name": given["name"],
        "title": given.get("title") or given["name"],
        "visible_for_annotators": bool(given.get("visible_for_annotators", True)),
        "settings": {"type": kind, **limits},
    }


def _vector(given: Mapping[str, Any]) -> JsonObject:
    title = given.get("title") or given["name"]
    return {"name": given["name"], "title": title, "dimensions": int(given["dimensions"])}


def _guidelines(given: Any, left_out: LeftOut) -> str | None:
    text = str(given or "")
    if len(text) > _MOST_GUIDELINES:
        left_out.note(f"the guidelines beyond {_MOST_GUIDELINES:,} characters (they have {len(text):,})")
    return text[:_MOST_GUIDELINES] if text.strip() else None


def _check_keys(where: str, given: Mapping[str, Any], known: frozenset[str], left_out: LeftOut) -> None:
    for name in sorted(set(given) - known):
        left_out.note(f"{where}: {name} is not known")
