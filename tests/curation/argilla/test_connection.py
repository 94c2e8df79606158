"""Whatever is wrong with Argilla, the error says what, where, and what to do, and never the key."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import httpx
import pytest
from pydantic import SecretStr

from curation.argilla.api import Api
from curation.argilla.connection import connect_to_argilla
from curation.argilla.decisions import read_decisions
from curation.errors import ArgillaError
from curation.files import write_json
from curation.home import Home
from curation.settings import ArgillaSettings
from tests.curation.documents.stand_ins import Reply, StandInServer

if TYPE_CHECKING:
    from tests.argilla_lite.server import ArgillaServer

KEY = "s3cret-key-that-nobody-may-see"


def fails(settings: ArgillaSettings, home: Home) -> ArgillaError:
    with pytest.raises(ArgillaError) as caught:
        connect_to_argilla(settings, home)
    error = caught.value
    assert error.hint
    seen: BaseException | None = error
    while seen is not None:
        assert KEY not in str(seen)
        assert KEY not in repr(seen)
        seen = seen.__cause__
    return error


class Same(StandInServer):
    """A server that is not an Argilla and says the same to everybody."""

    def __init__(self, status: int, body: str, headers: dict[str, str] | None = None) -> None:
        super().__init__()
        self._said = Reply(body.encode(), status, headers or {})

    def reply(self, path: str, headers: Mapping[str, str]) -> Reply:
        return self._said


def at(url: str, key: str = KEY, timeout: float = 5) -> ArgillaSettings:
    return ArgillaSettings(url=url, api_key=SecretStr(key), timeout=timeout)


def test_nothing_listens(home: Home) -> None:
    error = fails(at("http://127.0.0.1:9"), home)
    assert "127.0.0.1:9" in error.message
    assert "clayloop up" in error.hint


@pytest.mark.parametrize(
    "url",
    [
        "http://ops:hunter2@127.0.0.1:9",
        "http://ops:hun/ter2@127.0.0.1:9",
        "http://ops:a@hunter2@127.0.0.1:9",
        "ops:hunter2@127.0.0.1:9",
        "ops:hunter2@http://127.0.0.1:9",
        "ftp://ops:hunter2@127.0.0.1:9",
    ],
)
@pytest.mark.parametrize("key", [KEY, "", "k\n\u00fc"])
def test_a_password_in_the_address_is_shown_to_nobody(url: str, key: str, home: Home) -> None:
    error = fails(at(url, key=key), home)
    assert "127.0.0.1:9" in error.message
    seen: BaseException | None = error
    while seen is not None:
        assert "ter2" not in f"{seen} {seen!r}"
        assert "ops" not in f"{seen} {seen!r}"
        seen = seen.__cause__ or seen.__context__


def test_it_is_sent_all_the_same(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    server = Same(200, "[]")
    with server.running():
        fails(at(server.url.replace("://", "://ops:hunter%2F2@")), home)
    assert server.asked[0][1]["authorization"] == f"Basic {base64.b64encode(b'ops:hunter/2').decode()}"
    assert "hunter" not in caplog.text


@pytest.mark.parametrize(
    "url", ["argilla", "ftp://127.0.0.1", "http://", "http://127.0.0.1:99999", "http://[::1"]
)
def test_an_address_that_is_none(url: str, home: Home) -> None:
    assert url in fails(at(url), home).message


def test_a_key_goes_to_no_other_server_than_the_one_in_the_address(home: Home) -> None:
    """Everything before the last @ is hidden: with one in the path that would leave another server's name."""
    other = Same(200, "[]")
    with other.running():
        place = other.url.partition("://")[2]
        assert "%40" in fails(at(f"http://127.0.0.1:9/teams/@{place}"), home).hint


@pytest.mark.parametrize(
    ("status", "body", "headers", "expected"),
    [
        (200, "<html>Welcome</html>", {}, "not an Argilla"),
        (200, "[1, 2]", {}, "not an Argilla"),
        (200, json.dumps({"username": "x", "api_key": KEY}), {}, "not an Argilla"),
        (200, "", {}, "not an Argilla"),
        (404, "<html>nothing here</html>", {}, "not an Argilla"),
        (302, "", {"Location": "https://127.0.0.1/login"}, "redirects"),
        (401, "{}", {}, "does not accept the API key"),
        (403, "{}", {}, "does not allow"),
        (500, "Traceback", {}, "status 500"),
        (503, "<html>busy</html>", {}, "status 503"),
    ],
)
def test_something_else_answers(
    status: int, body: str, headers: dict[str, str], expected: str, home: Home
) -> None:
    server = Same(status, body, headers)
    with server.running():
        error = fails(at(server.url), home)
    assert expected in error.message
    assert server.url in error.message


def test_a_server_that_never_answers(home: Home) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        error = fails(at(f"http://127.0.0.1:{port}", timeout=0.3), home)
    assert "did not answer" in error.message


@pytest.mark.parametrize("key", [f"{KEY}\nX-Injected: yes", f"{KEY}ü", f"{KEY}\x00"])
def test_a_key_that_cannot_be_one(key: str, home: Home) -> None:
    assert "characters" in fails(at("http://127.0.0.1:9", key), home).message


def test_a_url_without_a_key(home: Home) -> None:
    assert "no API key" in fails(at("http://127.0.0.1:9", ""), home).message


def test_no_credentials(home: Home) -> None:
    error = fails(ArgillaSettings(), home)
    assert "credentials.json" in error.message
    assert "clayloop up" in error.hint


@pytest.mark.parametrize("content", [{"url": "http://127.0.0.1:9"}, [KEY], {"api_key": KEY, "url": 1}])
def test_damaged_credentials(content: object, home: Home) -> None:
    write_json(home.argilla / "credentials.json", content)
    assert "credentials.json" in fails(ArgillaSettings(), home).message


@pytest.mark.argilla
def test_credentials_from_the_state_folder(argilla_lite: ArgillaServer) -> None:
    folder = argilla_lite.home
    home = Home(folder.parent / "state")
    write_json(home.argilla / "credentials.json", json.loads((folder / "credentials.json").read_text()))
    client = connect_to_argilla(ArgillaSettings(), home)
    assert client.me.username == argilla_lite.username


@pytest.mark.argilla
def test_the_wrong_key(argilla_lite: ArgillaServer, home: Home) -> None:
    error = fails(at(argilla_lite.url), home)
    assert "does not accept the API key" in error.message


@pytest.mark.argilla
def test_the_workspace_is_made(settings: ArgillaSettings, home: Home) -> None:
    settings = settings.model_copy(update={"workspace": "made-for-the-test"})
    client = connect_to_argilla(settings, home)
    connect_to_argilla(settings, home)
    assert [workspace.name for workspace in client.workspaces].count("made-for-the-test") == 1


@pytest.mark.argilla
def test_an_annotator_cannot_make_a_workspace_or_read_decisions(
    settings: ArgillaSettings, api: Api, home: Home
) -> None:
    body = {"username": "outsider", "first_name": "o", "role": "annotator", "password": "correct horse"}
    key = api.request("POST", "/api/v1/users", "hiring", body)["api_key"]
    error = fails(settings.model_copy(update={"api_key": SecretStr(key), "workspace": "not-there"}), home)
    assert "only an owner may make one" in error.message


@pytest.mark.argilla
def test_nothing_was_pushed(settings: ArgillaSettings, home: Home) -> None:
    with pytest.raises(ArgillaError) as caught:
        read_decisions(connect_to_argilla(settings, home), settings)
    assert "clayloop push" in caught.value.hint


@pytest.mark.parametrize(
    ("status", "body"), [(422, {"detail": "search_engine"}), (200, {"search_engine": {}})]
)
def test_another_argilla_shows_no_suggestions(status: int, body: object) -> None:
    """422 is what Argilla 2.8 itself answers with a genuine Elasticsearch."""
    answers = httpx.MockTransport(lambda request: httpx.Response(status, json=body))
    api = Api(httpx.Client(transport=answers, base_url="http://argilla"))
    assert not api.shows_suggestions()
    assert not api.finds_ids()


def test_another_clayloop_on_this_homes_port(home: Home) -> None:
    """Its Argilla does not know this home's key, and nobody set one that could be wrong."""
    server = Same(401, "{}")
    with server.running():
        write_json(home.argilla / "credentials.json", {"url": server.url, "api_key": KEY})
        error = fails(ArgillaSettings(), home)
    assert f"{server.url} is not the one of {home.root}" in error.message
    assert "another clayloop" in error.hint
    assert "My settings" not in error.hint
