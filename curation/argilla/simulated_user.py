"""The user under whose name the simulated annotator answers.

It is called ``simulated-annotator`` and has the role of an annotator. It answers with its own API key, which
is looked up with the owner's key each time and stored nowhere; its password is random and forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx

from curation.argilla.api import Api, ArgillaRefusalError
from curation.argilla.connection import workspace_id
from curation.argilla.users import find_user, let_annotate, make_user
from curation.errors import ArgillaError
from curation.settings import ArgillaSettings

if TYPE_CHECKING:
    import argilla as rg

SIMULATED_ANNOTATOR = "simulated-annotator"


def simulated_user(api: Api, settings: ArgillaSettings) -> tuple[str, str]:
    """Id and key of the simulated annotator, who is made and put into the workspace when need be."""
    try:
        user = find_user(api, SIMULATED_ANNOTATOR) or make_user(api, SIMULATED_ANNOTATOR)
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
    let_annotate(api, workspace_id(api, settings.workspace), [str(user["id"])])
    return str(user["id"]), str(user["api_key"])


@contextmanager
def signed_in(client: rg.Argilla, key: str) -> Iterator[Api]:
    """The interface as the user with that ``key``."""
    http = client.http_client
    with httpx.Client(
        base_url=http.base_url, headers={"X-Argilla-Api-Key": key}, timeout=http.timeout
    ) as own:
        yield Api(own)
