"""Repositories, from a server that stands in for GitHub's API."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from curation.documents.sources import fetching
from curation.documents.sources.files import SourceFile
from curation.documents.sources.kinds import open_source
from curation.errors import SourceError
from curation.settings import ChunkSettings, GitHubSettings
from tests.curation.documents.stand_ins import Reply, StandInGitHub

FILES = {
    "README.md": b"# Clay",
    "docs/a.md": b"# A\n\nWords.",
    "docs/sub/b.rst": b"B\n=\n\nWords.",
    "docs/logo.png": b"\x89PNG",
    "examples/x.md": b"# X",
    "src/clay.py": b"fire()",
}


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandInGitHub]:
    monkeypatch.setattr(fetching, "FIRST_WAIT", 0.01)
    stand_in = StandInGitHub()
    stand_in.commits["who/clay", "HEAD"] = dict(FILES)
    with stand_in.running():
        yield stand_in


def settings(github: StandInGitHub, token: str = "") -> ChunkSettings:
    return ChunkSettings(github=GitHubSettings(api_url=github.url, token=token))


def read(spec: str, github: StandInGitHub, downloads: Path) -> dict[str, str]:
    source = open_source(spec, settings(github), downloads)
    return {item.path: item.url for item in source.read() if isinstance(item, SourceFile)}


def test_the_readme_and_the_documentation_folder_are_read(github: StandInGitHub, tmp_path: Path) -> None:
    source = open_source("github:Who/Clay", settings(github), tmp_path)
    assert source.name == "github:who/clay"
    assert source.version == github.commit_of("who/clay", "HEAD")[:12]
    assert source.remark == ""
    files = {item.path: item for item in source.read() if isinstance(item, SourceFile)}
    assert list(files) == ["README.md", "docs/a.md", "docs/sub/b.rst"]
    assert files["docs/a.md"].url == f"{github.url}/who/clay/blob/HEAD/docs/a.md"
    assert source.text("src/clay.py") == "fire()"  # for pages that include it


def test_a_path_and_a_reference_are_taken_by_name(github: StandInGitHub, tmp_path: Path) -> None:
    github.commits["who/clay", "feature/x"] = {"examples/new.md": b"# New", "examples/run.sh": b"run"}
    assert read("github:who/clay/examples", github, tmp_path) == {
        "examples/x.md": f"{github.url}/who/clay/blob/HEAD/examples/x.md"
    }
    at = read("github:who/clay@feature%2Fx/examples", github, tmp_path)
    assert at == {"examples/new.md": f"{github.url}/who/clay/blob/feature%2Fx/examples/new.md"}
    with pytest.raises(SourceError, match="no documentation at none"):
        read("github:who/clay/none", github, tmp_path)


def test_without_a_documentation_folder_all_pages_are_read_and_it_says_so(
    github: StandInGitHub, tmp_path: Path
) -> None:
    github.commits["who/guide", "HEAD"] = {"README.md": b"# G", "one/a.md": b"# A", ".github/x.md": b"# X"}
    source = open_source("github:who/guide", settings(github), tmp_path)
    assert [item.path for item in source.read() if isinstance(item, SourceFile)] == ["README.md", "one/a.md"]
    assert "github:who/guide/PATH" in source.remark


def test_what_has_been_fetched_is_not_fetched_again(github: StandInGitHub, tmp_path: Path) -> None:
    read("github:who/clay", github, tmp_path)
    github.asked.clear()
    read("github:who/clay", github, tmp_path)
    assert github.paths == ["/repos/who/clay/commits/HEAD"]
    github.commits["who/clay", "HEAD"]["docs/a.md"] = b"# New"
    read("github:who/clay", github, tmp_path)
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1  # the older archive is gone


def test_a_busy_server_is_waited_for_as_long_as_it_asks(github: StandInGitHub, tmp_path: Path) -> None:
    tarball = f"/repos/who/clay/tarball/{github.commit_of('who/clay', 'HEAD')}"
    limit = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()))}
    github.queued["/repos/who/clay/commits/HEAD"] = [Reply(status=429, headers={"Retry-After": "0"})]
    github.queued[tarball] = [Reply(status=500), Reply(status=403, headers=limit)]
    assert len(read("github:who/clay", github, tmp_path)) == 3
    assert github.paths.count(tarball) == 3


def test_a_long_pause_is_named_instead(github: StandInGitHub, tmp_path: Path) -> None:
    limit = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 3000)}
    github.queued["/repos/who/clay/commits/HEAD"] = [Reply(status=403, headers=limit)]
    with pytest.raises(SourceError, match=r"answers 403 and asks to wait until \d\d:\d\d") as caught:
        read("github:who/clay", github, tmp_path)
    assert "github.token" in caught.value.hint
    github.queued["/repos/who/clay/commits/HEAD"] = [Reply(status=502)] * 9
    with pytest.raises(SourceError, match="keeps answering 502"):
        read("github:who/clay", github, tmp_path)


def test_the_token_goes_to_the_api_alone(tmp_path: Path) -> None:
    github, other = StandInGitHub("hunter2"), StandInGitHub()
    github.commits["who/clay", "HEAD"] = other.commits["who/clay", "HEAD"] = dict(FILES)
    with github.running(), other.running():
        commit = github.commit_of("who/clay", "HEAD")
        elsewhere = {"Location": f"{other.url}/archives/who/clay/{commit}"}
        github.queued[f"/repos/who/clay/tarball/{commit}"] = [Reply(status=302, headers=elsewhere)]
        with pytest.raises(SourceError, match="shows no repository") as missing:
            open_source("github:who/clay", settings(github), tmp_path)
        assert "github.token" in missing.value.hint
        with pytest.raises(SourceError, match="does not take the token"):
            open_source("github:who/clay", settings(github, "wrong"), tmp_path)
        open_source("github:who/clay", settings(github, "hunter2"), tmp_path)
        ((path, headers),) = other.asked
        assert path.startswith("/archives/")
        assert "authorization" not in headers


def test_what_is_not_there_is_named(github: StandInGitHub, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no repository who/none"):
        read("github:who/none", github, tmp_path)
    with pytest.raises(SourceError, match="branch, tag or commit v9"):
        read("github:who/clay@v9", github, tmp_path)
    for spec in ("github:who", "github:who/clay/../../x", "github:who/..", "github:w o/x", "github:"):
        with pytest.raises(SourceError, match="is not a repository"):
            read(spec, github, tmp_path)
    github.queued["/repos/who/clay/commits/HEAD"] = [Reply(b"../../evil")]
    with pytest.raises(SourceError, match="cannot be used"):
        read("github:who/clay", github, tmp_path)


def test_a_damaged_archive_is_not_met_again(github: StandInGitHub, tmp_path: Path) -> None:
    commit = github.commit_of("who/clay", "HEAD")
    github.queued[f"/archives/who/clay/{commit}"] = [Reply(b"not an archive")]
    with pytest.raises(SourceError, match="not a readable archive"):
        read("github:who/clay", github, tmp_path)
    assert len(read("github:who/clay", github, tmp_path)) == 3
