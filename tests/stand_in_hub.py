"""A stand-in for the Hugging Face Hub, which cannot be reached from here: a real HTTP server that speaks as
much of its API as huggingface_hub uses to make, fill, list and read repositories.

It takes what comes with the token ``GOOD`` and shows private repositories to nobody else.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

GOOD = "hf_good"
_KINDS = {"models": "model", "datasets": "dataset", "spaces": "space"}
_LARGE = 1_000_000  # bytes from which a file is to come as LFS


@dataclass
class StandInRepo:
    """One repository: its files, and what was asked when it was made."""

    kind: str
    private: bool
    sdk: str | None = None
    licence: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    commits: int = 0

    @property
    def sha(self) -> str:
        return f"{self.commits:040x}"


@dataclass
class StandInHub:
    """Its address, and what it holds: kind and id → repository."""

    url: str = ""
    repos: dict[tuple[str, str], StandInRepo] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    refuses_commits: bool = False
    asked: list[str] = field(default_factory=list)  # the paths of what was read


@contextmanager
def running_stand_in_hub() -> Iterator[StandInHub]:
    hub = StandInHub()

    class Handler(_Handler):
        state = hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    state: StandInHub
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path).path.strip("/").split("/")
        if not self._may_write():
            self._say({"error": "Invalid username or password."}, 401)
        elif parts[:3] == ["api", "repos", "create"]:
            self._create(json.loads(body))
        elif parts[-3:] == ["lfs", "objects", "batch"]:
            self._batch(json.loads(body))
        elif parts[0] == "api" and "preupload" in parts:
            files = json.loads(body)["files"]
            modes = [
                {
                    "path": one["path"],
                    "uploadMode": "lfs" if one["size"] > _LARGE else "regular",
                    "shouldIgnore": False,
                }
                for one in files
            ]
            self._say({"files": modes})
        elif parts[0] == "api" and "commit" in parts:
            self._commit(self._repo_at(parts), body)
        else:
            self._say({"errors": [], "warnings": []})

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        name = self.path.rpartition("/")[2]
        is_whole = hashlib.sha256(body).hexdigest() == name
        if is_whole:
            self.state.blobs[name] = body
        self._say({}, 200 if is_whole else 400)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.state.asked.append(self.path)
        parts = [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]
        if parts[0] == "api":
            repo = self._repo_at(parts)
            if repo is None:
                self._say({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})
            elif "tree" in parts:
                self._say([_entry(name, data) for name, data in sorted(repo.files.items())])
            else:
                siblings = [
                    {"rfilename": name, "size": len(data)} for name, data in sorted(repo.files.items())
                ]
                about = {"id": "/".join(parts[2:4]), "sha": repo.sha, "private": repo.private}
                card = {"cardData": {"license": repo.licence}} if repo.licence else {}
                self._say({**about, **card, "siblings": siblings})
            return
        self._file(parts)

    def _create(self, asked: dict[str, Any]) -> None:
        name = f"{asked.get('organization') or 'me'}/{asked['name']}"
        kind = asked.get("type") or "model"
        is_new = (kind, name) not in self.state.repos
        private = asked.get("visibility") == "private" or bool(asked.get("private"))
        self.state.repos.setdefault((kind, name), StandInRepo(kind, private, asked.get("sdk")))
        prefix = "" if kind == "model" else f"{kind}s/"
        self._say({"url": f"{self.state.url}/{prefix}{name}", "name": name}, 200 if is_new else 409)

    def _batch(self, asked: dict[str, Any]) -> None:
        objects = [
            {**one, "actions": {"upload": {"href": f"{self.state.url}/blobs/{one['oid']}"}}}
            for one in asked["objects"]
        ]
        self._say({"transfer": "basic", "objects": objects})

    def _commit(self, repo: StandInRepo | None, body: bytes) -> None:
        if repo is None or self.state.refuses_commits:
            self._say({"error": "The commit is refused."}, 403 if repo else 404)
            return
        files = dict(repo.files)  # all of a commit or nothing
        for line in body.splitlines():
            one = json.loads(line)
            value = one["value"]
            if one["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif one["key"] == "lfsFile":
                files[value["path"]] = self.state.blobs[value["oid"]]
            elif one["key"] == "deletedFile":
                files.pop(value["path"], None)
        repo.files = files
        repo.commits += 1
        self._say({"commitUrl": f"{self.state.url}/x/y/commit/{repo.sha}", "commitOid": repo.sha})

    def _file(self, parts: list[str]) -> None:
        kind = "model"
        if parts[0] in ("datasets", "spaces"):
            kind, parts = _KINDS[parts[0]], parts[1:]
        repo = self.state.repos.get((kind, "/".join(parts[:2])))
        data = repo.files.get("/".join(parts[4:])) if repo and parts[2:3] == ["resolve"] else None
        if repo is None or data is None or (repo.private and not self._may_write()):
            code = "RepoNotFound" if repo is None else "EntryNotFound"
            self._say({"error": "not found"}, 404, {"X-Error-Code": code})
            return
        digest = hashlib.sha256(data).hexdigest()
        self._say(data, headers={"ETag": f'"{digest}"', "X-Repo-Commit": repo.sha})

    def _repo_at(self, parts: list[str]) -> StandInRepo | None:
        """The repository that an address of the API names, where whoever asks may see it."""
        found = self.state.repos.get((_KINDS.get(parts[1], ""), "/".join(parts[2:4])))
        return found if found is not None and (not found.private or self._may_write()) else None

    def _may_write(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {GOOD}"

    def _say(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, text in (headers or {}).items():
            self.send_header(name, text)
        self.send_header(
            "Content-Type", "application/octet-stream" if isinstance(value, bytes) else "application/json"
        )
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        pass


def _entry(name: str, data: bytes) -> dict[str, Any]:
    return {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha256(data).hexdigest()[:40]}
