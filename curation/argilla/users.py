"""Argilla's users: who there is, and who may annotate in a workspace."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import NamedTuple

from curation.argilla.api import Api, ArgillaRefusalError, JsonObject
from curation.argilla.connection import workspace_id
from curation.settings import ArgillaSettings

_USERS = "/api/v1/users"


class User(NamedTuple):
    """Somebody who may answer in Argilla, with the role there (owner, admin or annotator)."""

    name: str
    role: str = ""


def all_users(api: Api) -> list[JsonObject]:
    """Everybody whom Argilla knows. Needs an owner's key."""
    found: list[JsonObject] = api.request("GET", _USERS, "listing users")["items"]
    return found


def find_user(api: Api, name: str) -> JsonObject | None:
    """The user of that name, if there is one. Needs an owner's key."""
    return next((user for user in all_users(api) if user["username"] == name), None)


def members(api: Api, workspace: str) -> list[JsonObject]:
    """The users of the workspace with that id. It says nothing of owners, who may work in each."""
    path = f"/api/v1/workspaces/{workspace}/users"
    found: list[JsonObject] = api.request("GET", path, "listing the workspace's users")["items"]
    return found


def make_user(api: Api, name: str, password: str = "", user_id: str = "") -> JsonObject:
    """Make an annotator. Without a ``password`` one that is random and forgotten: an owner may set another.
    Without a ``user_id`` Argilla chooses one."""
    body = {
        "username": name,
        "first_name": name,
        "role": "annotator",
        "password": password or secrets.token_urlsafe(32),
    }
    own = {"id": user_id} if user_id else {}
    made: JsonObject = api.request("POST", _USERS, f"making the user {name!r}", {**body, **own})
    return made


def let_annotate(api: Api, workspace: str, user_ids: Iterable[str]) -> None:
    """Put users into the workspace with that id, those who are not there."""
    there = {str(one["id"]) for one in members(api, workspace)}
    for user_id in user_ids:
        if user_id not in there:
            path = f"/api/v1/workspaces/{workspace}/users"
            api.request("POST", path, f"letting the user {user_id} annotate", {"user_id": user_id})


def read_users(api: Api, settings: ArgillaSettings) -> dict[str, User]:
    """Users by id: everybody for an owner's key, the workspace's members for an admin's."""
    try:
        users = all_users(api)
    except ArgillaRefusalError as error:
        if error.status != 403:
            raise
        users = members(api, workspace_id(api, settings.workspace))
    return {str(user["id"]): User(str(user["username"]), str(user.get("role") or "")) for user in users}
