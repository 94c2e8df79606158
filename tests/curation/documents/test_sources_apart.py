"""Sources of all kinds side by side: what happens to one leaves the others alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from curation.documents.corpus import Corpus
from curation.documents.ingest import drop_source, ingest
from curation.documents.sources import fetching
from curation.documents.sources.kinds import downloads_of
from curation.errors import SourceError
from curation.home import Home
from curation.settings import ChunkSettings, GitHubSettings, HubSettings, WebSettings
from tests.curation.counting import CharacterCounter
from tests.curation.documents.stand_ins import Reply, StandInGitHub, StandInSite
from tests.stand_in_hub import StandInHub, StandInRepo


class World:
    """A folder, a package, and servers that stand in for GitHub, the Hub and a site."""

    def __init__(
        self, home: Home, root: Path, github: StandInGitHub, hub: StandInHub, site: StandInSite
    ) -> None:
        self.home = home
        self.github, self.site = github, site
        self.folder = root / "docs"
        self.folder.mkdir()
        (self.folder / "a.md").write_text("# A\n\nOf a folder.\n")
        self.package = root / "clayworks2.py"
        self.package.write_text('"""Of a package."""\ndef fire():\n    """Fire."""\n')
        self.github.commits["who/clay", "HEAD"] = {"docs/a.md": b"# A\n\nOf a repository.\n"}
        rows = {"a.jsonl": b'{"text": "Of a dataset.", "id": "1"}\n'}
        hub.repos["dataset", "who/rows"] = StandInRepo("dataset", False, files=rows)
        self.site.page("/a", "Of a site.")
        self.settings = ChunkSettings(
            github=GitHubSettings(api_url=self.github.url),
            web=WebSettings(delay=0),
            hub=HubSettings(endpoint=hub.url),
        )
        self.specs = [
            str(self.folder),
            "github:who/clay",
            "hub:who/rows",
            "python:clayworks2",
            f"url:{self.site.url}/a",
        ]

    def ingest(self, *specs: str) -> None:
        ingest(specs, self.home, self.settings, CharacterCounter())

    def texts(self) -> dict[str, set[str]]:
        """By source, the bodies of its chunks."""
        found: dict[str, set[str]] = {}
        for chunk in Corpus.load(self.home).stored_chunks:
            found.setdefault(chunk.source.partition(":")[0], set()).add(chunk.body)
        return found


@pytest.fixture
def world(home: Home, tmp_path: Path, hub: StandInHub, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(fetching, "FIRST_WAIT", 0.01)
    monkeypatch.syspath_prepend(tmp_path)
    github, site = StandInGitHub(), StandInSite()
    with github.running(), site.running():
        yield World(home, tmp_path, github, hub, site)


def test_adding_refreshing_and_dropping_one_leaves_the_others_alone(world: World) -> None:
    held: dict[str, set[str]] = {}
    for spec in world.specs:
        world.ingest(spec)
        now = world.texts()
        assert {kind: now[kind] for kind in held} == held
        assert len(now) == len(held) + 1
        held = now
    world.site.page("/a", "Of a new site.")
    world.github.commits["who/clay", "HEAD"]["docs/a.md"] = b"# A\n\nOf a new repository.\n"
    for kind, spec in (("url", world.specs[-1]), ("github", "github:who/clay")):
        world.ingest(spec)
        now = world.texts()
        assert now.pop(kind) != held.pop(kind)
        assert now.items() >= held.items()
    held = world.texts()
    kept = downloads_of("github:who/clay", world.home.downloads)
    assert kept.exists()
    for kind, spec in zip(("folder", "github", "hub", "python", "url"), world.specs, strict=True):
        drop_source(spec, world.home)
        del held[kind]
        assert world.texts() == held
    assert not kept.exists()


def test_one_that_fails_leaves_all_as_they_were(world: World) -> None:
    world.ingest(*world.specs)
    before = Corpus.load(world.home)
    stamp = world.home.documents.stat().st_mtime_ns
    (world.folder / "a.md").write_text("# A\n\nChanged.\n")
    world.site.pages["/a"] = Reply(status=500)
    with pytest.raises(SourceError, match="keeps answering 500"):
        world.ingest(*world.specs)
    assert world.home.documents.stat().st_mtime_ns == stamp
    assert Corpus.load(world.home).stored_chunks == before.stored_chunks


def test_nothing_changes_when_nothing_has(world: World) -> None:
    world.ingest(*world.specs)
    stamp = world.home.documents.stat().st_mtime_ns
    world.ingest(*world.specs)
    assert world.home.documents.stat().st_mtime_ns == stamp
