"""A chat endpoint that does what a test tells it: mostly wrong, sometimes right, always at once."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = Callable[["FakeRequest"], None]


class FakeRequest(BaseHTTPRequestHandler):
    """One request; the replies below write to it."""

    server: FakeServer
    body: dict[str, Any]

    def log_message(self, format: str, *args: object) -> None:
        return

    def do_GET(self) -> None:
        self.body = {}
        if self.server.endpoint.list_reply:
            self.server.endpoint.list_reply(self)
        else:
            self.send(
                200,
                json.dumps({"object": "list", "data": [{"id": "fake-model", "object": "model"}]}).encode(),
            )

    def do_POST(self) -> None:
        self.body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.endpoint.requests.append(self.body)
        self.server.endpoint.reply(self)

    @property
    def prompt(self) -> str:
        """Everything that was said, the newest message last."""
        return "\n".join(str(message["content"]) for message in self.body["messages"])

    def send(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_events(self, lines: list[str]) -> None:
        """Server-sent events; the connection closes after the last."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for line in lines:
            self.wfile.write(f"data: {line}\n\n".encode())
            self.wfile.flush()


class FakeServer(ThreadingHTTPServer):
    daemon_threads = True
    endpoint: FakeEndpoint


@dataclass
class FakeEndpoint:
    """``reply`` answers chat completions and may be exchanged; ``requests`` are their bodies so far."""

    reply: Reply
    base_url: str = ""
    list_reply: Reply | None = None
    requests: list[dict[str, Any]] = field(default_factory=list)
    server: FakeServer | None = None

    def stop(self) -> None:
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None


@contextmanager
def fake_endpoint(reply: Reply) -> Iterator[FakeEndpoint]:
    server = FakeServer(("127.0.0.1", 0), FakeRequest)
    endpoint = FakeEndpoint(reply, f"http://127.0.0.1:{server.server_address[1]}/v1", server=server)
    server.endpoint = endpoint
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield endpoint
    finally:
        endpoint.stop()
        thread.join()


def says(answer: str | Callable[[str], str], after: float = 0.0) -> Reply:
    """A right answer: a text, or what a function makes of the prompt."""

    def reply(request: FakeRequest) -> None:
        time.sleep(after)
        text = answer if isinstance(answer, str) else answer(request.prompt)
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        usage = {"prompt_tokens": 10, "completion_tokens": 7, "total_tokens": 17}
        completion = {"id": "1", "object": "chat.completion", "created": 1, "model": "fake-model"}
        request.send(200, json.dumps({**completion, "choices": [choice], "usage": usage}).encode())

    return reply


def sends(status: int, body: str, kind: str = "application/json") -> Reply:
    """Any other body, right or wrong."""
    return lambda request: request.send(status, body.encode(), kind)


def streams(pieces: list[str], finish: str | None = "stop", more: tuple[str, ...] = ("[DONE]",)) -> Reply:
    """A stream of these pieces; without ``finish`` it breaks off."""

    def event(delta: dict[str, str], reason: str | None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return json.dumps(
            {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
        )

    events = [event({"content": piece}, None) for piece in pieces]
    last = [event({}, finish), *more] if finish else []
    return lambda request: request.send_events(events + last)


def hangs_up(request: FakeRequest) -> None:
    """Half a stream in chunked encoding, then the connection is gone."""
    request.send_response(200)
    request.send_header("Content-Type", "text/event-stream")
    request.send_header("Transfer-Encoding", "chunked")
    request.end_headers()
    data = (
        b'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m",'
        b'"choices":[{"index":0,"delta":{"content":"Half an"},"finish_reason":null}]}\n\n'
    )
    request.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
    request.wfile.flush()
    request.connection.close()


def waits(seconds: float) -> Reply:
    def reply(request: FakeRequest) -> None:
        time.sleep(seconds)
        request.close_connection = True

    return reply
