"""A TCP forwarder that can be switched off: what a client sees when the server behind it is restarted."""

from __future__ import annotations

import contextlib
import select
import socket
import threading


class Forwarder:
    """Forwards loopback connections to ``host``:``port``. While ``off``, connections are cut."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.off = threading.Event()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._forward, args=(connection,), daemon=True).start()

    def _forward(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            if self.off.is_set():
                return
            with socket.create_connection(self._target) as server:
                while not self.off.is_set():
                    for ready in select.select([client, server], [], [], 0.1)[0]:
                        data = ready.recv(65536)
                        if not data:
                            return
                        (server if ready is client else client).sendall(data)
