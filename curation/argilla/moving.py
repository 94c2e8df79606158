"""Everything in one Argilla, copied into another: from argilla_lite to a full server, or the other way round.

What is there already stays and is not sent again, so a move that was interrupted is simply started again. At
the end each record of both is compared. Over HTTP some things cannot come along: passwords and API keys (new
ones are made), webhooks, the ids of datasets and records, and when they were made.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import argilla as rg
from pydantic import BaseModel, Field

from curation.argilla.api import UPSERT_BATCH, Api, ArgillaRefusalError, JsonObject
from curation.errors import ArgillaError
from curation.progress import SILENT, Progress

_INCLUDE = ("responses", "suggestions", "vectors")
_PAGE = 200  # records with their vectors
# What makes a part of a dataset, by the path that it is at.
_PARTS = {
    "fields": ("name", "title", "required", "settings"),
    "questions": ("name", "title", "description", "required", "settings"),
    "metadata-properties": ("name", "title", "settings", "visible_for_annotators"),
    "vectors-settings": ("name", "title", "dimensions"),
}
_DATASET = ("name", "guidelines", "allow_extra_metadata", "distribution", "metadata")
_USER = ("id", "username", "first_name", "last_name", "role")

KeepPassword = Callable[[str, str], None]


class MovedDataset(BaseModel):
    """``moved`` records were sent now and ``there`` before; ``updated`` took the state of the first server,
    and ``differ`` are there in another state and were left alone. ``wrong`` counts what the comparison found
    at the end: records that are not the same in both."""

    workspace: str
    name: str
    records: int = 0
    moved: int = 0
    there: int = 0
    updated: int = 0
    differ: int = 0
    wrong: int = 0


class Move(BaseModel):
    """What a move did. ``users`` were made, with new passwords."""

    workspaces: list[str] = Field(default_factory=list)
    users: list[str] = Field(default_factory=list)
    datasets: list[MovedDataset] = Field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return not any(one.wrong for one in self.datasets)


class _Side:
    """One Argilla: its users and workspaces by name."""

    def __init__(self, client: rg.Argilla) -> None:
        self.api = Api.of(client)
        try:
            self.users = {str(one["username"]): one for one in self._items("/api/v1/users")}
        except ArgillaRefusalError as error:
            if error.status != 403:
                raise
            raise ArgillaError(f"This key is no owner's at {self.api.url}.", "Use an owner's key.") from None
        self.names = {str(one["id"]): name for name, one in self.users.items()}
        self.workspaces = {str(one["name"]): str(one["id"]) for one in self._items("/api/v1/me/workspaces")}

    def _items(self, path: str) -> list[JsonObject]:
        found: list[JsonObject] = self.api.request("GET", path, "reading what there is")["items"]
        return found

    def make(self, path: str, body: JsonObject) -> JsonObject:
        made: JsonObject = self.api.request("POST", path, "copying what another Argilla has", body)
        return made

    def members(self, workspace: str) -> list[str]:
        path = f"/api/v1/workspaces/{self.workspaces[workspace]}/users"
        return [str(one["username"]) for one in self._items(path)]

    def datasets(self, workspace: str) -> dict[str, JsonObject]:
        rows = self._items("/api/v1/me/datasets")
        return {str(one["name"]): one for one in rows if one["workspace_id"] == self.workspaces[workspace]}

    def parts(self, dataset: JsonObject, kind: str) -> list[JsonObject]:
        owner = "/api/v1/me/datasets" if kind == "metadata-properties" else "/api/v1/datasets"
        return self._items(f"{owner}/{dataset['id']}/{kind}")

    def question_names(self, dataset: JsonObject) -> dict[str, str]:
        return {str(one["id"]): str(one["name"]) for one in self.parts(dataset, "questions")}

    def records(self, dataset: JsonObject) -> Iterator[JsonObject]:
        """All records as they are on any server: users and questions by their names."""
        questions = self.question_names(dataset)
        for page in self.api.records(str(dataset["id"]), _INCLUDE, page=_PAGE):
            for record in page:
                yield {
                    "external_id": record["external_id"],
                    "fields": record["fields"],
                    "metadata": record["metadata"] or {},
                    "vectors": record["vectors"] or {},
                    "responses": sorted(
                        (
                            {"user": self.names[one["user_id"]], **_only(one, ("status", "values"))}
                            for one in record["responses"] or []
                        ),
                        key=lambda one: one["user"],
                    ),
                    "suggestions": sorted(
                        (
                            {"question": questions[one["question_id"]], **_only(one, _SUGGESTION)}
                            for one in record["suggestions"] or []
                        ),
                        key=lambda one: one["question"],
                    ),
                }


_SUGGESTION = ("value", "score", "agent", "type")


def move(
    source: rg.Argilla,
    target: rg.Argilla,
    keep_password: KeepPassword,
    update: bool = False,
    progress: Progress = SILENT,
) -> Move:
    """Copy all workspaces, users and datasets of ``source`` into ``target``.

    ``keep_password`` gets each new user's name and password before the user is made. Records that are there
    in another state are left alone, since somebody may have answered them; with ``update`` they take the
    state of ``source``. Raises ArgillaError where a key is no owner's, a dataset of that name has other
    questions, or Argilla refuses.
    """
    one, other, done = _Side(source), _Side(target), Move()
    for name, user in one.users.items():
        if name not in other.users:
            password = secrets.token_urlsafe(16)
            keep_password(name, password)
            made = other.make("/api/v1/users", {**_only(user, _USER), "password": password})
            other.users[name] = made
            other.names[str(made["id"])] = name
            done.users.append(name)
    for workspace in one.workspaces:
        if workspace not in other.workspaces:
            other.workspaces[workspace] = str(other.make("/api/v1/workspaces", {"name": workspace})["id"])
            done.workspaces.append(workspace)
        for name in set(one.members(workspace)) - set(other.members(workspace)):
            path = f"/api/v1/workspaces/{other.workspaces[workspace]}/users"
            other.make(path, {"user_id": other.users[name]["id"]})
        there = other.datasets(workspace)
        for name, dataset in one.datasets(workspace).items():
            copy = _same_dataset(one, other, dataset, there.get(name), workspace)
            done.datasets.append(_move_records((one, dataset), (other, copy), workspace, update, progress))
    return done


def _only(value: JsonObject, names: tuple[str, ...]) -> JsonObject:
    return {name: value.get(name) for name in names}


def _same_dataset(
    one: _Side, other: _Side, dataset: JsonObject, there: JsonObject | None, workspace: str
) -> JsonObject:
    """The dataset on the other side, with all its parts; what an interrupted move has left is completed."""
    if there is None:
        body = {**_only(dataset, _DATASET), "workspace_id": other.workspaces[workspace]}
        there = other.make("/api/v1/datasets", body)
    for kind, names in _PARTS.items():
        known = {str(part["name"]): part for part in other.parts(there, kind)}
        for part in one.parts(dataset, kind):
            wanted = _only(part, names)
            if part["name"] not in known:
                if there["status"] == "ready" and kind in ("fields", "questions"):
                    raise _other_settings(other, workspace, dataset, f"it has no {part['name']!r}")
                other.make(f"/api/v1/datasets/{there['id']}/{kind}", wanted)
            elif _only(known[str(part["name"])], names) != wanted:
                raise _other_settings(other, workspace, dataset, f"{part['name']!r} is another one there")
    if dataset["status"] == "ready" and there["status"] != "ready":
        doing = f"publishing {dataset['name']!r}"
        other.api.request("PUT", f"/api/v1/datasets/{there['id']}/publish", doing, repeatable=False)
    return there


def _other_settings(other: _Side, workspace: str, dataset: JsonObject, why: str) -> ArgillaError:
    return ArgillaError(
        f"The dataset {dataset['name']!r} in {workspace!r} at {other.api.url} is not the same: {why}.",
        "Rename or remove that one, and start again.",
    )


def _move_records(
    one: tuple[_Side, JsonObject],
    other: tuple[_Side, JsonObject],
    workspace: str,
    update: bool,
    progress: Progress,
) -> MovedDataset:
    (source, dataset), (target, copy) = one, other
    done = MovedDataset(workspace=workspace, name=str(dataset["name"]))
    if dataset["status"] != "ready":  # a draft has no records
        return done
    questions = {name: key for key, name in target.question_names(copy).items()}
    there, records = _states(target, copy), source.records(dataset)
    with progress.task(f"Moving {dataset['name']}", total=None, unit="records") as advance:
        while batch := list(islice(records, UPSERT_BATCH)):
            new: list[JsonObject] = []
            changed: list[JsonObject] = []
            for record in batch:
                states, state = there[_key(record)], _digest(record)
                if state in states:
                    states.remove(state)
                    done.there += 1
                elif not states:
                    new.append(record)
                else:
                    states.pop()
                    is_updated = update and record["external_id"] is not None
                    changed += [record] if is_updated else []
                    done.differ += not is_updated
            _send(target, copy, "POST", [_payload(one, questions, target) for one in new])
            _send(target, copy, "PUT", [_payload(one, questions, target) for one in changed])
            done.records += len(batch)
            done.moved += len(new)
            done.updated += len(changed)
            advance(len(batch))
    there = _states(target, copy)
    for record in source.records(dataset):
        states, state = there[_key(record)], _digest(record)
        if state in states:
            states.remove(state)
        else:
            done.wrong += 1
    return done


def _send(target: _Side, copy: JsonObject, method: str, records: Sequence[JsonObject]) -> None:
    if records:
        path, doing = f"/api/v1/datasets/{copy['id']}/records/bulk", f"copying {len(records)} records"
        target.api.request(method, path, doing, {"items": records}, repeatable=False)


def _states(side: _Side, dataset: JsonObject) -> dict[str, list[bytes]]:
    """In which states the records of one key are: sixteen bytes for each, whatever they hold."""
    found: dict[str, list[bytes]] = defaultdict(list)
    for record in side.records(dataset):
        found[_key(record)].append(_digest(record))
    return found


def _key(record: JsonObject) -> str:
    """What tells records apart: the external id, or what they show."""
    return record["external_id"] or _digest(record["fields"]).hex()


def _digest(value: Any) -> bytes:
    canonical = json.dumps(value, sort_keys=True, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(canonical, digest_size=16).digest()


def _payload(record: JsonObject, questions: dict[str, str], target: _Side) -> JsonObject:
    return {
        **record,
        "responses": [
            {
                "user_id": target.users[one["user"]]["id"],
                "status": one["status"],
                "values": one["values"] or ({} if one["status"] == "draft" else None),
            }
            for one in record["responses"]
        ],
        "suggestions": [
            {"question_id": questions[one["question"]], **_only(one, _SUGGESTION)}
            for one in record["suggestions"]
        ],
    }
