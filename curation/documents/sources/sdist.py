"""Source distributions: found and downloaded with pip's configuration, never built or unpacked.

``pip download`` would run the build backend of a source distribution: foreign code, and minutes of build
dependencies. Here pip only tells its configuration, ``unearth`` (PDM's finder) asks the indexes, and the
archive is read as data.
"""

from __future__ import annotations

import ast
import hashlib
import logging
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from curation.errors import SourceError

if TYPE_CHECKING:
    from unearth import Link, Package, PackageFinder

log = logging.getLogger(__name__)

MAX_ARCHIVE_BYTES = 500_000_000
_ATTEMPTS = 3
_HASHES = ("sha512", "sha384", "sha256")


@dataclass
class PipConfiguration:
    """How pip on this machine is configured, by files and environment. Values may hold passwords: never
    log them."""

    index_url: str = ""
    extra_index_urls: list[str] = field(default_factory=list)
    find_links: list[str] = field(default_factory=list)
    trusted_hosts: list[str] = field(default_factory=list)
    no_index: bool = False
    certificates: str = ""
    client_certificate: str = ""
    proxy: str = ""
    timeout: float = 15.0

    @classmethod
    def read(cls) -> PipConfiguration:
        """Ask ``pip config list``. Raises SourceError where this Python has no pip."""
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"]
        try:
            answer = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        except subprocess.CalledProcessError as error:
            if "No module named pip" not in error.stderr:
                raise _no_configuration(error) from error
            raise SourceError(
                f"pip, which knows where packages come from, is not installed in {sys.prefix}.",
                f"Run: {sys.executable} -m ensurepip",
            ) from None
        except (OSError, subprocess.SubprocessError) as error:
            raise _no_configuration(error) from error
        return cls.parse(answer.stdout)

    @classmethod
    def parse(cls, listing: str) -> PipConfiguration:
        """Read the output of ``pip config list``. The environment overrules [download], which overrules
        [global]."""
        values: dict[str, str] = {}
        for section in ("global", "download", ":env:"):
            for line in listing.splitlines():
                key, separator, quoted = line.partition("=")
                if separator and key.startswith(f"{section}."):
                    values[key[len(section) + 1 :].replace("_", "-")] = _unquoted(quoted)
        timeout = values.get("timeout") or values.get("default-timeout") or ""
        return cls(
            index_url=values.get("index-url", "").strip(),
            extra_index_urls=values.get("extra-index-url", "").split(),
            find_links=values.get("find-links", "").split(),
            trusted_hosts=values.get("trusted-host", "").split(),
            no_index=values.get("no-index", "").strip().lower() in {"1", "true", "yes", "on"},
            certificates=values.get("cert", "").strip(),
            client_certificate=values.get("client-cert", "").strip(),
            proxy=values.get("proxy", "").strip(),
            timeout=float(timeout) if timeout.replace(".", "", 1).isdigit() else 15.0,
        )


def _no_configuration(error: Exception) -> SourceError:
    return SourceError(
        f"pip cannot be asked for its configuration: {type(error).__name__}",
        f"Check that `{sys.executable} -m pip config list` works.",
    )


@contextmanager
def download_sdist(name: str, version: str = "") -> Iterator[tuple[Path, str]]:
    """The archive of the newest stable (or the named) version of a package that has one, and that version.

    The file is gone when the context ends. Raises SourceError: no such package or version, no source
    distribution, no network, an archive that is too large or does not match its hash.
    """
    import httpx2
    from unearth import Link, PackageFinder

    # It warns of every index that lacks the package.
    logging.getLogger("unearth.collector").setLevel(logging.ERROR)
    configuration = PipConfiguration.read()
    refused: list[str] = []
    index_urls, find_links = _places(configuration)
    finder = PackageFinder(
        index_urls=index_urls, find_links=find_links, ignore_compatibility=True, no_binary=[":all:"]
    )
    indexes = [source["url"] for source in finder.sources if source["type"] == "index"]
    with (
        _client(configuration, indexes, refused) as client,
        TemporaryDirectory(prefix="clayloop-sdist-") as folder,
    ):
        finder._session = client
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                package = _find(finder, name, version, refused)
                assert isinstance(package.link, Link)  # noqa: S101  (a package from an index always has one)
                archive = Path(folder) / Path(package.link.filename).name
                _download(client, package.link, archive)
                break
            except httpx2.HTTPError as error:
                if attempt == _ATTEMPTS:
                    host = _host(error)
                    raise SourceError(
                        f"The package index{host} cannot be reached for {name}: {type(error).__name__}",
                        "Check the network and pip's configuration (`pip config list`).",
                    ) from error
        yield archive, package.version or ""


def _client(configuration: PipConfiguration, indexes: list[str], refused: list[str]) -> Any:
    """A client of unearth's that writes into ``refused`` which server would not tell something."""
    from unearth.auth import MultiDomainBasicAuth
    from unearth.fetchers.sync import PyPIClient

    def note(response: Any) -> None:
        if response.status_code in {401, 403, 407} or response.status_code >= 500:
            refused.append(f"{response.url.host} answered {response.status_code}")

    return PyPIClient(
        trusted_hosts=configuration.trusted_hosts,
        verify=_verification(configuration),
        timeout=configuration.timeout,
        follow_redirects=True,
        event_hooks={"response": [note]},
        auth=MultiDomainBasicAuth(prompting=False, index_urls=indexes),
        proxy=configuration.proxy or None,
    )


def _places(configuration: PipConfiguration) -> tuple[list[str], list[str]]:
    """Indexes and find-links as pip uses them: its default index unless another is set, then the extra."""
    from unearth import PackageFinder

    indexes: list[str] = []
    if not configuration.no_index:
        default = [source["url"] for source in PackageFinder().sources]  # unearth knows pip's default index
        indexes = [*([configuration.index_url] if configuration.index_url else default)]
        indexes += configuration.extra_index_urls
    links = [link for link in configuration.find_links if "://" in link or Path(link).exists()]
    if not indexes and not links:
        raise SourceError(
            "pip is configured with no-index and nowhere else to look (find-links).",
            "Change pip's configuration, or ingest the package's documentation from a folder.",
        )
    return indexes, links


def _find(finder: PackageFinder, name: str, version: str, refused: list[str]) -> Package:
    """The named version; without one the newest stable release that has a source distribution, and a
    pre-release only where there is no stable one, as pip does it."""
    wanted = f"{name}=={version}" if version else name
    best = finder.find_best_match(wanted, allow_prereleases=bool(version))
    if best.best is None and not version:
        best = finder.find_best_match(wanted, allow_prereleases=True)
    if best.best is not None:
        return best.best
    sdists = [package.version for package in best.candidates if package.version]
    if sdists:
        newest = ", ".join(dict.fromkeys(sdists[:5]))
        raise SourceError(
            f"{name} has no source distribution of version {version}.", f"The newest that have one: {newest}."
        )
    finder.no_binary = set()
    if finder.find_best_match(name, allow_yanked=True).candidates:
        raise SourceError(
            f"{name} is published without a source distribution, so there is no documentation to read.",
            "Clone its repository and ingest the documentation folder: clayloop ingest PATH/docs",
        )
    if refused:
        raise SourceError(
            f"The package index would not tell about {name}: {refused[0]}.",
            "Check pip's configuration and credentials (`pip config list`).",
        )
    raise SourceError(
        f"There is no package called {name} on the index that pip uses.",
        f"Check the spelling: pip index versions {name}",
    )


def _download(client: Any, link: Link, archive: Path) -> None:
    """Stream ``link`` to ``archive``, checking its size and the index's hash on the way."""
    expected = {kind: values for kind, values in (link.hash_option or {}).items() if kind in _HASHES}
    digests = {kind: hashlib.new(kind) for kind in expected}
    size = 0
    with client.stream("GET", link.normalized) as response, archive.open("wb") as file:
        if response.status_code >= 400:
            raise SourceError(
                f"{link.filename} cannot be downloaded: the index answered {response.status_code}."
            )
        for data in response.iter_bytes():
            size += len(data)
            if size > MAX_ARCHIVE_BYTES:
                raise SourceError(f"{link.filename} is larger than {MAX_ARCHIVE_BYTES:,} bytes.")
            file.write(data)
            for digest in digests.values():
                digest.update(data)
    for kind, digest in digests.items():
        if digest.hexdigest() not in expected[kind]:
            raise SourceError(
                f"{link.filename} was damaged on the way: its {kind} is not the index's.", "Try again."
            )
    log.info("fetched %s (%d bytes)", link.filename, size)


def _verification(configuration: PipConfiguration) -> ssl.SSLContext | bool:
    if not (configuration.certificates or configuration.client_certificate):
        return True
    try:
        context = ssl.create_default_context(cafile=configuration.certificates or None)
        if configuration.client_certificate:
            context.load_cert_chain(configuration.client_certificate)
    except (OSError, ssl.SSLError) as error:
        raise SourceError(
            f"The certificates that pip is configured with cannot be used: {error}", "See `pip config list`."
        ) from error
    return context


def _host(error: Exception) -> str:
    try:
        return f" at {error.request.url.host}"  # type: ignore[attr-defined]
    except (AttributeError, RuntimeError):
        return ""


def _unquoted(value: str) -> str:
    try:
        return str(ast.literal_eval(value.strip()))
    except (ValueError, SyntaxError):
        return value.strip().strip("'\"")
