"""The datasets: finding, making, checking and repairing them."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from curation.argilla.api import Api, ArgillaRefusalError, JsonObject
from curation.argilla.connection import find_workspace, workspace_id
from curation.argilla.guidelines import with_examples
from curation.argilla.schemas import (
    DATASETS,
    SPECS,
    DatasetKind,
    DatasetSpec,
    FieldSpec,
    FilterSpec,
    QuestionSpec,
    dataset_name,
)
from curation.argilla.vectors import VectorSource
from curation.errors import ArgillaError
from curation.progress import SILENT, Progress
from curation.records.decision import DatasetName
from curation.settings import ArgillaSettings

MOST_VECTORS = 5  # Argilla's own limit per dataset
_VECTOR_TITLE = "Meaning, as seen by "
_VECTOR_NAME_CHARACTERS = 60

log = logging.getLogger(__name__)


@dataclass
class RemoteDataset:
    """A published dataset of ours. ``fields`` are Argilla's, by name. ``questions`` maps names to Argilla's
    ids, ``filters`` names to their settings, ``vectors`` names to dimensions, oldest first. ``new_vector``
    says whether the vector to fill was made just now: no record has it yet. ``last_answer`` is when a
    response was last given, changed or deleted, as Argilla says it; none that came with its record counts."""

    spec: DatasetSpec
    name: str
    id: str
    guidelines: str
    allows_extra_metadata: bool
    questions: dict[str, str]
    fields: dict[str, JsonObject] = field(default_factory=dict)
    filters: dict[str, JsonObject] = field(default_factory=dict)
    vectors: dict[str, int] = field(default_factory=dict)
    new_vector: bool = False
    last_answer: str = ""

    def is_markdown(self, name: str) -> bool:
        """Whether Argilla shows the field ``name`` as Markdown."""
        return bool(self.fields[name]["settings"].get("use_markdown"))


def find_dataset(api: Api, settings: ArgillaSettings, kind: DatasetKind) -> RemoteDataset | None:
    """The published dataset, or None when there is none. Raises ArgillaError when its shape is not ours."""
    row = _row(api, settings, kind)
    if row is None or row["status"] != "ready":
        return None
    return _checked(api, settings, kind, row)


def asked_twice(settings: ArgillaSettings) -> ArgillaSettings:
    """The settings of the datasets with the records that two people are asked about."""
    changes: JsonObject = {kind: f"{dataset_name(settings, kind)}-twice" for kind in DATASETS}
    changes["min_submitted"] = max(2, settings.min_submitted)
    return settings.model_copy(update=changes)


def find_all(
    api: Api, settings: ArgillaSettings, kinds: Sequence[DatasetName] = DATASETS
) -> dict[DatasetName, list[RemoteDataset]]:
    """The published datasets of each kind that has any: the common one first, then that of the records that
    two people are asked about. Raises ArgillaError when the shape of one is not ours."""
    rows = {row["name"]: row for row in dataset_rows(api, settings) if row["status"] == "ready"}
    found: dict[DatasetName, list[RemoteDataset]] = {}
    for kind in kinds:
        for one in (settings, asked_twice(settings)):
            if row := rows.get(dataset_name(one, kind)):
                found.setdefault(kind, []).append(_checked(api, one, kind, row))
    return found


def find_kind(api: Api, settings: ArgillaSettings, kind: DatasetName) -> list[RemoteDataset]:
    """The published datasets of one kind, as ``find_all`` has them."""
    return find_all(api, settings, (kind,)).get(kind, [])


def ensure_dataset(
    api: Api,
    settings: ArgillaSettings,
    kind: DatasetKind,
    vectors: VectorSource | None,
    progress: Progress = SILENT,
) -> tuple[RemoteDataset, str | None, bool]:
    """Make or repair the dataset if need be. Returns it, the name of the vector to fill, and whether this
    call made it. Several clayloops may do so at once.

    Missing filters, a missing vector, the number of submitted responses and which fields are Markdown are put
    right. Raises ArgillaError when fields or questions differ: those are fixed once a dataset is published.
    """
    row, created = _row(api, settings, kind), False
    if row is None or row["status"] != "ready":
        spec, name = SPECS[kind], dataset_name(settings, kind)
        text = with_examples(spec.guidelines)
        row, created = make_dataset(api, settings, name, text, (*spec.fields, *spec.questions, *spec.filters))
    remote = _checked(api, settings, kind, row)
    if not created:
        _repair(api, settings, remote, row, progress)
    vector = None if vectors is None else _ensure_vector(api, remote, vectors)
    return remote, vector, created


def annotated_at(api: Api, dataset_id: str) -> str:
    """Where a dataset is annotated in the browser."""
    return f"{api.url}/dataset/{dataset_id}/annotation-mode"


def vector_slug(name: str) -> str:
    """A model's or release's name as a vector's name: lower-case letters, digits and dashes."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[-_VECTOR_NAME_CHARACTERS:].strip("-")
    return slug or "embedding"


def _row(api: Api, settings: ArgillaSettings, kind: DatasetKind) -> JsonObject | None:
    return _named(api, settings, dataset_name(settings, kind))


def _named(api: Api, settings: ArgillaSettings, name: str) -> JsonObject | None:
    return next((row for row in dataset_rows(api, settings) if row["name"] == name), None)


def dataset_rows(api: Api, settings: ArgillaSettings) -> list[JsonObject]:
    """The workspace's datasets, as Argilla lists them."""
    workspace = find_workspace(api, settings.workspace)
    if workspace is None:
        return []
    path, doing = "/api/v1/me/datasets", "listing datasets"
    rows = api.request("GET", path, doing, params={"workspace_id": workspace})["items"]
    return [row for row in rows if row["workspace_id"] == workspace]


def make_dataset(
    api: Api,
    settings: ArgillaSettings,
    name: str,
    guidelines: str,
    parts: Sequence[FieldSpec | QuestionSpec | FilterSpec],
) -> tuple[JsonObject, bool]:
    """Make and publish a dataset, or finish a draft of that name. Returns it as Argilla has it, and whether
    this call published it.

    Nobody can tell a draft that a stopped push left behind from one that another clayloop is making now, and
    Argilla deletes a published dataset, with its records, as readily as a draft. So a draft is never deleted:
    each adds what is missing, and one publishes it.
    """
    doing = f"making the dataset {name!r}"
    shown = {
        "guidelines": guidelines,
        "allow_extra_metadata": True,
        "distribution": {"strategy": "overlap", "min_submitted": settings.min_submitted},
    }
    body = {"name": name, "workspace_id": workspace_id(api, settings.workspace), **shown}
    try:
        row = api.request("POST", "/api/v1/datasets", doing, body)
    except ArgillaRefusalError:
        found = _named(api, settings, name)
        if found is None:
            raise
        if found["status"] == "ready":
            return found, False
        row = found
        _clear(api, row, doing, parts)
        if any(row[key] != value for key, value in shown.items()):
            api.request("PATCH", f"/api/v1/datasets/{row['id']}", doing, shown)
    base = f"/api/v1/datasets/{row['id']}"
    for part in parts:
        _add(api, f"{base}/{part.place}", doing, part.payload())
    try:
        return api.request("PUT", f"{base}/publish", doing, repeatable=False), True
    except ArgillaRefusalError:
        found = _named(api, settings, name)
        if found is None or found["status"] != "ready":
            raise
        return found, False  # somebody else was quicker


def _clear(
    api: Api, draft: JsonObject, doing: str, parts: Sequence[FieldSpec | QuestionSpec | FilterSpec]
) -> None:
    """Remove what are not fields or questions of ours from a draft. Argilla refuses that once it is
    published."""
    wanted = {part.name: part.type for part in parts if not isinstance(part, FilterSpec)}
    for place in ("fields", "questions"):
        for item in api.request("GET", f"/api/v1/datasets/{draft['id']}/{place}", doing)["items"]:
            [(name, kind)] = _types([item]).items()
            if wanted.get(name) == kind:
                continue
            try:
                api.request("DELETE", f"/api/v1/{place}/{item['id']}", doing)
            except ArgillaRefusalError as error:
                if error.status != 404:  # somebody else was quicker
                    raise


def _add(api: Api, path: str, doing: str, body: JsonObject) -> bool:
    """Add a part to a dataset. Returns whether it was missing: somebody else may be quicker, whether Argilla
    then says so (409, or 422 for one that is published) or its database does (500)."""
    try:
        api.request("POST", path, doing, body)
    except ArgillaRefusalError:
        # Argilla lists metadata for the user only
        listed = path.replace("/v1/", "/v1/me/") if path.endswith("/metadata-properties") else path
        if body["name"] not in [item["name"] for item in api.request("GET", listed, doing)["items"]]:
            raise
        return False
    return True


def _checked(api: Api, settings: ArgillaSettings, kind: DatasetKind, row: JsonObject) -> RemoteDataset:
    base = f"/api/v1/datasets/{row['id']}"
    doing = f"reading the settings of the dataset {row['name']!r}"
    spec = SPECS[kind]
    fields = api.request("GET", f"{base}/fields", doing)["items"]
    questions = api.request("GET", f"{base}/questions", doing)["items"]
    filters = api.request("GET", f"/api/v1/me/datasets/{row['id']}/metadata-properties", doing)["items"]
    vectors = api.request("GET", f"{base}/vectors-settings", doing)["items"]
    found = {item["name"]: item["settings"] for item in filters}
    differences = [
        *_compared("field", spec.fields, _types(fields)),
        *_compared("question", spec.questions, _types(questions)),
        *(
            f"filter {wanted.name!r} is of type {found[wanted.name]['type']} instead of {wanted.kind}"
            for wanted in spec.filters
            if wanted.name in found and found[wanted.name]["type"] != wanted.kind
        ),
    ]
    if differences:
        raise ArgillaError(
            f"The dataset {row['name']!r} in workspace {settings.workspace!r} is not one of clayloop's: "
            f"{'; '.join(differences)}.",
            f"A published dataset cannot be changed. Rename it in Argilla, or set "
            f"curation.argilla.{kind} to another name; clayloop then makes the dataset itself.",
        )
    return RemoteDataset(
        spec=spec,
        name=str(row["name"]),
        id=str(row["id"]),
        guidelines=str(row["guidelines"]),
        allows_extra_metadata=bool(row["allow_extra_metadata"]),
        questions={item["name"]: str(item["id"]) for item in questions},
        fields={item["name"]: item for item in fields},
        filters=found,
        vectors={
            item["name"]: int(item["dimensions"])
            for item in sorted(vectors, key=lambda item: str(item["inserted_at"]))
        },
        last_answer=str(row["last_activity_at"]),
    )


def _types(items: list[JsonObject]) -> dict[str, str]:
    """Name → type, with the labels where there are any."""
    types = {}
    for item in items:
        settings: dict[str, Any] = item["settings"]
        labels = sorted(str(option["value"]) for option in settings.get("options", []) if "value" in option)
        types[str(item["name"])] = str(settings["type"]) + (f" ({', '.join(labels)})" if labels else "")
    return types


def _compared(what: str, parts: Sequence[FieldSpec | QuestionSpec], found: dict[str, str]) -> list[str]:
    wanted = {part.name: part.type for part in parts if part.name in found or not part.extra}
    differences = [f"{what} {name!r} is missing" for name in wanted if name not in found]
    differences += [f"{what} {name!r} is not ours" for name in found if name not in wanted]
    differences += [
        f"{what} {name!r} is {found[name]} instead of {kind}"
        for name, kind in wanted.items()
        if name in found and found[name] != kind
    ]
    return differences


def _repair(
    api: Api, settings: ArgillaSettings, remote: RemoteDataset, row: JsonObject, progress: Progress
) -> None:
    base = f"/api/v1/datasets/{remote.id}"
    doing = f"completing the dataset {remote.name!r}"
    for wanted in remote.spec.filters:
        if wanted.name not in remote.filters:
            _add(api, f"{base}/metadata-properties", doing, wanted.payload())
            remote.filters[wanted.name] = wanted.payload()["settings"]
            progress.say(f"{remote.name}: added the filter {wanted.name!r}")
    for part in remote.spec.fields:
        found = remote.fields.get(part.name)
        if found is not None and found["settings"].get("use_markdown") != part.markdown:
            body = {"title": part.title, "settings": part.payload()["settings"]}
            api.request("PATCH", f"/api/v1/fields/{found['id']}", doing, body)
            found["settings"] = body["settings"]
            progress.say(f"{remote.name}: set how the field {part.name!r} is shown")
    changes: JsonObject = {}
    if not remote.allows_extra_metadata:
        changes["allow_extra_metadata"] = True
    distribution = {"strategy": "overlap", "min_submitted": settings.min_submitted}
    if row["distribution"] != distribution:
        changes["distribution"] = distribution
    if changes:
        api.request("PATCH", base, doing, changes)
        remote.allows_extra_metadata = True
        progress.say(f"{remote.name}: set {', '.join(sorted(changes))}")


def _ensure_vector(api: Api, remote: RemoteDataset, vectors: VectorSource) -> str:
    """The name of this model's vector in this dataset. A model whose dimension changed gets a new vector.
    When Argilla's limit is reached, the oldest vector that clayloop made is removed."""
    name = vector_slug(vectors.name)
    if remote.vectors.get(name, vectors.dimension) != vectors.dimension:
        name = f"{name}-{vectors.dimension}d"
    if name in remote.vectors:
        return name
    base = f"/api/v1/datasets/{remote.id}/vectors-settings"
    if len(remote.vectors) >= MOST_VECTORS:
        _make_room(api, remote, base)
    body = {"name": name, "title": f"{_VECTOR_TITLE}{name}", "dimensions": vectors.dimension}
    remote.new_vector = _add(api, base, f"adding the vector {name!r} to {remote.name!r}", body)
    remote.vectors[name] = vectors.dimension
    return name


def _make_room(api: Api, remote: RemoteDataset, base: str) -> None:
    items = api.request("GET", base, f"reading the vectors of {remote.name!r}")["items"]
    ours = [item for item in items if str(item["title"]).startswith(_VECTOR_TITLE)]
    if not ours:
        raise ArgillaError(
            f"The dataset {remote.name!r} has {len(items)} vectors, as many as Argilla allows, none ours.",
            "Remove one in Argilla's dataset settings.",
        )
    oldest = min(ours, key=lambda item: str(item["inserted_at"]))
    api.request(
        "DELETE", f"/api/v1/vectors-settings/{oldest['id']}", f"removing the vector {oldest['name']!r}"
    )
    remote.vectors.pop(str(oldest["name"]), None)
    log.info("%s: removed the vector %s to make room", remote.name, oldest["name"])
