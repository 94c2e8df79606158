"""``url:ADDRESS``: a page, or all pages of a sitemap. Only that host, and as robots.txt allows."""

from __future__ import annotations

import ipaddress
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from curation.documents.links import Address, Links
from curation.documents.markup.page import NotIncludedError
from curation.documents.markup.web.decoding import decoded_html, why_no_page
from curation.documents.markup.web.reader import own_part
from curation.documents.sources.fetching import Answer, Fetcher, NotFetchedError
from curation.documents.sources.files import Skipped, SourceFile, read_bytes, too_large
from curation.documents.sources.site import MOST_SITEMAP_BYTES, Robots, Sitemap, sitemap_text
from curation.errors import SourceError
from curation.settings import ChunkSettings, WebSettings

MOST_BYTES = 500_000_000  # of a site, all pages together
_MOST_FAILURES = 3  # pages in a row
_CHARSET = re.compile(r"charset=[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_SUFFIXES = {"text/markdown": ".md", "application/pdf": ".pdf", "text/x-rst": ".rst"}
_PAGES = ("text/html", "application/xhtml+xml")


class WebKind:
    prefix = "url"
    form = "ADDRESS"

    def name(self, rest: str) -> str:
        return f"url:{_address(rest)}"

    def open(self, rest: str, settings: ChunkSettings, downloads: Path) -> WebSource:
        return WebSource(_address(rest), settings)


class WebSource:
    """The pages of a site, fetched while they are read."""

    version = ""

    def __init__(self, url: str, settings: ChunkSettings) -> None:
        self.links = Links()
        self.name = f"url:{url}"
        self.remark = ""
        self._web: WebSettings = settings.web
        self._max_bytes = settings.max_file_bytes
        self._host = _host(url)
        self._was_private = _is_private(self._host)
        self._end = time.monotonic() + self._web.max_seconds
        self._first: Answer | None = None
        with Fetcher(self._leads_away, end=self._end) as fetcher:
            try:
                self._robots = Robots.fetch(fetcher, url)
                self._pages = self._find(fetcher, url)
            except NotFetchedError as error:
                raise _failed(url, str(error)) from error

    def __len__(self) -> int:
        return len(self._pages)

    def text(self, path: str) -> str:
        raise NotIncludedError("pages of a site include no files")

    def read(self) -> Iterator[SourceFile | Skipped | None]:
        held = failures = 0
        delay = max(self._web.delay, self._robots.delay)
        with Fetcher(self._refusal, end=self._end) as fetcher:
            for number, url in enumerate(self._pages):
                if time.monotonic() + delay > self._end:
                    raise SourceError(
                        f"Reading {self.name} takes longer than {self._web.max_seconds:,.0f} s: "
                        f"{number:,} of {len(self._pages):,} pages were read, and nothing is kept.",
                        "Raise curation.documents.web.max_seconds, or read less (web.max_pages).",
                    )
                try:
                    answer = self._first or self._page(fetcher, url, delay if number else 0.0)
                    failures = 0
                except NotFetchedError as error:
                    failures = failures + 1 if error.temporary else 0
                    if failures >= _MOST_FAILURES or (error.temporary and len(self._pages) == 1):
                        raise _failed(url, str(error)) from error
                    yield Skipped(path=_path(url), reason=str(error))
                    continue
                held += len(answer.data)
                if held > MOST_BYTES:
                    raise SourceError(
                        f"{self.name} holds more than {MOST_BYTES:,} bytes; nothing of it is kept.",
                        "Read less of it: curation.documents.web.max_pages.",
                    )
                yield self._read(answer, _path(url))

    def _leads_away(self, url: str) -> str:
        """Why an address is not of this visit: it stays on the host where it began, and off private addresses
        where that is a public one."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"}:
            return f"an address that is not of the web ({parts.scheme}:)"
        if _host(url) != self._host:
            return f"on another host ({parts.netloc.rpartition('@')[2]}), which is a source of its own"
        if not self._was_private and _is_private(self._host):
            return f"{self._host[0]} leads to a private address now"
        return ""

    def _refusal(self, url: str) -> str:
        return self._leads_away(url) or ("" if self._robots.allow(url) else "robots.txt forbids it")

    def _find(self, fetcher: Fetcher, url: str) -> list[str]:
        if not self._robots.allow(url):
            raise SourceError(f"robots.txt of {urlsplit(url).netloc} forbids to read {url}.")
        answer = fetcher.get(url, max(self._max_bytes, MOST_SITEMAP_BYTES))
        if answer.status != 200:
            raise SourceError(
                f"There is nothing to read at {url}: the server answers {answer.status}.",
                "Check the address.",
            )
        text = sitemap_text(answer)
        if not text:
            self._first = answer
            if self._robots.sitemaps:
                self.remark = (
                    f"{self.name} is one page. Its site has a sitemap: url:{self._robots.sitemaps[0]}"
                )
            return [url]
        found = Sitemap(self._web.max_pages)
        found.read(fetcher, self._robots, answer.url, text)
        if found.more:
            self.remark = (
                f"The sitemap of {self.name} names more than {self._web.max_pages:,} pages; the first were "
                "read (curation.documents.web.max_pages)."
            )
        return sorted(found.pages)

    def _page(self, fetcher: Fetcher, url: str, delay: float) -> Answer:
        if refusal := self._refusal(url):
            raise NotFetchedError(refusal)  # at once: what is not asked for needs no pause
        time.sleep(delay)
        answer = fetcher.get(url, self._max_bytes)
        if answer.status != 200:
            raise NotFetchedError(f"the server answers {answer.status}")
        return answer

    def _read(self, answer: Answer, path: str) -> SourceFile | Skipped | None:
        kind = answer.headers.get("content-type", "text/html").partition(";")[0].strip().lower()
        if len(answer.data) > self._max_bytes:
            return too_large(f"{path}.html", len(answer.data), self._max_bytes)
        if kind in _PAGES:
            told = _CHARSET.search(answer.headers.get("content-type", ""))
            text = decoded_html(answer.data, told[1] if told else "")
            reason = why_no_page(text, is_page=True)
            if reason:
                return Skipped(path=path, reason=reason)
            return SourceFile(path, answer.url, "html", own_part(text), "given")
        suffix = _SUFFIXES.get(kind, "")
        named = path if kind == "text/plain" or path.endswith(suffix or "\0") else path + suffix
        is_text = suffix or kind == "text/plain"
        read = read_bytes(named, Address(answer.url), answer.data) if is_text else None
        return read or Skipped(path=path, reason=f"{kind}, which is not read")


def _address(rest: str) -> str:
    """The address of a page, complete and without a fragment. Raises SourceError."""
    rest = rest.strip()
    full = rest if "://" in rest else f"https://{rest}"
    try:
        parts = urlsplit(full)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        parts, host, port = urlsplit(""), "", None
    if parts.scheme not in {"http", "https"} or not host or re.search(r"[\s<>\"\\^`{|}\x00-\x1f]", full):
        raise SourceError(
            f"url:{rest} is not an address of the web.",
            "For example url:https://docs.example.org/sitemap.xml",
        )
    if "@" in parts.netloc:
        raise SourceError("The address of a url: source holds a login.", "Only public pages are read.")
    shown = f"[{host}]" if ":" in host else host
    return urlunsplit(
        (parts.scheme, f"{shown}:{port}" if port else shown, parts.path or "/", parts.query, "")
    )


def _host(url: str) -> tuple[str, int]:
    """Host and port; http and https of one host are one place."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "", 0
    return (parts.hostname or "").lower().rstrip("."), port or (
        443 if parts.scheme in {"http", "https"} else 0
    )


def _is_private(place: tuple[str, int]) -> bool:
    """Whether a host is this machine or in a private network. What has no address here is not (a proxy may
    know it)."""
    try:
        found = socket.getaddrinfo(place[0], place[1], type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    return any(not ipaddress.ip_address(str(entry[4][0]).partition("%")[0]).is_global for entry in found)


def _path(url: str) -> str:
    parts = urlsplit(url)
    path = parts.path.strip("/") or "index"
    return f"{path}?{parts.query}" if parts.query else path


def _failed(url: str, reason: str) -> SourceError:
    return SourceError(f"{url} could not be read: {reason}.", "Nothing was changed. Try again later.")
