"""Argilla's HTTP interface, as far as clayloop uses it, with errors that a person can act on.

At ten thousand records the SDK's record classes take longer than the requests, and they cannot change a
record's metadata without touching its suggestions. The endpoints below are those that the SDK itself calls.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    retry_if_result,
    stop_after_attempt,
    wait_exponential,
)

from curation.errors import ArgillaError

if TYPE_CHECKING:
    import argilla as rg

JsonObject = dict[str, Any]

_IDS = 200  # in one filter; Argilla takes 250
PAGE = 500
UPSERT_BATCH = 256
DELETE_BATCH = 100  # Argilla's own limit
RESPONSE_BATCH = 100  # Argilla's own limit
_ATTEMPTS = 3
_REPEATABLE = frozenset({"GET", "PUT"})
_BROKEN = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)
_DETAIL_CHARACTERS = 300
_UNSTORABLE = re.compile(r"[\ud800-\udfff\x00]")

log = logging.getLogger(__name__)


class ArgillaRefusalError(ArgillaError):
    """Argilla understood the request and said no. ``status`` is the HTTP status."""

    def __init__(self, message: str, hint: str, status: int) -> None:
        super().__init__(message, hint)
        self.status = status


def storable(text: str) -> str:
    """``text`` without what JSON or a database refuses: NUL and lone surrogates become U+FFFD."""
    return _UNSTORABLE.sub("\ufffd", text)


class Api:
    """Requests to one Argilla as one user. Every method raises ArgillaError; no message holds the key."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    @classmethod
    def of(cls, client: rg.Argilla) -> Api:
        """The interface of a connected SDK client."""
        return cls(client.http_client)

    @property
    def url(self) -> str:
        return str(self.http.base_url).rstrip("/")

    def shows_suggestions(self) -> bool:
        """Whether this Argilla's page shows a suggested answer without choosing it in advance.

        argilla_lite's does. Every other page chooses it: the key of that answer then takes it away, and Enter
        submits it unseen, so no answer must be suggested there.
        """
        return bool(self._search_engine().get("suggestions") == "shown")

    def finds_ids(self) -> bool:
        """Whether a search for external ids finds their records, as argilla_lite's does."""
        return bool(self._search_engine().get("ids") == "found")

    def _search_engine(self) -> JsonObject:
        """What its search engine says of itself."""
        try:
            status: JsonObject = self.request("GET", "/api/v1/status", "asking which Argilla this is")
        except ArgillaRefusalError as error:
            if error.status != HTTPStatus.UNPROCESSABLE_ENTITY:
                raise
            return {}  # Argilla 2.8 cannot say it with Elasticsearch: it refuses its own answer
        return status.get("search_engine") or {}

    def request(
        self,
        method: str,
        path: str,
        doing: str,
        body: JsonObject | None = None,
        params: Mapping[str, Any] | None = None,
        repeatable: bool | None = None,
    ) -> Any:
        """The JSON answer (None for status 204). ``doing`` completes the sentence "while …" in errors.

        A ``repeatable`` request (GET and PUT, unless said otherwise) is sent up to three times while the
        server fails inside (status 500 and up) or breaks the connection: Argilla closes one that it has
        answered with 500 without a word, so whatever is asked next may find it closed.
        """
        if repeatable is None:
            repeatable = method in _REPEATABLE

        def warn(state: RetryCallState) -> None:
            log.warning("Argilla failed while %s; trying again", doing)

        retrying = Retrying(
            retry=retry_if_result(lambda response: response.status_code >= 500)
            | retry_if_exception(lambda error: isinstance(error.__cause__, _BROKEN)),
            stop=stop_after_attempt(_ATTEMPTS if repeatable else 1),
            wait=wait_exponential(multiplier=0.5, exp_base=3),
            before_sleep=warn,
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        )
        return self._value(retrying(self._send, method, path, doing, body, params), doing)

    def _send(
        self, method: str, path: str, doing: str, body: JsonObject | None, params: Mapping[str, Any] | None
    ) -> httpx.Response:
        content = None if body is None else json.dumps(body, allow_nan=False).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        try:
            return self.http.request(method, path, content=content, headers=headers, params=params)
        except httpx.TimeoutException as error:
            raise ArgillaError(
                f"Argilla at {self.url} did not answer in time while {doing}.",
                "Look at the server's load and log, or raise curation.argilla.timeout.",
            ) from error
        except httpx.HTTPError as error:
            raise unreachable(self.url, error) from error

    def _value(self, response: httpx.Response, doing: str) -> Any:
        if not response.is_success:
            raise refusal(self.url, response.status_code, _detail(response), doing)
        if response.status_code == HTTPStatus.NO_CONTENT:
            return None
        try:
            return response.json()
        except ValueError as error:
            raise not_argilla(self.url, f"it answered something that is not JSON while {doing}") from error

    # Records

    def records(
        self, dataset_id: str, include: Sequence[str] = (), page: int = PAGE
    ) -> Iterator[list[JsonObject]]:
        """Pages of a dataset's records, oldest first, from Argilla's database, not its search index."""
        offset = 0
        while True:
            params = {"offset": offset, "limit": page, "include": list(include)}
            items = self.request(
                "GET", f"/api/v1/datasets/{dataset_id}/records", "reading records", params=params
            )["items"]
            if items:
                yield items
            if len(items) < page:
                return
            offset += page

    def search(
        self,
        dataset_id: str,
        filters: Sequence[JsonObject],
        include: Sequence[str] = (),
        offset: int = 0,
        limit: int = PAGE,
        text: str = "",
    ) -> tuple[list[JsonObject], int]:
        """Records that pass all ``filters`` and hold ``text`` (if any), oldest first, and how many there
        are in all."""
        body = _ordered_by("inserted_at", "asc", filters)
        if text:
            body["query"] = {"text": {"q": text}}
        return self._search(dataset_id, body, {"offset": offset, "limit": limit, "include": list(include)})

    def search_pages(
        self, dataset_id: str, filters: Sequence[JsonObject], include: Sequence[str] = (), text: str = ""
    ) -> Iterator[tuple[list[JsonObject], int]]:
        """All that ``search`` finds, page by page."""
        offset, records = 0, None
        while records is None or len(records) == PAGE:
            records, total = self.search(dataset_id, filters, include, offset, PAGE, text)
            yield records, total
            offset += PAGE

    def search_all(
        self, dataset_id: str, filters: Sequence[JsonObject], text: str = ""
    ) -> Iterator[JsonObject]:
        """All records that ``search`` finds."""
        return (one for records, _ in self.search_pages(dataset_id, filters, text=text) for one in records)

    def by_ids(
        self, dataset_id: str, ids: Sequence[str], include: Sequence[str] = (), kind: str = "id"
    ) -> list[JsonObject]:
        """Those of the records with these ids, Argilla's or (``kind`` is external_id) ours, that the search
        has by now."""
        scope = {"entity": "record", "property": kind}
        found: list[JsonObject] = []
        for start in range(0, len(ids), _IDS):
            some = list(ids[start : start + _IDS])
            found += self.search(dataset_id, [{"type": "terms", "scope": scope, "values": some}], include)[0]
        return found

    def last_changed(
        self, dataset_id: str, filters: Sequence[JsonObject], offset: int, limit: int
    ) -> list[JsonObject]:
        """Records that pass all ``filters``, with their responses, the last changed first."""
        body = _ordered_by("updated_at", "desc", filters)
        params = {"offset": offset, "limit": limit, "include": ["responses"]}
        return self._search(dataset_id, body, params)[0]

    def newest(self, dataset_id: str, most: int) -> list[JsonObject]:
        """The records that came last, with their responses, the newest first."""
        body = _ordered_by("inserted_at", "desc", ())
        return self._search(dataset_id, body, {"offset": 0, "limit": most, "include": ["responses"]})[0]

    def _search(
        self, dataset_id: str, body: JsonObject, params: Mapping[str, Any]
    ) -> tuple[list[JsonObject], int]:
        path = f"/api/v1/datasets/{dataset_id}/records/search"
        answer = self.request("POST", path, "searching records", body, params, repeatable=True)
        return [item["record"] for item in answer["items"]], int(answer["total"])

    def record(self, record_id: str) -> JsonObject | None:
        """One record with its responses, from Argilla's database; None when it is gone."""
        try:
            found: JsonObject = self.request("GET", f"/api/v1/records/{record_id}", "reading a record")
        except ArgillaRefusalError as error:
            if error.status == 404:
                return None
            raise
        return found

    def upsert(self, dataset_id: str, records: Sequence[JsonObject]) -> None:
        """Create or update records by their external ids. What a record does not mention stays."""
        path = f"/api/v1/datasets/{dataset_id}/records/bulk"
        for start in range(0, len(records), UPSERT_BATCH):
            batch = list(records[start : start + UPSERT_BATCH])
            self.request("PUT", path, f"storing {len(batch)} records", {"items": batch})

    def delete(self, dataset_id: str, record_ids: Sequence[str]) -> None:
        """Delete records by Argilla's ids, with everything that hangs on them."""
        for start in range(0, len(record_ids), DELETE_BATCH):
            self.request(
                "DELETE",
                f"/api/v1/datasets/{dataset_id}/records",
                "deleting records that are no longer in the corpus",
                params={"ids": ",".join(record_ids[start : start + DELETE_BATCH])},
            )

    def respond(self, responses: Sequence[JsonObject]) -> None:
        """Store up to ``RESPONSE_BATCH`` responses of the user whose key this is. Raises when Argilla refuses
        one."""
        answer = self.request(
            "POST",
            "/api/v1/me/responses/bulk",
            f"submitting {len(responses)} responses",
            {"items": list(responses)},
            repeatable=True,
        )
        failed = [item["error"]["detail"] for item in answer["items"] if item.get("error")]
        if failed:
            raise ArgillaError(
                f"Argilla refused {len(failed)} of {len(responses)} responses: "
                f"{failed[0][:_DETAIL_CHARACTERS]}",
                "Look at the dataset's questions: they may have been changed.",
            )


def _ordered_by(name: str, order: str, filters: Sequence[JsonObject]) -> JsonObject:
    """A search's body."""
    body: JsonObject = {"sort": [{"scope": {"entity": "record", "property": name}, "order": order}]}
    return {**body, "filters": {"and": list(filters)}} if filters else body


def unreachable(url: str, error: Exception) -> ArgillaError:
    """Nothing answers at ``url``, or not in HTTP."""
    return ArgillaError(
        f"Cannot reach Argilla at {url}: {str(error) or type(error).__name__}",
        "Start it with `clayloop up`, or set curation.argilla.url to the address of a running one.",
    )


def not_argilla(url: str, what: str) -> ArgillaError:
    """Something answers at ``url``, and it is no Argilla 2 server."""
    return ArgillaError(
        f"What answers at {url} is not an Argilla 2 server: {what}.",
        "Set curation.argilla.url to the address that you open in the browser, without a path behind it.",
    )


def refusal(url: str, status: int, detail: str, doing: str) -> ArgillaError:
    """The error for an HTTP status that is no success."""
    said = f" It says: {detail}" if detail else ""
    if 300 <= status < 400:
        return not_argilla(url, f"it redirects (status {status}) while {doing}")
    if status == 401:
        what = "does not accept the API key."
        hint = (
            "Copy the key from Argilla's page My settings into curation.argilla.api_key; for the Argilla "
            "that clayloop starts, leave url and key empty."
        )
    elif status == 403:
        what = f"does not allow this user to go on while {doing}."
        hint = "Use the API key of an owner, or of an admin of the workspace."
    elif status >= 500:
        what, hint = f"failed (status {status}) while {doing}.{said}", "Look at Argilla's log."
    else:
        what = f"refused (status {status}) while {doing}.{said}"
        hint = "Check that the datasets were not changed by hand, and that this Argilla is version 2.8."
    return ArgillaRefusalError(f"Argilla at {url} {what}", hint, status)


def _detail(response: httpx.Response) -> str:
    """What the server says about a refusal, shortened; nothing when it is a page of HTML."""
    try:
        value = response.json()
    except ValueError:
        return ""
    if isinstance(value, dict):
        value = value.get("detail", value)
    if isinstance(value, dict):
        params = value.get("params", {})
        value = params.get("detail") or _wrong(params.get("errors")) or value.get("code", value)
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text[:_DETAIL_CHARACTERS]


def _wrong(errors: Any) -> str:
    """Which value the server did not take, and why: one sentence for each."""
    if not isinstance(errors, list):
        return ""
    return "; ".join(f"{'.'.join(map(str, one.get('loc', ())))}: {one.get('msg')}" for one in errors)
