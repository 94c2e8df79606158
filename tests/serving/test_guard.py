"""What stands before the bot: how often, how much, how slowly and from where people may ask."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI, Request
from hypothesis import given, strategies as st
from starlette.responses import Response
from starlette.testclient import TestClient

from serving.bot.guard import MOST_BYTES, Guard, Rates


def guarded(a_minute: int = 0) -> FastAPI:
    app = FastAPI()

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    async def anything(request: Request) -> Response:
        return Response(str(len(await request.body())))

    app.add_middleware(Guard, rates=Rates(a_minute), body_seconds=0.05)
    return app


@given(st.lists(st.integers(0, 100), max_size=60), st.integers(1, 20))
def test_nobody_asks_more_often_than_allowed(waits: list[int], a_minute: int) -> None:
    now = 0.0
    rates = Rates(a_minute, now=lambda: now)
    asked: list[float] = []
    for wait in waits:
        now += wait
        if rates.take("192.0.2.1"):
            asked.append(now)
        within = [at for at in asked if at > now - 60]
        assert len(within) <= 2 * a_minute, "what was saved up, and what came since"
    now += 61
    assert [rates.take("192.0.2.1") for _ in range(a_minute + 1)] == [True] * a_minute + [False]
    assert rates.take("192.0.2.2"), "each address by itself"


def test_questions_are_counted_by_address_and_files_of_the_page_are_not() -> None:
    app = guarded(a_minute=2)
    visitor, other, here = (TestClient(app, client=(one, 1)) for one in ("192.0.2.1", "192.0.2.2", "::1"))
    assert [visitor.get("/search").status_code for _ in range(3)] == [200, 200, 429]
    assert visitor.post("/v1/chat/completions").headers["retry-after"] == "60"
    assert visitor.get("/assets/index.js").status_code == 200
    assert other.get("/search").status_code == 200
    assert {here.get("/search").status_code for _ in range(9)} == {200}, "`clayloop search` is one of ours"


def test_a_request_has_a_size() -> None:
    client = TestClient(guarded())
    assert client.post("/", content=b"x" * 10).text == "10"
    assert client.post("/", content=b"x" * (MOST_BYTES + 1)).status_code == 413
    pieces = (b"x" * 1_000_000 for _ in range(9))  # nobody says how much is coming
    assert client.post("/", content=pieces).status_code == 413


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        if not sent:
            await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(message: object) -> None:
        assert isinstance(message, dict)
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "headers": [(b"content-length", b"10")],
        "client": ("192.0.2.1", 1),
        "server": ("testserver", 80),
        "scheme": "http",
    }
    asyncio.run(guarded()(scope, receive, send))  # type: ignore[arg-type]
    assert sent[0]["status"] == 408


def test_another_sites_page_neither_asks_nor_reads_nor_shows() -> None:
    client = TestClient(guarded())
    assert client.post("/feedback", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert client.post("/feedback", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200
    headers = client.get("/").headers
    assert "frame-ancestors 'self'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
