"""The addresses of what `clayloop up` runs."""

from __future__ import annotations

from urllib.parse import urlsplit

from curation import Home, StateError, read_json, without_login


def read_services(home: Home) -> dict[str, str]:
    """Service → URL as `clayloop up` wrote them; empty when it is not running or its file is damaged.

    Only http and https addresses with a host are kept: they become links, which hold no user and password.
    """
    try:
        written = read_json(home.services)
    except (OSError, StateError):
        return {}
    if not isinstance(written, dict):
        return {}
    return {
        name: without_login(url)
        for name, url in written.items()
        if isinstance(name, str) and isinstance(url, str) and _is_web_address(url)
    }


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
