"""Where the pages of a source can be opened: on a site, or in a repository."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote, urlsplit

from curation.addresses import is_web_address

NO_PAGES = "file and line"
"""What stands for the addresses of pages that are published nowhere."""
_NUMBER_BEFORE = re.compile(r"^\d+\s*[-_.]+\s*(?=[^\d\s])")
_REPOSITORY = ("source", "sourcecode", "repository", "code", "github", "gitlab", "homepage")
_DOCUMENTATION = ("documentation", "docs", "homepage")
# GitHub shows these as pages, with an anchor for each heading; of others it shows the lines.
_SHOWN_AS_PAGES = (".md", ".markdown", ".rst")


@dataclass(frozen=True)
class Address:
    """Where one page can be opened, and which of curation.documents.anchors.STYLES its anchors have."""

    url: str = ""
    anchors: str = "none"


@dataclass(frozen=True)
class Site:
    """The published pages of a source.

    ``template`` is the address of a page: ``{path}`` stands for its path without extension, ``{file}`` for
    the one with it. Without anything behind ``{path}``, or with a slash, pages are folders:
    ``guide/index`` is ``guide/``. Paths count from the folder ``root`` of the source; pages outside have no
    address here. ``below`` goes before them, where the source is a part of the site.
    """

    template: str
    anchors: str
    root: str = ""
    below: str = ""

    def address(self, path: str) -> Address | None:
        """None for a page that is not on the site."""
        if self.root and not path.startswith(f"{self.root}/"):
            return None
        inner = self.below + path[len(self.root) + 1 if self.root else 0 :]
        if "{file}" in self.template:
            return Address(self.template.replace("{file}", quote(inner)), self.anchors)
        name = str(PurePosixPath(inner).with_suffix(""))
        if self.anchors == "docusaurus":
            name = _unnumbered(name)
        parts = name.split("/")
        if parts[-1].lower() == "readme" and self.anchors != "sphinx":
            parts[-1] = "index"
        if self.template.endswith(("{path}", "{path}/")) and parts[-1].lower() == "index":
            base = self.template.partition("{path}")[0] + "".join(f"{quote(part)}/" for part in parts[:-1])
            return Address(base, self.anchors)
        return Address(self.template.replace("{path}", quote("/".join(parts))), self.anchors)


@dataclass(frozen=True)
class Repository:
    """A project's repository at a host that shows files: ``clone`` is its own address."""

    clone: str
    host: str
    reference: str = "HEAD"

    def address(self, path: str) -> Address | None:
        """The file at the host."""
        blob = f"{'-/' if self.host == 'gitlab' else ''}blob/{quote(self.reference, safe='')}"
        anchors = self.host if path.lower().endswith(_SHOWN_AS_PAGES) else "lines"
        return Address(f"{self.clone}/{blob}/{quote(path)}", "none" if path.endswith(".ipynb") else anchors)


@dataclass(frozen=True)
class Links:
    """The addresses of a source's pages: of ``places`` the first that has the page. ``origin`` says how they
    were found."""

    places: Sequence[Site | Repository] = ()
    origin: str = ""

    def __call__(self, path: str) -> Address:
        found = (place.address(path) for place in self.places)
        return next((address for address in found if address), Address())

    def __str__(self) -> str:
        first = self.places[0] if self.places else None
        if first is None:
            return NO_PAGES
        where = f"{first.template} ({first.anchors})" if isinstance(first, Site) else first.clone
        return f"{where}, {self.origin}" if self.origin else where


def labelled_urls(metadata: dict[str, list[str]]) -> dict[str, str]:
    """The addresses in a package's metadata, by their labels in small letters."""
    urls: dict[str, str] = {}
    for entry in metadata.get("project-url", []):
        label, _, url = entry.partition(",")
        urls[re.sub(r"[^a-z]", "", label.lower())] = url.strip()
    urls["homepage"] = urls.get("homepage") or (metadata.get("home-page") or [""])[0].strip()
    return urls


def repository_in(urls: dict[str, str]) -> Repository | None:
    """The repository on GitHub or GitLab that a package names."""
    found = (_repository(urls.get(label, "")) for label in _REPOSITORY)
    return next((one for one in found if one), None)


def documentation_in(urls: dict[str, str]) -> str:
    """The address of a package's documentation site; "" without any."""
    for label in _DOCUMENTATION:
        url = urls.get(label, "")
        if is_web_address(url) and not _repository(url):
            return url.partition("#")[0].partition("?")[0]
    return ""


def _repository(url: str) -> Repository | None:
    """None for other hosts."""
    if not is_web_address(url):
        return None
    parts = urlsplit(url)
    owner_and_name = PurePosixPath(parts.path).parts[1:3]
    host = (parts.hostname or "").removeprefix("www.")
    if len(owner_and_name) != 2 or host.split(".")[0] not in {"github", "gitlab"}:
        return None
    name = owner_and_name[1].removesuffix(".git")
    return Repository(f"https://{host}/{quote(owner_and_name[0])}/{quote(name)}", host.split(".")[0])


def _unnumbered(path: str) -> str:
    """Docusaurus takes numbers off names (``01-intro``), and a page with its folder's name is its index."""
    parts = [_NUMBER_BEFORE.sub("", part) for part in path.split("/")]
    if len(parts) > 1 and parts[-1].lower() == parts[-2].lower():
        parts[-1] = "index"
    return "/".join(parts)
