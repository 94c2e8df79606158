"""Asking web servers for pages and archives: bounded in bytes and time, patient with busy servers."""

from __future__ import annotations

import io
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

from curation.addresses import without_login

if TYPE_CHECKING:
    import httpx
    from tenacity import RetryCallState

AGENT = "clayloop"
# Seconds. A server that asks for a longer pause is not waited for.
FIRST_WAIT = 1.0
LONGEST_WAIT = 90.0
SILENCE = 20.0
WHOLE_ANSWER = 120.0
_ATTEMPTS = 4
_MOST_REDIRECTS = 5
_BUSY = frozenset({429, 500, 502, 503, 504})


class NotFetchedError(Exception):
    """Why an address could not be read. ``temporary``: another time it may be."""

    def __init__(self, reason: str, temporary: bool = False) -> None:
        super().__init__(reason)
        self.temporary = temporary


class _LaterError(Exception):
    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


@dataclass(frozen=True)
class Answer:
    """What a server sent, and the address that it came from after redirects."""

    url: str
    status: int
    headers: Mapping[str, str]
    data: bytes


class Fetcher:
    """One server's visitor. ``refusal`` says why an address is not asked ("" when it may be): it is asked
    before each request, redirects included. ``secret`` headers go to the first server only. After ``end`` (of
    time.monotonic) nothing is tried again."""

    def __init__(
        self,
        refusal: Callable[[str], str] = lambda url: "",
        secret: Mapping[str, str] | None = None,
        end: float = math.inf,
    ) -> None:
        import httpx

        self._refusal = refusal
        self._secret = dict(secret or {})
        self._end = end
        self._client = httpx.Client(
            timeout=httpx.Timeout(SILENCE, connect=10.0), headers={"User-Agent": f"{AGENT} (documentation)"}
        )

    def __enter__(self) -> Fetcher:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, url: str, most_bytes: int, headers: Mapping[str, str] | None = None) -> Answer:
        """What stands at ``url``, whatever its status, but for busy servers. Raises NotFetchedError."""
        held = io.BytesIO()
        answer = self._asked(url, held, most_bytes, headers or {})
        return Answer(answer.url, answer.status, answer.headers, held.getvalue())

    def save(self, url: str, place: Path, most_bytes: int) -> Answer:
        """Like ``get``, into the file ``place``, which is there only when it is whole."""
        place.parent.mkdir(parents=True, exist_ok=True)
        part = place.with_name(f"{place.name}.part")
        try:
            with part.open("wb") as file:
                answer = self._asked(url, file, most_bytes, {})
            if answer.status == 200:
                part.replace(place)
            return answer
        finally:
            part.unlink(missing_ok=True)

    def _asked(self, url: str, sink: IO[bytes], most_bytes: int, headers: Mapping[str, str]) -> Answer:
        from tenacity import Retrying, retry_if_exception_type

        attempts = Retrying(
            stop=lambda state: (
                state.attempt_number >= _ATTEMPTS or time.monotonic() + state.upcoming_sleep > self._end
            ),
            wait=_pause,
            retry=retry_if_exception_type(_LaterError),
            reraise=True,
        )
        try:
            return attempts(self._once, url, sink, most_bytes, headers)
        except _LaterError as error:
            raise NotFetchedError(f"{_host(url)} {error}", temporary=True) from error

    def _once(self, url: str, sink: IO[bytes], most_bytes: int, headers: Mapping[str, str]) -> Answer:
        import httpx

        sink.seek(0)
        sink.truncate()
        end = min(time.monotonic() + WHOLE_ANSWER, self._end)
        size = 0
        try:
            with self._following(url, headers) as response:
                for data in response.iter_bytes():  # as it comes: a slow server fills no larger piece
                    size += len(data)
                    if size > most_bytes:
                        raise NotFetchedError(f"larger than {most_bytes:,} bytes")
                    if time.monotonic() > end:
                        raise NotFetchedError(f"{_host(url)} takes too long to send it", True)
                    sink.write(data)
                shown = {key.lower(): value for key, value in response.headers.items()}
                return Answer(str(response.url), response.status_code, shown, b"")
        except httpx.TimeoutException as error:
            raise _LaterError(f"does not answer within {SILENCE:.0f} s") from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise _LaterError(f"cannot be reached: {type(error).__name__}") from error
        except (httpx.InvalidURL, UnicodeError, ValueError) as error:
            raise NotFetchedError("not an address") from error

    @contextmanager
    def _following(self, url: str, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        """The answer at the end of the redirects. Raises _LaterError where a server is busy."""
        import httpx

        first = httpx.URL(url)
        for _ in range(_MOST_REDIRECTS + 1):
            if refusal := self._refusal(url):
                raise NotFetchedError(refusal)
            own = _origin(httpx.URL(url)) == _origin(first)
            with self._client.stream(
                "GET", url, headers={**headers, **(self._secret if own else {})}
            ) as response:
                if response.has_redirect_location:
                    url = str(response.url.join(response.headers["location"]))
                    continue
                wait = _asked_to_wait(response)
                if response.status_code in _BUSY or (response.status_code == 403 and wait is not None):
                    if wait is not None and wait > LONGEST_WAIT:
                        until = datetime.now().astimezone() + timedelta(seconds=min(wait, 1e9))
                        told = f"{_host(url)} answers {response.status_code}"
                        reason = f"{told} and asks to wait until {until:%H:%M}"
                        raise NotFetchedError(reason, temporary=True)
                    raise _LaterError(f"keeps answering {response.status_code}", wait)
                yield response
                return
        raise NotFetchedError(f"more than {_MOST_REDIRECTS} redirects")


def _pause(state: RetryCallState) -> float:
    """As long as the server asks for; else 1, 2, 4 seconds."""
    error = state.outcome.exception() if state.outcome else None
    wait = getattr(error, "wait", None)
    return float(FIRST_WAIT * 2 ** (state.attempt_number - 1) if wait is None else wait)


def _asked_to_wait(response: httpx.Response) -> float | None:
    """Seconds that a server asks to wait for, by Retry-After or by the reset of its rate limit."""
    after = response.headers.get("retry-after", "").strip()
    if after.isdecimal():
        return float(after[:9])
    if after:
        try:
            then = parsedate_to_datetime(after)
            return max((then - datetime.now(timezone.utc)).total_seconds(), 0.0)
        except (TypeError, ValueError):
            return None
    reset = response.headers.get("x-ratelimit-reset", "").strip()
    if response.headers.get("x-ratelimit-remaining") == "0" and reset.isdecimal():
        return max(float(reset[:12]) - time.time(), 0.0)
    return None


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _host(url: str) -> str:
    return without_login(url).partition("://")[2].partition("/")[0]
