"""The user under whose name the simulated annotator answers.

It is called ``simulated-annotator`` and has the role of an annotator. It answers with its own API key, which
is looked up with the owner's key each time and stored nowhere; its password is random and forgotten.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx

from curation.argilla.api import Api, ArgillaRefusalError
from curation.argilla.connection import workspace_id
from curation.errors import ArgillaError
from curation.settings import ArgillaSettings

if TYPE_CHECKING:
    import argilla as rg

SIMULATED_ANNOTATOR = "simulated-annotator"


def simulated_user(api: Api, settings: ArgillaSettings) -> tuple[str, str]:
    """Id and key of the simulated annotator, who is made and put into the workspace when need be."""
    doing = f"looking for the user {SIMULATED_ANNOTATOR!r}"
    try:
        users = api.request("GET", "/api/v1/users", doing)["items"]
        user = next((user for user in users if user["username"] == SIMULATED_ANNOTATOR), None)
        if user is None:
            body = {
                "username": SIMULATED_ANNOTATOR,
                "first_name": "Simulated",
                "last_name": "Annotator",
                "role": "annotator",
                "password": secrets.token_urlsafe(32),
            }
            user = api.request("POST", "/api/v1/users", f"making the user {SIMULATED_ANNOTATOR!r}", body)
    except ArgillaRefusalError as error:
        if error.status != 403:
            raise
        raise ArgillaError(
            f"Only an owner of Argilla at {api.url} can make the user {SIMULATED_ANNOTATOR!r}.",
            "Use an owner's API key for the demo.",
        ) from None
    if user["role"] != "annotator":
        raise ArgillaError(
            f"The user {SIMULATED_ANNOTATOR!r} in Argilla at {api.url} has the role {user['role']}.",
            "Somebody else uses that name: rename that user.",
        )
    workspace = workspace_id(api, settings.workspace)
    members = api.request("GET", f"/api/v1/workspaces/{workspace}/users", doing)["items"]
    if all(member["id"] != user["id"] for member in members):
        path = f"/api/v1/workspaces/{workspace}/users"
        api.request("POST", path, f"adding {SIMULATED_ANNOTATOR!r} to the workspace", {"user_id": user["id"]})
    return str(user["id"]), str(user["api_key"])


@contextmanager
def signed_in(client: rg.Argilla, key: str) -> Iterator[Api]:
    """The interface as the user with that ``key``."""
    http = client.http_client
    with httpx.Client(
        base_url=http.base_url, headers={"X-Argilla-Api-Key": key}, timeout=http.timeout
    ) as own:
        yield Api(own)
