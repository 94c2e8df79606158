"""An S3-compatible server (moto, which keeps everything in memory and honours If-Match and If-None-Match)
behind a proxy that can be silent, cut answers off, or answer 503."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

import pytest

BUCKET = "bot"
Fault = Literal["", "503", "cut", "lost", "silent"]


class ObjectStore:
    """``fault``: answers 503; cuts answers off in the middle; does what it is asked and loses the answer;
    says nothing. It concerns what comes after ``after`` requests, and lasts until it is changed."""

    def __init__(self) -> None:
        self.port = 0
        self.fault: Fault = ""
        self.only = ""  # the method that it concerns; empty: all
        self.after = 0
        self.requests = 0
        self.released = threading.Event()
        self.url = f"s3://{BUCKET}/releases"

    def empty(self) -> None:
        """Remove all that is there."""
        from obstore.store import from_url

        there = from_url(self.url, client_options={"allow_http": True})
        there.delete([one["path"] for page in there.list() for one in page])

    def fails(self, fault: Fault, only: str = "", after: int = 0) -> None:
        self.fault, self.only, self.after, self.requests = fault, only, after, 0


@contextmanager
def running_object_store(patch: pytest.MonkeyPatch, at: str = "127.0.0.1") -> Iterator[ObjectStore]:
    """One with an empty bucket, to which the environment leads."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    found = ObjectStore()
    proxy = ThreadingHTTPServer((at, 0), _handler(found, host, port))
    found.port = proxy.server_address[1]
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "some",
        "AWS_SECRET_ACCESS_KEY": "thing",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{found.port}",
    }.items():
        patch.setenv(name, value)
    to = http.client.HTTPConnection(host, port)
    to.request("PUT", f"/{BUCKET}", headers={"Authorization": "AWS4 Credential=some/20260101/us-east-1/s3/x"})
    assert to.getresponse().status == 200
    to.close()
    try:
        yield found
    finally:
        found.released.set()
        proxy.shutdown()
        proxy.server_close()
        server.stop()


def _handler(store: ObjectStore, host: str, port: int) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fault: Fault = ""
            if not store.only or store.only == self.command:
                store.requests += 1
                fault = store.fault if store.requests > store.after else ""
            if fault == "503":
                self._answer(503, b"<Error><Code>SlowDown</Code></Error>", {})
                return
            if fault == "silent":
                store.released.wait()
                self.close_connection = True
                return
            to = http.client.HTTPConnection(host, port)
            headers = {name: value for name, value in self.headers.items() if name != "Connection"}
            to.request(self.command, self.path, body, headers)
            found = to.getresponse()
            content = found.read()
            to.close()
            if fault == "lost" or (fault == "cut" and not content):
                self.close_connection = True
                return
            self._answer(found.status, content, dict(found.getheaders()), fault == "cut")

        def _answer(self, status: int, content: bytes, headers: dict[str, str], cut: bool = False) -> None:
            self.send_response_only(status)
            for name, value in headers.items():
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            length = (
                headers.get("Content-Length", str(len(content))) if self.command == "HEAD" else len(content)
            )
            self.send_header("Content-Length", str(length))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content[: len(content) // 2] if cut else content)
            if cut:
                self.close_connection = True

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass_on  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    return Handler
