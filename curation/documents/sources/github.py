"""``github:OWNER/REPO[@REF][/PATH]``: a repository's documentation at a commit, by one archive.

A commit's archive stays in the source's folder of downloads: whatever else fails, it is not fetched again,
and a second ingest without a new commit asks GitHub for the commit only.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote, urlsplit

from curation.documents.links import Links, Repository
from curation.documents.sites import package_links
from curation.documents.sources.archives import read_archive
from curation.documents.sources.fetching import Fetcher, NotFetchedError
from curation.documents.sources.package import ArchiveSource
from curation.errors import SourceError
from curation.settings import ChunkSettings, GitHubSettings

MAX_ARCHIVE_BYTES = 1_000_000_000
_SPEC = re.compile(
    r"^(?P<owner>[A-Za-z0-9][A-Za-z0-9-]*)/(?P<repository>[\w.-]+?)(?:\.git)?"
    r"(?:@(?P<reference>[^/\s@]+))?(?:/(?P<path>.*))?$",
    re.ASCII,
)
_COMMIT = re.compile(r"^[0-9a-f]{40}(?:[0-9a-f]{24})?$")


@dataclass(frozen=True)
class _Wanted:
    owner: str
    repository: str
    reference: str
    path: str

    @property
    def name(self) -> str:
        return f"github:{self.owner}/{self.repository}" + (f"/{self.path}" if self.path else "")


class GitHubKind:
    prefix = "github"
    form = "OWNER/REPO[@REF][/PATH]"

    def name(self, rest: str) -> str:
        return _wanted(rest).name

    def open(self, rest: str, settings: ChunkSettings, downloads: Path) -> ArchiveSource:
        wanted = _wanted(rest)
        commit, archive = _archive(wanted, settings.github, downloads)
        try:
            return _source(wanted, commit, archive, settings)
        except SourceError:
            shutil.rmtree(downloads, ignore_errors=True)  # a damaged archive is not met again
            raise


def _wanted(rest: str) -> _Wanted:
    found = _SPEC.match(rest.strip())
    path = PurePosixPath((found["path"] or "").strip("/")) if found else PurePosixPath()
    if not found or ".." in path.parts or found["repository"] in {".", ".."}:
        raise SourceError(
            f"github:{rest} is not a repository.",
            "Write github:OWNER/REPO[@REF][/PATH], for example github:argilla-io/argilla@v2.8.0/argilla/docs "
            "(a slash in REF as %2F).",
        )
    shown = "" if path == PurePosixPath() else str(path)
    return _Wanted(
        found["owner"].lower(), found["repository"].lower(), unquote(found["reference"] or ""), shown
    )


def _source(wanted: _Wanted, commit: str, archive: Path, settings: ChunkSettings) -> ArchiveSource:
    page = f"{_web_address(settings.github)}/{wanted.owner}/{wanted.repository}"
    repository = Repository(page, "github", wanted.reference or "HEAD")

    def read(below: str | None) -> ArchiveSource:
        content = read_archive(archive, settings.max_file_bytes, below)
        source = ArchiveSource(wanted.name, commit[:12], content)
        site = package_links(source.look, {})
        source.links = Links([*site.places, repository], site.origin)
        return source

    if wanted.path:
        source = read(wanted.path)
        if not len(source):
            raise SourceError(
                f"There is no documentation at {wanted.path} in {wanted.owner}/{wanted.repository}.",
                "Check the path in the repository, or leave it out.",
            )
        return source
    source = read(None)
    if source.is_readme_only:
        source = read("")
        source.remark = (
            f"{wanted.name} has no documentation folder: the pages of the whole repository were read. "
            f"Name a folder to read less: {wanted.name}/PATH"
        )
    return source


def _archive(wanted: _Wanted, settings: GitHubSettings, downloads: Path) -> tuple[str, Path]:
    """The commit that is wanted, and its archive. Raises SourceError."""
    token = settings.token.get_secret_value()
    secret = {"Authorization": f"Bearer {token}"} if token else {}
    base = f"{settings.api_url.rstrip('/')}/repos/{wanted.owner}/{wanted.repository}"
    reference = quote(wanted.reference or "HEAD", safe="")
    try:
        with Fetcher(secret=secret) as fetcher:
            accept = {"Accept": "application/vnd.github.sha"}
            answer = fetcher.get(f"{base}/commits/{reference}", 1_000_000, accept)
            commit = answer.data.decode("ascii", "replace").strip()
            if answer.status != 200 or not _COMMIT.match(commit):
                raise _refused(wanted, answer.status, bool(token))
            archive = downloads / f"{commit}.tar.gz"
            if not archive.exists():
                status = fetcher.save(f"{base}/tarball/{commit}", archive, MAX_ARCHIVE_BYTES).status
                if status != 200:
                    raise _refused(wanted, status, bool(token))
    except NotFetchedError as error:
        raise SourceError(
            f"{wanted.name} could not be fetched: {error}.",
            "Run it again later: what has been fetched is kept."
            if token
            else "Run it again later: what has been fetched is kept. With a token GitHub allows far more "
            "requests an hour (curation.documents.github.token).",
        ) from error
    for other in downloads.iterdir():
        if other != archive:
            other.unlink(missing_ok=True)
    return commit, archive


def _refused(wanted: _Wanted, status: int, has_token: bool) -> SourceError:
    if status == 401:
        return SourceError(
            "GitHub does not take the token that is set.",
            "Check curation.documents.github.token (CLAYLOOP_CURATION__DOCUMENTS__GITHUB__TOKEN).",
        )
    if status == 409:
        return SourceError(f"{wanted.owner}/{wanted.repository} is empty: it has no commit.")
    if status in {403, 404, 422}:
        at = f" with a branch, tag or commit {wanted.reference}" if wanted.reference else ""
        hint = (
            "Check the spelling, and that the token may read it."
            if has_token
            else "Check the spelling. A private one needs a token (curation.documents.github.token)."
        )
        return SourceError(f"GitHub shows no repository {wanted.owner}/{wanted.repository}{at}.", hint)
    return SourceError(
        f"GitHub's answer for {wanted.name} cannot be used (status {status}).",
        "Check curation.documents.github.api_url.",
    )


def _web_address(settings: GitHubSettings) -> str:
    """Where people open repositories, by the address of the API."""
    parts = urlsplit(settings.api_url)
    host = parts.netloc.rpartition("@")[2].removeprefix("api.")
    return f"{parts.scheme}://{host}"
