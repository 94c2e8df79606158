"""Addresses: where something that listens on this machine can be opened, and what of one may be shown."""

from __future__ import annotations

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}  # noqa: S104 - what "everywhere" is reached by


def local_url(host: str, port: int) -> str:
    """The http address of a server bound to ``host``; "everywhere" becomes loopback, IPv6 gets its
    brackets."""
    reachable = _EVERYWHERE.get(host, host)
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def without_login(url: str) -> str:
    """``url`` without user and password, as people, logs and pages may see it. For anything at all that
    somebody took for an address: what stands before the last @ is taken for a secret."""
    before, mark, rest = url.partition("://")
    return f"{before.rpartition('@')[2]}{mark}{rest.rpartition('@')[2]}"
