"""Pages and sitemaps, from a local server that stands in for a web site."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from curation.documents.corpus import Corpus
from curation.documents.ingest import ingest
from curation.documents.sources import fetching, site as sites, web
from curation.documents.sources.files import Skipped, SourceFile
from curation.documents.sources.kinds import open_source
from curation.errors import SourceError
from curation.home import Home
from curation.settings import ChunkSettings, WebSettings
from tests.curation.counting import CharacterCounter
from tests.curation.documents.stand_ins import Reply, StandInSite

NOWHERE = Path("/nowhere")


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandInSite]:
    monkeypatch.setattr(fetching, "FIRST_WAIT", 0.01)
    stand_in = StandInSite()
    with stand_in.running():
        stand_in.page("/a", "Words of a.")
        stand_in.page("/b/", "Words of b.")
        stand_in.sitemap("/sitemap.xml", ["/a", "/b/"])
        yield stand_in


def settings(**limits: Any) -> ChunkSettings:
    return ChunkSettings(max_file_bytes=100_000, web=WebSettings(**{"delay": 0, **limits}))


def read(address: str, **limits: Any) -> tuple[dict[str, str], dict[str, str]]:
    """What became of an address: the URL of each page read, and why others were skipped."""
    items = list(open_source(f"url:{address}", settings(**limits), NOWHERE).read())
    pages = {item.path: item.url for item in items if isinstance(item, SourceFile)}
    return pages, {item.path: item.reason for item in items if isinstance(item, Skipped)}


def test_a_page(site: StandInSite) -> None:
    source = open_source(f"url:{site.url}/a#part", settings(), NOWHERE)
    assert source.name == f"url:{site.url}/a"
    (page,) = source.read()
    assert isinstance(page, SourceFile)
    assert (page.path, page.url, page.markup) == ("a", f"{site.url}/a", "html")
    assert "Words of a." in page.text
    assert site.paths == ["/robots.txt", "/a"]


def test_a_sitemap_and_the_sitemaps_in_it(site: StandInSite) -> None:
    both = {"a": f"{site.url}/a", "b": f"{site.url}/b/"}
    assert read(f"{site.url}/sitemap.xml") == (both, {})
    packed = gzip.compress(site.pages["/sitemap.xml"].body)
    site.pages["/packed.xml.gz"] = Reply(packed, headers={"Content-Type": "application/gzip"})
    site.sitemap("/index.xml", ["/packed.xml.gz", "/index.xml", "/other.xml"], "sitemapindex")
    site.sitemap("/other.xml", ["/a", "/index.xml"], "sitemapindex")
    site.pages["/a"].headers["X"] = "1"
    site.sitemap("/other.xml", ["/index.xml", "/packed.xml.gz"], "sitemapindex")
    assert read(f"{site.url}/index.xml") == (both, {})


def test_a_sitemap_that_never_ends_is_bounded(site: StandInSite, monkeypatch: pytest.MonkeyPatch) -> None:
    site.sitemap("/long.xml", [f"/{number}" for number in range(500)] + ["/a"])
    source = open_source(f"url:{site.url}/long.xml", settings(max_pages=7), NOWHERE)
    assert len(source) == 7
    assert "names more than 7 pages" in source.remark
    for number in range(200):
        site.sitemap(f"/s{number}.xml", [f"/s{number + 1}.xml"], "sitemapindex")
    with pytest.raises(SourceError, match=f"more than {sites.MOST_SITEMAPS} sitemaps"):
        read(f"{site.url}/s0.xml")
    monkeypatch.setattr(sites, "MOST_SITEMAP_BYTES", 10_000)
    monkeypatch.setattr(web, "MOST_SITEMAP_BYTES", 10_000)
    site.pages["/bomb.xml"] = Reply(gzip.compress(b"<urlset>" + b" " * 3_000_000))
    with pytest.raises(SourceError, match="larger than 10,000 bytes"):
        read(f"{site.url}/bomb.xml")


def test_robots_are_respected(site: StandInSite) -> None:
    site.pages["/robots.txt"] = Reply(
        b"User-agent: *\nDisallow: /b\nAllow: /\nSitemap: /sitemap.xml\nUser-agent: other\nDisallow: /"
    )
    site.pages["/to-b"] = Reply(status=302, headers={"Location": "/b/"})
    site.sitemap("/sitemap.xml", ["/a", "/b/", "/to-b"])
    forbidden = "robots.txt forbids it"
    assert read(f"{site.url}/sitemap.xml")[1] == {"b": forbidden, "to-b": forbidden}
    with pytest.raises(SourceError, match="forbids to read"):
        read(f"{site.url}/b/")
    assert "/b/" not in site.paths
    assert "/sitemap.xml" in open_source(f"url:{site.url}/a", settings(), NOWHERE).remark
    site.pages["/robots.txt"] = Reply(status=503)
    with pytest.raises(SourceError, match="keeps answering 503"):
        read(f"{site.url}/a")


def test_nothing_leads_to_another_host(site: StandInSite) -> None:
    other = StandInSite()
    with other.running():
        other.page("/secret", "secret")
        site.pages["/away"] = Reply(status=302, headers={"Location": f"{other.url}/secret"})
        site.pages["/home"] = Reply(status=301, headers={"Location": "/a"})
        site.pages["/round"] = Reply(status=302, headers={"Location": "/round"})
        site.pages["/file"] = Reply(status=302, headers={"Location": "file:///etc/passwd"})
        site.sitemap("/m.xml", ["/away", "/home", "/round", "/file", f"{other.url}/secret"])
        pages, skipped = read(f"{site.url}/m.xml")
        assert pages == {"home": f"{site.url}/a"}
        assert "on another host" in skipped["away"]
        assert "on another host" in skipped["secret"]
        assert "redirects" in skipped["round"]
        assert "not of the web" in skipped["file"]
        assert other.asked == []


def test_a_public_host_that_turns_private_is_left(monkeypatch: pytest.MonkeyPatch, site: StandInSite) -> None:
    answers = iter(["93.184.216.34"] + ["127.0.0.1"] * 20)

    def resolved(host: str, port: int, **_: object) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    monkeypatch.setattr("curation.documents.sources.web.socket.getaddrinfo", resolved)
    with pytest.raises(SourceError, match=r"docs\.example\.org leads to a private address"):
        read("http://docs.example.org:1/a")


def test_pages_that_fail_are_named_and_a_site_that_fails_stops_it(site: StandInSite) -> None:
    site.pages["/broken"] = Reply(status=500)
    site.pages["/huge"] = Reply(b"<html>" + b"x" * 200_000)
    site.pages["/picture"] = Reply(b"\x89PNG", headers={"Content-Type": "image/png"})
    site.pages["/notes"] = Reply(b"# Notes\n\nWords.", headers={"Content-Type": "text/markdown"})
    site.queued["/a"] = [Reply(status=429, headers={"Retry-After": "0"})]
    site.sitemap("/m.xml", ["/a", "/broken", "/gone", "/huge", "/picture", "/notes"])
    pages, skipped = read(f"{site.url}/m.xml")
    assert list(pages) == ["a", "notes.md"]
    assert "keeps answering 500" in skipped["broken"]
    assert skipped["gone"] == "the server answers 404"
    assert skipped["huge"] == "larger than 100,000 bytes"
    assert skipped["picture"] == "image/png, which is not read"
    for number in range(4):
        site.pages[f"/broken{number}"] = Reply(status=500)
    site.sitemap("/bad.xml", [f"/broken{number}" for number in range(4)])
    with pytest.raises(SourceError, match="keeps answering 500"):
        read(f"{site.url}/bad.xml")
    assert "/broken3" not in site.paths


def test_a_slow_server_is_not_waited_for(site: StandInSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "WHOLE_ANSWER", 0.3)
    site.pages["/slow"] = Reply(b"<html>" + b"x" * 1000, pause=0.05)
    with pytest.raises(SourceError, match="takes too long"):
        read(f"{site.url}/slow")
    monkeypatch.setattr(fetching, "WHOLE_ANSWER", 60.0)
    monkeypatch.setattr(fetching, "SILENCE", 0.1)
    site.pages["/silent"] = Reply(b"xx", pause=2.0)
    with pytest.raises(SourceError, match="does not answer within"):
        read(f"{site.url}/silent")


def test_what_fails_leaves_the_documents_as_they_were(home: Home, site: StandInSite) -> None:
    spec = f"url:{site.url}/sitemap.xml"
    report = ingest([spec], home, settings(), CharacterCounter())
    assert (report.documents, report.skipped) == (2, [])
    before = Corpus.load(home)
    site.page("/a", "Other words.")
    with pytest.raises(SourceError, match=r"takes longer than 60 s: 0 of 2 pages"):
        ingest([spec], home, settings(max_seconds=60, delay=90), CharacterCounter())
    site.pages["/robots.txt"] = Reply(status=500)
    with pytest.raises(SourceError, match="Nothing was changed"):
        ingest([spec], home, settings(), CharacterCounter())
    assert Corpus.load(home).documents == before.documents
    assert Corpus.load(home).stored_chunks == before.stored_chunks
    del site.pages["/robots.txt"]
    assert ingest([spec], home, settings(), CharacterCounter()).added == 1


@pytest.mark.parametrize(
    "address", ["", "ftp://x/y", "https://", "https://me:secret@x/", "a b", "http://x:y/"]
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(address)
    assert "secret" not in caught.value.message


def test_an_address_alone_is_told_how_it_is_written() -> None:
    with pytest.raises(SourceError) as caught:
        open_source("https://docs.example.org/a", settings(), NOWHERE)
    assert "url:https://docs.example.org/a" in caught.value.hint
