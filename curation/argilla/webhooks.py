"""Webhooks: Argilla calls when somebody answers, in the way of standardwebhooks.com.

A call is only a hint: it may come twice, late or never, and what it says is not believed: whoever is called
reads the record that it names. Argilla calls every registered address for ever, so our registrations are told
from others by their description, and those of an earlier process can be removed.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import argilla as rg
from pydantic import BaseModel, ConfigDict, SecretStr
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from curation.argilla.api import Api, ArgillaRefusalError

# Not record.completed, which comes again and again for the same record, nor record.updated, which a push
# causes by the thousand. Answers that a program logs with its records cause none of these: polling finds
# them.
EVENTS = ("response.created", "response.updated", "response.deleted")

_PATH = "/api/v1/webhooks"


@dataclass(frozen=True)
class Call:
    """The record that a call names, and the dataset's ``last_answer`` (RemoteDataset) that it stands for.

    Empty where the call does not say.
    """

    dataset_id: str = ""
    record_id: str = ""
    last_answer: str = ""


class WebhookRegistration(BaseModel):
    """An address that Argilla calls, and the secret that it signs the calls with."""

    model_config = ConfigDict(frozen=True)

    id: str
    url: str
    secret: SecretStr


def register_webhook(client: rg.Argilla, url: str, description: str) -> WebhookRegistration:
    """Have Argilla call ``url``, instead of all that was registered under the same description.

    Raises ArgillaRefusalError with status 403 for anybody but an owner, ArgillaError when Argilla cannot be
    asked.
    """
    unregister_webhook(client, description)
    body = {"url": url, "events": list(EVENTS), "description": description}
    row = Api.of(client).request("POST", _PATH, "registering a webhook", body)
    return WebhookRegistration(id=str(row["id"]), url=url, secret=SecretStr(row["secret"]))


def has_webhook(client: rg.Argilla, registration: WebhookRegistration) -> bool:
    """Whether Argilla still calls that address. Raises ArgillaError when it cannot be asked."""
    rows = Api.of(client).request("GET", _PATH, "listing webhooks")["items"]
    return any(row["id"] == registration.id and row["enabled"] for row in rows)


def unregister_webhook(client: rg.Argilla, description: str) -> int:
    """Remove all that is registered under ``description``; returns how many. Raises as
    ``register_webhook``."""
    api = Api.of(client)
    rows = api.request("GET", _PATH, "listing webhooks")["items"]
    ours = [str(row["id"]) for row in rows if row.get("description") == description]
    for webhook_id in ours:
        try:
            api.request("DELETE", f"{_PATH}/{webhook_id}", "removing a webhook")
        except ArgillaRefusalError as error:
            if error.status != 404:  # somebody else was quicker
                raise
    return len(ours)


def is_signed_by_argilla(secret: SecretStr, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether ``body`` was signed with ``secret``, which only Argilla knows, within the last five minutes."""
    try:
        Webhook(secret.get_secret_value()).verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, ValueError, OverflowError):  # ValueError: no base64 or no UTF-8
        return False
    return True


def read_call(body: bytes, workspace: str, datasets: Collection[str]) -> Call | None:
    """What a call is about; None when that is none of the ``datasets`` in ``workspace``."""
    try:
        value = json.loads(body)
        data = value["data"]
        record = data.get("record") or data
        dataset = record["dataset"]
        name, place = dataset["name"], (dataset.get("workspace") or {}).get("name", workspace)
        if place != workspace or name not in datasets:
            return None
        # A deletion is told as it was before: with the time of an earlier answer.
        moment = "" if str(value["type"]).endswith(".deleted") else str(dataset["last_activity_at"])
        return Call(str(uuid.UUID(dataset["id"])), str(uuid.UUID(record["id"])), moment)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Call()
