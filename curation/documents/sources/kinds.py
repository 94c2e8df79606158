"""All kinds of sources, by their prefix. One more kind is one more file, and its line here."""

from __future__ import annotations

import re
from collections.abc import Collection
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from curation.documents.links import Links, Site
from curation.documents.sources.files import Kind, Source
from curation.documents.sources.folder import FolderKind
from curation.documents.sources.github import GitHubKind
from curation.documents.sources.hub import HubKind
from curation.documents.sources.package import PackageKind
from curation.documents.sources.python import PythonKind
from curation.documents.sources.web import WebKind
from curation.errors import SourceError
from curation.settings import ChunkSettings

FOLDER = FolderKind()
KINDS: dict[str, Kind] = {
    kind.prefix: kind for kind in (FOLDER, PackageKind(), GitHubKind(), WebKind(), PythonKind(), HubKind())
}
FORMS = "a folder, " + ", ".join(f"{kind.prefix}:{kind.form}" for kind in KINDS.values() if kind != FOLDER)

_SCHEME = re.compile(r"^(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):(?P<rest>.*)$", re.DOTALL)


def open_source(spec: str, settings: ChunkSettings, downloads: Path) -> Source:
    """The source that ``spec`` names: a folder's path, or a kind and what it calls for.

    What a source fetched it may keep in a folder of its own below ``downloads``. Raises SourceError naming
    what is wrong: no such folder, an unknown kind of source, nothing under that name, no network.
    """
    if not spec.strip():
        raise SourceError("An empty source was given.", f"A source is {FORMS}.")
    kind, rest = _kind_of(spec)
    if kind is None:
        raise SourceError(f"Unknown kind of source: {spec} ({rest}:)", _written_instead(spec, rest))
    source = kind.open(rest, settings, downloads_of(kind.name(rest), downloads))
    for named, pages in settings.pages.items():
        if source_name(named, {source.name}):
            site = Site(pages.url, pages.anchors, pages.root.strip("/"))
            source.links = Links([site], "by the settings")
    return source


def source_name(spec: str, known: Collection[str]) -> str | None:
    """Which of the ``known`` sources ``spec`` names, by source name, folder path (the folder may be gone)
    or as it was given to ``ingest``. None when it names none."""
    if not spec.strip():
        return None
    if spec in known:
        return spec
    kind, rest = _kind_of(spec)
    try:
        name = (kind or FOLDER).name(rest if kind else spec)
    except SourceError:
        return None
    return name if name in known else None


def downloads_of(name: str, downloads: Path) -> Path:
    """The folder of the source ``name`` below ``downloads``. It may be missing."""
    readable = quote(name, safe="")
    return downloads / (readable if len(readable) <= 100 else sha256(name.encode()).hexdigest())


def _kind_of(spec: str) -> tuple[Kind | None, str]:
    """A source's kind and the rest of its name; None and the prefix where no kind has that."""
    found = _SCHEME.match(spec.strip())
    if not found:
        return FOLDER, spec.strip()
    kind = KINDS.get(found["scheme"].lower())
    if kind is not None:
        return kind, found["rest"].strip()
    exists = Path(spec.strip()).expanduser().exists()
    return (FOLDER, spec.strip()) if exists else (None, found["scheme"])


def _written_instead(spec: str, scheme: str) -> str:
    if scheme.lower() in {"http", "https"}:
        return f"A page or a sitemap is url:{spec.strip()}"
    return f"A source is {FORMS}; download anything else and give its folder."
