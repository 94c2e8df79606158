"""Addresses: where a server on this machine can be opened, and which part of an address may be shown."""

from __future__ import annotations

import ipaddress
import re

# An address that stands for all of a machine's → the one by which the machine itself reaches it.
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}  # noqa: S104


def local_url(host: str, port: int) -> str:
    """The http address of a server bound to ``host``; "everywhere" becomes loopback."""
    reachable = _EVERYWHERE.get(host, host)
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def is_web_address(url: str) -> bool:
    """Whether ``url`` is http or https, and holds nothing that would end it in HTML or Markdown."""
    return bool(re.fullmatch(r"https?://[^\s<>\"'`\\]+", url))


def without_login(url: str) -> str:
    """``url`` without user and password, as people, logs and pages may see it. Works on any text: all that
    stands before the last @ counts as a secret."""
    before, mark, rest = url.partition("://")
    return f"{before.rpartition('@')[2]}{mark}{rest.rpartition('@')[2]}"


def is_loopback(host: str) -> bool:
    """Whether ``host``, a name or an address, is this machine to itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
