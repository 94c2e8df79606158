"""Guessing where a source is published, from what stands beside it: mkdocs.yml, docusaurus.config, conf.py.

Only what the tree says for certain is taken: a site's own address, or the one that the package names, if it
is more than a host (``https://docs.example.org`` may keep its pages below ``/en/latest/``), or on Read the
Docs, which leads ``/page/NAME`` to the version that it shows.
"""

from __future__ import annotations

import ast
import posixpath
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import yaml

from curation.addresses import is_web_address
from curation.documents.links import (
    Links,
    Repository,
    Site,
    documentation_in,
    labelled_urls,
    repository_in,
)

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# The text of a file by its path in the tree, or None.
Look = Callable[[str], str | None]

_FOLDERS = (
    "",
    "source",
    "src",
    "docs",
    "doc",
    "docs/source",
    "doc/source",
    "docs/src",
    "doc/build",
    "website",
)
_DOCUSAURUS = tuple(f"docusaurus.config.{suffix}" for suffix in ("ts", "js", "mjs", "cjs", "mts"))
_READ_THE_DOCS = (".readthedocs.yaml", ".readthedocs.yml", "readthedocs.yml")
_HOSTS = (".readthedocs.io", ".readthedocs.org", ".rtfd.io")
_ABOVE = 2  # folders above a source in which its site may be configured
_LONGEST = 200_000  # bytes of a file that is looked into


class _Loader(yaml.SafeLoader):
    """Takes ``!ENV``, ``!!python/name:…`` and the like for their text."""


def _tag_as_text(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> str:
    return suffix


_Loader.add_multi_constructor("", _tag_as_text)


def package_links(look: Look, metadata: dict[str, list[str]]) -> Links:
    """The addresses of a package's pages: on its site, those that are not there in its repository."""
    urls = labelled_urls(metadata)
    repository = repository_in(urls)
    site = guess_site(look, "", urls)
    places: list[Site | Repository] = [site[0]] if site else []
    places += [repository] if repository else []
    return Links(places, site[1] if site else "by PKG-INFO" if repository else "")


def folder_links(root: Path) -> Links:
    """The addresses of the pages in a folder, by what lies in it or above it in the same checkout."""
    top = root
    for _ in range(_ABOVE):
        if (top / ".git").exists() or top.parent in {top, Path.home()}:
            break
        top = top.parent

    def look(path: str) -> str | None:
        try:
            file = top / path
            if not file.is_file() or file.stat().st_size > _LONGEST:
                return None
            return file.read_text(encoding="utf-8")
        except (OSError, ValueError):
            return None

    source = root.relative_to(top).as_posix()
    site = guess_site(look, "" if source == "." else source, _urls_of_project(look, source))
    return Links([site[0]], site[1]) if site else Links()


def _urls_of_project(look: Look, source: str) -> dict[str, str]:
    """The addresses in the ``pyproject.toml`` that lies nearest above."""
    parts = [] if source == "." else source.split("/")
    for depth in range(len(parts), -1, -1):
        text = look("/".join([*parts[:depth], "pyproject.toml"]))
        if text is not None:
            try:
                urls = tomllib.loads(text).get("project", {}).get("urls", {})
                return labelled_urls({"project-url": [f"{label}, {url}" for label, url in urls.items()]})
            except (tomllib.TOMLDecodeError, AttributeError):
                return {}
    return {}


def guess_site(look: Look, source: str, urls: dict[str, str]) -> tuple[Site, str] | None:
    """The site of the documentation in the folder ``source`` of a tree, and the file that told it.

    ``look`` reads the tree's files; ``urls`` are those that the project's metadata name.
    """
    on_read_the_docs = any(look(name) is not None for name in _READ_THE_DOCS)
    base = _base(urls, on_read_the_docs)
    around = [source[:at] for at in range(len(source) + 1) if at == len(source) or source[at] == "/"]
    folders = [*(posixpath.join(source, one).rstrip("/") for one in _FOLDERS), *reversed(around), ""]
    for folder in dict.fromkeys(folders):
        for guess in (_mkdocs, _docusaurus, _sphinx):
            found = guess(look, folder, base)
            if found is not None:
                template, anchors, root, told_by = found
                placed = _placed(source, root)
                if placed is not None:
                    return Site(template, anchors, *placed), f"by {told_by}"
    return None


_Guess = tuple[str, str, str, str]


def _mkdocs(look: Look, folder: str, base: str) -> _Guess | None:
    name = posixpath.join(folder, "mkdocs.yml")
    text = look(name)
    config = _mapping(text) if text is not None else {}
    url = str(config.get("site_url") or "")
    if is_web_address(url):
        version = _mapping_in(config, "extra", "version")
        if version.get("provider") == "mike":  # a folder for each version
            default = version.get("default") or "latest"
            url = urljoin(_folder(url), str(default[0] if isinstance(default, list) else default))
    else:
        url = base
    if not config or not url:
        return None
    root = posixpath.normpath(posixpath.join(folder, str(config.get("docs_dir") or "docs")))
    end = "{path}/" if config.get("use_directory_urls", True) else "{path}.html"
    extensions = config.get("markdown_extensions")
    listed = extensions if isinstance(extensions, list) else ()
    slugs = [_mapping_in(one, "toc").get("slugify") for one in listed if isinstance(one, dict)]
    style = "pymdownx" if "pymdownx" in str(slugs) else "mkdocs"
    return _folder(url) + end, style, root, name


def _docusaurus(look: Look, folder: str, base: str) -> _Guess | None:
    for name in (posixpath.join(folder, one) for one in _DOCUSAURUS):
        text = look(name)
        if text is None:
            continue
        url = _script_value(text, "url")
        if not is_web_address(url):
            return None
        site = urljoin(_folder(url), _script_value(text, "baseUrl") or "/")
        route = (_script_value(text, "routeBasePath") or "docs").strip("/")
        versions = look(posixpath.join(folder, "versions.json")) is not None
        parts = [site.rstrip("/"), route, "next" if versions else "", "{path}"]
        return "/".join(filter(None, parts)), "docusaurus", posixpath.join(folder, "docs"), name
    return None


def _script_value(text: str, key: str) -> str:
    found = re.search(rf"(?m)^\s*{key}\s*:\s*([\"'`])([^\"'`$]*)\1", text)
    return found[2] if found else ""


def _sphinx(look: Look, folder: str, base: str) -> _Guess | None:
    name = posixpath.join(folder, "conf.py")
    text = look(name)
    if text is None:
        return None
    url = str(assigned(text, "html_baseurl") or "")
    url = url if is_web_address(url) else base
    if not url:
        return None
    settings = "".join(look(one) or "" for one in _READ_THE_DOCS)
    end = "{path}/" if re.search(r"builder:\s*[\"']?dirhtml", settings) else "{path}.html"
    return _folder(url) + end, "sphinx", folder, name


def assigned(script: str, name: str) -> Any:
    """The literal that a script assigns to ``name`` at its top; None where it does not. Nothing is run."""
    try:
        for statement in ast.parse(script).body:
            if isinstance(statement, ast.Assign) and any(
                isinstance(target, ast.Name) and target.id == name for target in statement.targets
            ):
                return ast.literal_eval(statement.value)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        pass
    return None


def _base(urls: dict[str, str], on_read_the_docs: bool) -> str:
    """The address below which the pages stand, if that is certain."""
    url = documentation_in(urls)
    parts = urlsplit(url)
    if not url or parts.path.strip("/"):
        return url
    if on_read_the_docs or (parts.hostname or "").endswith(_HOSTS):
        return urljoin(url, "/page/")
    return "" if repository_in(urls) else url


def _placed(source: str, root: str) -> tuple[str, str] | None:
    """How a site's folder ``root`` lies to the ``source``: below it, or above (then what goes before
    paths). None where it lies elsewhere."""
    if root in {"", "."}:
        return "", f"{source}/" if source else ""
    if not source or root.startswith(f"{source}/"):
        return root[len(source) + 1 if source else 0 :], ""
    if root == source:
        return "", ""
    return ("", f"{source[len(root) + 1 :]}/") if source.startswith(f"{root}/") else None


def _folder(url: str) -> str:
    """``url`` as the address of a folder."""
    url = re.sub(r"/[^/]+\.html?$", "/", url)
    return url if url.endswith("/") else f"{url}/"


def _mapping(text: str) -> dict[str, Any]:
    try:
        found = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, RecursionError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _mapping_in(config: dict[str, Any], *keys: str) -> dict[str, Any]:
    found: Any = config
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}
