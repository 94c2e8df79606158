"""A webhook's other end: an HTTP server that notes what it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Delivery:
    """One request: its `webhook-id` and its body."""

    id: str
    event: str
    data: dict[str, Any]


@dataclass
class Listener:
    """What has arrived. `failing` makes it answer 500 for so many requests, noting them all the same."""

    url: str
    deliveries: list[Delivery] = field(default_factory=list)
    failing: int = 0


@contextmanager
def listening() -> Iterator[Listener]:
    """Listens on a free loopback port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            listener.deliveries.append(Delivery(self.headers["webhook-id"], body["type"], body["data"]))
            status = 500 if listener.failing > 0 else 200
            listener.failing -= 1
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener = Listener(f"http://127.0.0.1:{server.server_address[1]}/")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
