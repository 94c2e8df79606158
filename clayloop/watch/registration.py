"""Keeping Argilla's calls coming: registered at the start, looked after, registered anew when it is gone."""

from __future__ import annotations

import ipaddress
import logging
import socket
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from curation.annotation import webhooks
from curation.annotation.api import ArgillaRefusalError
from curation.errors import ArgillaError
from curation.home import Home
from curation.records.identity import content_id

if TYPE_CHECKING:
    import argilla as rg

    from curation.annotation.webhooks import Registration

log = logging.getLogger(__name__)

_NOT_ALLOWED = 403


def description_of(home: Home) -> str:
    """Names the registrations of this state folder on this machine, so that old ones are known again."""
    return f"clayloop watch {content_id('watch', socket.gethostname(), str(home.root))[:16]}"


def is_local(url: str) -> bool:
    """Whether the address is this machine's own (loopback)."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Calls:
    """The registration with one Argilla, or why there is none (``trouble``, told once)."""

    def __init__(self, home: Home, url: str, say: Callable[[str], None]) -> None:
        self._description = description_of(home)
        self._url = url
        self._say = say
        self._registration: Registration | None = None
        self.trouble = ""

    @property
    def registered(self) -> bool:
        return self._registration is not None

    def believes(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether Argilla signed this. Nobody is believed before we are registered."""
        registration = self._registration
        return registration is not None and webhooks.is_signed(registration.secret, headers, body)

    def refresh(self, client: rg.Argilla) -> None:
        """Register unless Argilla calls us already. Raises ArgillaError when it cannot be asked; a refusal is trouble,
        and polling goes on."""
        if self.trouble:
            return
        try:
            if self._registration is not None and webhooks.is_registered(client, self._registration):
                return
            self._registration = webhooks.register(client, self._url, self._description)
            self._say(f"Argilla calls {self._url} when somebody answers")
        except ArgillaRefusalError as error:
            if error.status >= 500:
                raise
            self._registration = None
            self.trouble = (
                "only an owner may register webhooks" if error.status == _NOT_ALLOWED else error.message
            )
            self._say(f"No calls from Argilla ({self.trouble}): polling only")

    def end(self, client: rg.Argilla) -> None:
        """Take the registration back."""
        if self._registration is None:
            return
        try:
            webhooks.unregister(client, self._description)
        except ArgillaError as error:
            log.warning("the webhook could not be removed, the next start does it: %s", error.message)
        self._registration = None
