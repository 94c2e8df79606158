"""Links to the files of a package, from the addresses in its metadata."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote, urlsplit


@dataclass(frozen=True)
class Linker:
    """Gives the address of a file by its path: below ``base``, or ``base`` itself unless ``per_file``.

    ``clone`` is the repository's own address; empty where none is known.
    """

    base: str
    per_file: bool
    clone: str = ""

    def __call__(self, path: str) -> str:
        return f"{self.base}/{quote(path)}" if self.per_file else self.base


def linker_for(metadata: dict[str, list[str]]) -> Linker:
    """Links to a project's files: into its repository where it is known, else to its documentation."""
    urls: dict[str, str] = {}
    for entry in metadata.get("project-url", []):
        label, _, url = entry.partition(",")
        urls[re.sub(r"[^a-z]", "", label.lower())] = url.strip()
    urls["homepage"] = urls.get("homepage") or (metadata.get("home-page") or [""])[0].strip()
    for label in ("source", "sourcecode", "repository", "code", "github", "gitlab", "homepage"):
        repository = _repository(urls.get(label, ""))
        if repository:
            return Linker(repository, True, repository.split("/-/")[0].split("/blob/")[0])
    for label in ("documentation", "docs", "homepage"):
        if _is_web_address(urls.get(label, "")):
            return Linker(urls[label], False)
    return Linker("", False)


def _repository(url: str) -> str:
    """The address below which files of a GitHub or GitLab repository stand; empty for other hosts."""
    if not _is_web_address(url):
        return ""
    parts = urlsplit(url)
    owner_and_name = PurePosixPath(parts.path).parts[1:3]
    host = (parts.hostname or "").removeprefix("www.")
    if len(owner_and_name) != 2:
        return ""
    tree = {"github": "blob/HEAD", "gitlab": "-/blob/HEAD"}.get(host.split(".")[0])
    name = owner_and_name[1].removesuffix(".git")
    return f"https://{host}/{quote(owner_and_name[0])}/{quote(name)}/{tree}" if tree else ""


def _is_web_address(url: str) -> bool:
    return bool(re.fullmatch(r"https?://[^\s<>\"'`\\]+", url))
