"""The people who annotate: adding them, listing what they did, and taking them away."""

from __future__ import annotations

import secrets
from itertools import chain
from typing import Any

import argilla as rg
from pydantic import BaseModel, ConfigDict

from curation.argilla.api import Api, ArgillaRefusalError
from curation.argilla.connection import workspace_id
from curation.argilla.datasets import find_all
from curation.argilla.progress import read_annotators
from curation.argilla.queue import queue_address
from curation.errors import ArgillaError
from curation.settings import ArgillaSettings

_PASSWORD_BYTES = 12


class Annotator(BaseModel):
    """Somebody who may annotate here, with their answers in our datasets by status. ``may_annotate`` is false
    for who was removed from the workspace while the answers were kept. ``queues`` are the addresses to
    annotate at, by the dataset's name: what is most worth asking first, and of this person's areas only."""

    model_config = ConfigDict(frozen=True)

    name: str
    role: str
    may_annotate: bool
    submitted: int = 0
    draft: int = 0
    discarded: int = 0
    queues: dict[str, str] = {}

    @property
    def answers(self) -> int:
        return self.submitted + self.draft + self.discarded


def list_annotators(client: rg.Argilla, settings: ArgillaSettings) -> list[Annotator]:
    """Everybody who may annotate or has, by name. Needs an owner's key. Raises ArgillaError."""
    api = Api.of(client)
    members = {str(user["id"]) for user in _members(api, settings)}
    counted: dict[str, dict[str, int]] = {}
    datasets = list(chain.from_iterable(find_all(api, settings).values()))
    for dataset in datasets:
        for one in read_annotators(api, dataset):
            known = counted.setdefault(one.username, dict.fromkeys(("submitted", "draft", "discarded"), 0))
            for status in known:
                known[status] += getattr(one, status)
    found = []
    for user in _users(api):
        name, role = str(user["username"]), str(user["role"])
        numbers = counted.get(name, {})
        may = str(user["id"]) in members or role == "owner"
        if may or any(numbers.values()):
            own = settings.experts.get(name, ())
            queues = {one.name: queue_address(api, one, own) for one in datasets if may}
            found.append(Annotator(name=name, role=role, may_annotate=may, queues=queues, **numbers))
    return sorted(found, key=lambda one: one.name)


def add_annotator(client: rg.Argilla, settings: ArgillaSettings, name: str) -> str | None:
    """Let ``name`` annotate. Returns the password of a new user, which is kept nowhere; None for one that
    Argilla knows already. Raises ArgillaError."""
    api = Api.of(client)
    workspace = workspace_id(api, settings.workspace)
    user = _find(api, name)
    password = None
    if user is None:
        password = secrets.token_urlsafe(_PASSWORD_BYTES)
        body = {"username": name, "first_name": name, "role": "annotator", "password": password}
        user = api.request("POST", "/api/v1/users", f"adding the user {name!r}", body)
    if str(user["id"]) not in {str(one["id"]) for one in _members(api, settings)}:
        path = f"/api/v1/workspaces/{workspace}/users"
        api.request("POST", path, f"letting {name!r} annotate", {"user_id": user["id"]})
    return password


def remove_annotator(
    client: rg.Argilla, settings: ArgillaSettings, name: str, with_answers: bool = False
) -> None:
    """Take ``name`` out of the workspace; the answers stay and count as before. ``with_answers``: delete the
    user and every answer, in all of Argilla, for good.

    Raises ArgillaError, also for somebody whom Argilla does not know and for an owner.
    """
    api = Api.of(client)
    user = _find(api, name)
    if user is None:
        known = ", ".join(sorted(str(one["username"]) for one in _users(api)))
        raise ArgillaError(f"Argilla has no user {name!r}.", f"It has {known}.")
    if user["role"] == "owner":
        raise ArgillaError(
            f"{name!r} is an owner of this Argilla and is not removed from here.",
            "An owner may do so with Argilla's own SDK.",
        )
    if with_answers:
        api.request("DELETE", f"/api/v1/users/{user['id']}", f"removing {name!r} with all answers")
        return
    workspace = workspace_id(api, settings.workspace)
    try:
        path = f"/api/v1/workspaces/{workspace}/users/{user['id']}"
        api.request("DELETE", path, f"removing {name!r} from the workspace")
    except ArgillaRefusalError as error:
        if error.status != 404:  # was not in it
            raise


def _users(api: Api) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.request("GET", "/api/v1/users", "listing users")["items"]
    return found


def _find(api: Api, name: str) -> dict[str, Any] | None:
    return next((user for user in _users(api) if user["username"] == name), None)


def _members(api: Api, settings: ArgillaSettings) -> list[dict[str, Any]]:
    workspace = workspace_id(api, settings.workspace)
    found: list[dict[str, Any]] = api.request(
        "GET", f"/api/v1/workspaces/{workspace}/users", "listing the workspace's users"
    )["items"]
    return found
