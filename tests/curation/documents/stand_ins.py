"""Local servers that stand in for those that can't be had here: GitHub's API, and a web site."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote, urlsplit


@dataclass
class Reply:
    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    pause: float = 0.0  # before each byte


class StandInServer:
    """Answers GET and HEAD on loopback, and keeps what it was asked (with the headers)."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Mapping[str, str]]] = []
        self.queued: dict[str, list[Reply]] = {}  # answers that come first, once each
        self.url = ""

    def reply(self, path: str, headers: Mapping[str, str]) -> Reply:
        raise NotImplementedError

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]

    @contextmanager
    def running(self) -> Iterator[None]:
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                headers = {key.lower(): value for key, value in self.headers.items()}
                stand_in.asked.append((self.path, headers))
                first = stand_in.queued.get(self.path)
                reply = first.pop(0) if first else stand_in.reply(self.path, headers)
                self.send_response(reply.status)
                for key, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                    self.send_header(key, value)
                self.end_headers()
                if self.command == "HEAD":
                    return
                try:
                    if not reply.pause:
                        self.wfile.write(reply.body)
                        return
                    for byte in reply.body:
                        time.sleep(reply.pause)
                        self.wfile.write(bytes([byte]))
                        self.wfile.flush()
                except OSError:
                    pass  # who asked has gone

            do_HEAD = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


class StandInSite(StandInServer):
    """A web site: pages by path. What it has none of is 404."""

    def __init__(self) -> None:
        super().__init__()
        self.pages: dict[str, Reply] = {}

    def page(self, path: str, words: str) -> None:
        main = f"<main><h1>{path}</h1><p>{words}</p></main>"
        body = f"<html><head><title>T</title></head><body>{main}</body></html>"
        self.pages[path] = Reply(body.encode(), headers={"Content-Type": "text/html; charset=utf-8"})

    def sitemap(self, path: str, places: list[str], root: str = "urlset") -> None:
        full = [place if "://" in place else self.url + place for place in places]
        inner = "".join(f"<url><loc>{place}</loc></url>" for place in full)
        space = "http://www.sitemaps.org/schemas/sitemap/0.9"
        xml = f'<?xml version="1.0"?><{root} xmlns="{space}">{inner}</{root}>'
        self.pages[path] = Reply(xml.encode(), headers={"Content-Type": "application/xml"})

    def reply(self, path: str, headers: Mapping[str, str]) -> Reply:
        return self.pages.get(path, Reply(b"not here", 404))


class StandInGitHub(StandInServer):
    """The two calls of GitHub's API that are needed: a commit's id, and its tarball behind a redirect."""

    def __init__(self, token: str = "") -> None:
        super().__init__()
        self.token = token
        self.commits: dict[tuple[str, str], dict[str, bytes]] = {}  # (owner/repository, reference): files

    def commit_of(self, repository: str, reference: str) -> str:
        """As long as a commit's id, and another when a file is."""
        files = sorted(self.commits[repository, reference].items())
        return hashlib.sha256(repr(files).encode()).hexdigest()[:40]

    def reply(self, path: str, headers: Mapping[str, str]) -> Reply:
        parts = urlsplit(path).path.strip("/").split("/")
        if parts[0] == "archives":
            return Reply(self._tarball("/".join(parts[1:3]), parts[3]))
        if self.token and headers.get("authorization") != f"Bearer {self.token}":
            return Reply(b"{}", 401 if "authorization" in headers else 404)
        repository, call, reference = "/".join(parts[1:3]), parts[3], unquote(parts[4])
        if call == "commits" and (repository, reference) in self.commits:
            return Reply(self.commit_of(repository, reference).encode())
        if call == "tarball" and self._files(repository, reference):
            return Reply(status=302, headers={"Location": f"{self.url}/archives/{repository}/{reference}"})
        return Reply(json.dumps({"message": "Not Found"}).encode(), 404)

    def _files(self, repository: str, commit: str) -> dict[str, bytes]:
        for (name, reference), files in self.commits.items():
            if name == repository and self.commit_of(name, reference) == commit:
                return files
        return {}

    def _tarball(self, repository: str, commit: str) -> bytes:
        held = io.BytesIO()
        with tarfile.open(fileobj=held, mode="w:gz") as archive:
            for name, data in self._files(repository, commit).items():
                info = tarfile.TarInfo(f"{repository.replace('/', '-')}-{commit[:7]}/{name}")
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        return held.getvalue()
