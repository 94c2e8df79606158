"""Only what Argilla signed gets in."""

from __future__ import annotations

import base64
import json
import socket
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given, strategies as st
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook

from clayloop.watch.receiver import MOST_BYTES, Receiver
from clayloop.watch.registration import is_local
from curation import Call, SettingsError, is_signed_by_argilla, read_call

SECRET = base64.b64encode(b"k" * 64).decode()
EVENT = json.dumps({"type": "response.created", "version": 1, "data": {}})


def signed(body: str, at: datetime | None = None, secret: str = SECRET) -> dict[str, str]:
    """Headers as Argilla makes them."""
    at = at or datetime.now(timezone.utc)
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", at, body),
    }


class Heard:
    """A receiver, and what it let through."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.receiver = Receiver(
            "127.0.0.1",
            0,
            lambda headers, body: is_signed_by_argilla(SecretStr(SECRET), headers, body),
            self.bodies.append,
            lambda: {"status": "ok"},
        )

    def post(self, body: str | bytes, headers: dict[str, str], path: str = "/argilla") -> int:
        return httpx.post(self.receiver.url + path, content=body, headers=headers, timeout=30).status_code


@pytest.fixture(scope="module")
def heard() -> Iterator[Heard]:
    found = Heard()
    with found.receiver:
        yield found


def test_who_calls_as_soon_as_the_address_is_told_waits_for_the_answer() -> None:
    found = Heard()
    where = urlsplit(found.receiver.url)
    with socket.create_connection((where.hostname or "", where.port or 0)), found.receiver:
        assert found.post(EVENT, signed(EVENT)) == 204


def test_what_is_signed_gets_in_and_nothing_else(heard: Heard) -> None:
    good = signed(EVENT)
    assert heard.post(EVENT, good) == 204
    assert heard.bodies == [EVENT.encode()]
    long_ago = datetime.now(timezone.utc) - timedelta(minutes=6)
    refused = [
        {},
        {**good, "webhook-signature": "v1,AAAA"},
        {**good, "webhook-signature": "v2," + good["webhook-signature"][3:]},
        {**good, "webhook-signature": "nonsense"},
        {**good, "webhook-signature": "v1,%%%"},
        {**good, "webhook-timestamp": "1"},
        {**good, "webhook-timestamp": "nan"},
        {**good, "webhook-timestamp": "9" * 400},
        {**good, "webhook-id": "msg_2"},
        signed(EVENT, long_ago),
        signed(EVENT, datetime.now(timezone.utc) + timedelta(minutes=6)),
        signed(EVENT, secret=base64.b64encode(b"x" * 64).decode()),
    ]
    assert [heard.post(EVENT, headers) for headers in refused] == [401] * len(refused)
    assert heard.post(EVENT + " ", good) == 401
    assert heard.post(b"\xff\xfe", good) == 401
    assert heard.post(EVENT, good, "/elsewhere") == heard.post(EVENT, good, "/argilla/") == 404
    assert heard.post("x" * (MOST_BYTES + 1), good) == 413
    assert httpx.get(heard.receiver.url + "/argilla").status_code == 405
    assert httpx.get(heard.receiver.url + "/healthz").json() == {"status": "ok"}
    assert heard.bodies == [EVENT.encode()]
    assert (heard.receiver.accepted, heard.receiver.refused) == (1, len(refused) + 2)


def test_who_hangs_up_in_the_middle_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    found = Heard()
    where = urlsplit(found.receiver.url)
    with found.receiver:
        with socket.create_connection((where.hostname or "", where.port or 0)) as caller:
            caller.sendall(b"POST /argilla HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
        assert found.post(EVENT, signed(EVENT)) == 204
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_a_flood_of_calls_that_are_refused_is_told_in_few_lines(caplog: pytest.LogCaptureFixture) -> None:
    found = Heard()
    where = urlsplit(found.receiver.url)
    with found.receiver:
        assert [found.post(EVENT, {}) for _ in range(20)] == [401] * 20
        for _ in range(20):
            with socket.create_connection((where.hostname or "", where.port or 0), 30) as caller:
                caller.sendall(b"no HTTP\r\n\r\n")
                assert b"400" in caller.recv(100)
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert told == ["calls that Argilla did not sign are refused, 1 so far"]


def test_a_client_that_says_nothing_does_not_keep_others_out(heard: Heard) -> None:
    address = (
        heard.receiver.url.rsplit("/", 1)[-1].split(":")[0],
        int(heard.receiver.url.rsplit(":", 1)[-1]),
    )
    silent = [socket.create_connection(address) for _ in range(20)]
    try:
        assert heard.post(EVENT, signed(EVENT)) == 204
    finally:
        for connection in silent:
            connection.close()


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:6900", True),
        ("http://localhost:6900/", True),
        ("http://[::1]:6900", True),
        ("http://argilla.example:6900", False),
        ("http://10.0.0.7:6900", False),
        ("https://127.0.0.1.example", False),
        ("", False),
    ],
)
def test_only_an_argilla_on_this_machine_can_call_loopback(url: str, local: bool) -> None:
    assert is_local(url) is local


def test_a_port_that_is_taken_is_named() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    try:
        with pytest.raises(SettingsError, match="Cannot listen on"):
            Receiver("127.0.0.1", listener.getsockname()[1], lambda *_: True, lambda _: None, dict)
    finally:
        listener.close()


@given(
    st.binary(max_size=50),
    st.dictionaries(
        st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]), st.text(max_size=30)
    ),
)
def test_no_forgery_is_believed_and_none_breaks_anything(body: bytes, headers: dict[str, str]) -> None:
    assert not is_signed_by_argilla(SecretStr(SECRET), headers, body)


@given(
    st.recursive(
        st.none() | st.text(max_size=5) | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["data", "record", "dataset", "name", "workspace"]), inner, max_size=3
            )
        ),
    )
)
def test_a_call_is_ignored_only_if_it_says_that_it_is_about_something_else(value: object) -> None:
    read_call(json.dumps(value).encode(), "ours", ["chunks"])
    for dataset, workspace, expected in (
        ("chunks", "ours", Call()),
        ("other", "ours", None),
        ("chunks", "theirs", None),
    ):
        told = {"data": {"record": {"dataset": {"name": dataset, "workspace": {"name": workspace}}}}}
        assert read_call(json.dumps(told).encode(), "ours", ["chunks"]) == expected
    assert read_call(b"no json", "ours", ["chunks"]) == Call()


@pytest.mark.parametrize("what", ["response.created", "response.updated", "response.deleted"])
def test_a_call_names_a_record_and_the_answer_that_it_is_for_unless_that_is_gone(what: str) -> None:
    record, dataset, moment = str(uuid.uuid4()), str(uuid.uuid4()), "2026-11-29T13:23:26.518118"
    where = {"id": dataset, "name": "chunks", "workspace": {"name": "ours"}, "last_activity_at": moment}
    body = json.dumps({"type": what, "data": {"id": "x", "record": {"id": record, "dataset": where}}})
    told = Call(dataset, record, "" if what == "response.deleted" else moment)
    assert read_call(body.encode(), "ours", ["chunks"]) == told
    elsewhere = body.replace(record, "../../users")
    assert read_call(elsewhere.encode(), "ours", ["chunks"]) == Call(), "an id is an id"
