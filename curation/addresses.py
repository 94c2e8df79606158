"""Where something that listens on this machine can be opened."""

from __future__ import annotations

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}  # noqa: S104 - what "everywhere" is reached by


def local_url(host: str, port: int) -> str:
    """The http address of a server bound to ``host``; "everywhere" becomes loopback, IPv6 gets its brackets."""
    reachable = _EVERYWHERE.get(host, host)
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"
