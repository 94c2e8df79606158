"""Nobody without the password gets past the login."""

from __future__ import annotations

import base64

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from serving.bot.login import Login


@pytest.fixture
def client() -> TestClient:
    app = FastAPI()

    @app.get("/{path:path}")
    def anything(path: str) -> str:
        return path

    app.add_middleware(Login, password="pässword:1")
    return TestClient(app)


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"anybody:{password}".encode()).decode()


def test_the_password_opens_everything_for_browsers_and_for_clients(client: TestClient) -> None:
    for sent in (basic("pässword:1"), "bearer pässword:1".encode()):
        assert client.get("/v1/models", headers={"Authorization": sent}).status_code == 200
    refused = client.get("/")
    assert refused.status_code == 401 and refused.headers["www-authenticate"].startswith("Basic ")
    assert client.get("/healthz").status_code == 200, "for whatever watches over it"


@pytest.mark.parametrize(
    "sent",
    ["", "Basic", "Basic !", "Basic YQ==", basic("pässword:2"), basic(""), "Bearer", "Digest pässword:1"],
)
def test_anything_else_does_not(client: TestClient, sent: str) -> None:
    headers = {"Authorization": sent.encode()} if sent else {}
    for path in ("/", "/v1/models", "/search", "/healthz/../", "//healthz", "/gradio_api/info"):
        assert client.get(f"http://testserver{path}", headers=headers).status_code == 401
