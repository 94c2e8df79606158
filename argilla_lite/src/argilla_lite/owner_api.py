"""Calls Argilla's HTTP API as the home's owner, whether Argilla runs or not.

While Argilla runs, requests go to the server. While it is stopped, they go to Argilla's application, which is
imported into this process: that takes seconds, needs no port and no Redis, and keeps the home locked
meanwhile. Both ways run the same code of Argilla with the same checks.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

from argilla_lite.databases import database_of
from argilla_lite.engine import ENGINE_NAME
from argilla_lite.errors import ArgillaLiteError
from argilla_lite.home import Home

_PATIENCE = 30.0  # seconds
_Call = Callable[[str, str, bytes | None, dict[str, str]], tuple[int, bytes]]


class OwnerApi:
    """Sends requests with the owner's key. `call` takes method, path, body and headers, and returns status
    and body."""

    def __init__(self, call: _Call, api_key: str) -> None:
        self._call = call
        self._headers = {"X-Argilla-Api-Key": api_key, "Content-Type": "application/json"}

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Sends a request below /api/v1 and returns what the answer's JSON says. Raises ArgillaLiteError when
        Argilla refuses, or does not answer."""
        data = json.dumps(body).encode() if body is not None else None
        status, content = self._call(method, f"/api/v1{path}", data, self._headers)
        if status == 401:
            raise ArgillaLiteError("Argilla does not know the API key in credentials.json any more.")
        if status >= 400:
            raise ArgillaLiteError(f"Argilla refuses: {_reason(content) or f'status {status}'}")
        return json.loads(content) if content else None


@contextlib.contextmanager
def owner_api(home: Home) -> Iterator[OwnerApi]:
    """The API of the home's Argilla. Raises ArgillaLiteError when there is none, or it is just starting."""
    credentials = home.read_credentials()
    if credentials is None or not home.prepared_file.exists():
        raise ArgillaLiteError(f"There is no Argilla in {home.root}. Start one with `argilla-lite up`.")
    if home.is_running():
        state = home.read_state()
        if not state.get("ready"):
            raise ArgillaLiteError(f"The Argilla in {home.root} is not ready yet. Try again.")
        yield OwnerApi(_over_http(str(state["url"])), credentials.api_key)
        return
    with home.locked():
        try:
            yield OwnerApi(_in_process(home), credentials.api_key)
        finally:
            home.clear_temporary()


def _over_http(url: str) -> _Call:
    # No proxy: the server is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def call(method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
        request = urllib.request.Request(url + path, data=body, headers=headers, method=method)  # noqa: S310 - our own URL
        try:
            with opener.open(request, timeout=_PATIENCE) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError as error:
            raise ArgillaLiteError(f"Argilla does not answer at {url}: {error}.") from error

    return call


def _in_process(home: Home) -> _Call:
    database = database_of(home)
    database.require()
    os.environ |= database.environment() | {
        "ARGILLA_HOME_PATH": str(home.root),
        "ARGILLA_AUTH_SECRET_KEY": home.auth_secret(),
        "ARGILLA_SEARCH_ENGINE": ENGINE_NAME,
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TMPDIR": str(home.temp_dir),
    }
    from argilla_lite.web_page import not_copied

    with not_copied():
        from argilla_lite.plugin import app
    import httpx

    loop = asyncio.new_event_loop()

    async def send(method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://argilla-lite") as client:
            answer = await client.request(method, path, content=body, headers=headers)
            return answer.status_code, answer.content

    return lambda method, path, body, headers: loop.run_until_complete(send(method, path, body, headers))


def _reason(content: bytes) -> str:
    """The readable part of Argilla's error; validation errors come as a list."""
    try:
        detail = json.loads(content)["detail"]
    except (ValueError, KeyError, TypeError):
        return ""
    if isinstance(detail, dict):
        errors = detail.get("params", {}).get("errors") or [detail.get("params", detail)]
        return "; ".join(
            str(one.get("msg") or one.get("detail") or one) for one in errors if isinstance(one, dict)
        )
    return str(detail)
