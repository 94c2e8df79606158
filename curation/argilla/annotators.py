"""The people who annotate: adding them, listing what they did, and taking them away."""

from __future__ import annotations

import secrets
from collections import Counter, defaultdict
from itertools import chain

import argilla as rg
from pydantic import BaseModel, ConfigDict

from curation.argilla.api import Api, ArgillaRefusalError
from curation.argilla.connection import workspace_id
from curation.argilla.datasets import find_all
from curation.argilla.progress import read_annotators
from curation.argilla.queue import queue_address
from curation.argilla.users import all_users, find_user, let_annotate, make_user, members
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
    inside = {str(user["id"]) for user in members(api, workspace_id(api, settings.workspace))}
    counted: defaultdict[str, Counter[str]] = defaultdict(Counter)
    datasets = list(chain.from_iterable(find_all(api, settings).values()))
    for one in chain.from_iterable(read_annotators(api, dataset) for dataset in datasets):
        counted[one.username].update(submitted=one.submitted, draft=one.draft, discarded=one.discarded)
    found = []
    for user in all_users(api):
        name, role = str(user["username"]), str(user["role"])
        numbers = counted[name]
        may = str(user["id"]) in inside or role == "owner"
        if may or any(numbers.values()):
            own = settings.experts.get(name, ())
            queues = {one.name: queue_address(api, one, own) for one in datasets if may}
            found.append(Annotator(name=name, role=role, may_annotate=may, queues=queues, **numbers))
    return sorted(found, key=lambda one: one.name)


def add_annotator(client: rg.Argilla, settings: ArgillaSettings, name: str) -> str | None:
    """Let ``name`` annotate. Returns the password of a new user, which is kept nowhere; None for one that
    Argilla knows already. Raises ArgillaError."""
    if not name.strip():
        raise ArgillaError("A name is wanted for the annotator.", "For example: clayloop annotators add ida")
    api = Api.of(client)
    workspace = workspace_id(api, settings.workspace)
    user = find_user(api, name)
    password = None
    if user is None:
        password = secrets.token_urlsafe(_PASSWORD_BYTES)
        user = make_user(api, name, password)
    let_annotate(api, workspace, [str(user["id"])])
    return password


def remove_annotator(
    client: rg.Argilla, settings: ArgillaSettings, name: str, with_answers: bool = False
) -> None:
    """Take ``name`` out of the workspace; the answers stay and count as before. ``with_answers``: delete the
    user and every answer, in all of Argilla, for good.

    Raises ArgillaError, also for somebody whom Argilla does not know and for an owner.
    """
    api = Api.of(client)
    user = find_user(api, name)
    if user is None:
        known = ", ".join(sorted(str(one["username"]) for one in all_users(api)))
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
