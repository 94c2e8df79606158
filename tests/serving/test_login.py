"""Nobody without the password, or without a trusted proxy's word, gets past the login."""

from __future__ import annotations

import base64

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from serving.bot.guard import Rates
from serving.bot.login import Login, Proxies
from serving.settings import BotSettings

PASSWORD = "pässword:1"


def bot(password: str = PASSWORD, user_header: str = "", a_minute: int = 0) -> FastAPI:
    app = FastAPI()

    @app.get("/{path:path}")
    def anything(path: str) -> str:
        return path

    settings = BotSettings.model_validate(
        {"password": password, "user_header": user_header, "trusted_proxies": ["10.1.0.0/16"]}
    )
    app.add_middleware(Login, settings=settings, rates=Rates(a_minute, now=lambda: 0.0))
    app.add_middleware(Proxies, trusted=settings.trusted_proxies)
    return app


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"anybody:{password}".encode()).decode()


def test_the_password_opens_everything_for_browsers_and_for_clients() -> None:
    client = TestClient(bot())
    for sent in (basic(PASSWORD), f"bearer {PASSWORD}".encode()):
        assert client.get("/v1/models", headers={"Authorization": sent}).status_code == 200
    refused = client.get("/")
    assert refused.status_code == 401 and refused.headers["www-authenticate"].startswith("Basic ")
    assert client.get("/healthz").status_code == 200, "for whatever watches over it"


@pytest.mark.parametrize(
    "sent",
    ["", "Basic", "Basic !", "Basic YQ==", basic("pässword:2"), basic(""), "Bearer", f"Digest {PASSWORD}"],
)
def test_anything_else_does_not(sent: str) -> None:
    client = TestClient(bot())
    headers = {"Authorization": sent.encode()} if sent else {}
    for path in ("/", "/v1/models", "/search", "/healthz/../", "//healthz", "/gradio_api/info"):
        assert client.get(f"http://testserver{path}", headers=headers).status_code == 401


def test_a_trusted_proxy_says_who_has_logged_in() -> None:
    app = bot(password="", user_header="X-Forwarded-User")
    named = {"X-Forwarded-User": "ada", "X-Forwarded-For": "192.0.2.7"}
    for address, headers, status in (
        ("10.1.2.3", named, 200),
        ("10.1.2.3", {"X-Forwarded-User": ""}, 401),
        ("10.1.2.3", {"Authorization": basic("")}, 401),
        ("192.0.2.7", named, 401),  # anybody can write the header
        ("192.0.2.7", {**named, "X-Forwarded-For": "10.1.2.3"}, 401),
    ):
        client = TestClient(app, client=(address, 1234))
        assert client.get("/search", headers=headers).status_code == status, (address, headers)


def test_passwords_cannot_be_tried_for_long() -> None:
    client = TestClient(bot(a_minute=3), client=("127.0.0.1", 1))
    tried = [client.get("/", headers={"Authorization": basic(str(n))}).status_code for n in range(5)]
    assert tried == [401, 401, 401, 429, 429]
    assert client.get("/", headers={"Authorization": basic(PASSWORD)}).status_code == 200
