"""Registers the watcher's webhook with Argilla, and again whenever Argilla has lost it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from curation import (
    ArgillaRefusalError,
    Home,
    has_webhook,
    is_loopback,
    is_signed_by_argilla,
    register_webhook,
    unregister_webhook,
    write_text,
)

if TYPE_CHECKING:
    import argilla as rg

    from curation import WebhookRegistration

ID_FILE = "watch.id"
_ID = re.compile(r"[0-9a-f]{16}")
_NOT_ALLOWED = 403  # the API key is not an owner's: asking again would not help


def description_of(home: Home) -> str:
    """The description of the webhooks of this state folder, by which old ones are found and removed.

    It holds a random id that is kept in the folder, because the host name of a container changes.
    Raises StateError when the id cannot be stored.
    """
    path = home.root / ID_FILE
    try:
        name = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        name = ""
    if not _ID.fullmatch(name):
        name = uuid.uuid4().hex[:16]
        write_text(path, name + "\n")
    return f"clayloop watch {name}"


def is_local(url: str) -> bool:
    """Whether the address is a loopback address."""
    return is_loopback(urlsplit(url).hostname or "")


class Calls:
    """The webhook at one Argilla. ``trouble`` says why there is none, or is empty.

    Raises StateError when the state folder cannot be written.
    """

    def __init__(self, home: Home, url: str, say: Callable[[str], None]) -> None:
        self._description = description_of(home)
        self._url = url
        self._say = say
        self._registration: WebhookRegistration | None = None
        self._given_up = False
        self.trouble = ""

    @property
    def registered(self) -> bool:
        return self._registration is not None

    def believes(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether Argilla signed this call. Always False before the webhook is registered."""
        registration = self._registration
        return registration is not None and is_signed_by_argilla(registration.secret, headers, body)

    def refresh(self, client: rg.Argilla) -> None:
        """Register the webhook unless Argilla still has it.

        When Argilla refuses, ``trouble`` says why, and the watcher goes on polling. After a refusal because
        the key is not an owner's this does nothing any more. After any other (too many webhooks, too many
        requests, a key that is being replaced) it tries again at the next call. Raises ArgillaError when
        Argilla does not answer.
        """
        if self._given_up:
            return
        try:
            if self._registration is not None and has_webhook(client, self._registration):
                return
            self._registration = register_webhook(client, self._url, self._description)
            self.trouble = ""
            self._say(f"Argilla calls {self._url} when somebody answers")
        except ArgillaRefusalError as error:
            if error.status >= 500:
                raise
            self._registration = None
            self._given_up = error.status == _NOT_ALLOWED
            before, self.trouble = self.trouble, _words(error)
            if self.trouble != before:
                self._say(f"No calls from Argilla ({self.trouble}): polling only")

    def try_again(self) -> None:
        """The key is another one, or the server is."""
        self._given_up = False

    def end(self, client: rg.Argilla) -> None:
        """Remove the webhook from Argilla. Raises ArgillaError when that fails."""
        unregister_webhook(client, self._description)
        self._registration = None


def _words(error: ArgillaRefusalError) -> str:
    if error.status == _NOT_ALLOWED:
        return "only an owner may register webhooks"
    return f"{error.message.rstrip('.')}; it is tried again at every look"
