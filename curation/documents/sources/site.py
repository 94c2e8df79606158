"""What a web site says of itself: which pages it has (sitemaps), and which may be read (robots.txt)."""

from __future__ import annotations

import gzip
import html
import io
import re
import zlib
from urllib.parse import urljoin, urlsplit

from curation.documents.sources.fetching import AGENT, Answer, Fetcher, NotFetchedError
from curation.errors import SourceError

MOST_SITEMAPS = 50
MOST_SITEMAP_BYTES = 50_000_000  # as the protocol has it
_MOST_ROBOTS_BYTES = 500_000
_LONGEST_DELAY = 30.0
_ROOT = re.compile(r"<(?:\w+:)?(urlset|sitemapindex)[\s>]")
_PLACE = re.compile(r"<loc\s*>\s*(?:<!\[CDATA\[)?\s*([^<\s]{1,2048})\s*(?:\]\]>)?\s*</", re.ASCII)


class Robots:
    """The rules of a site's robots.txt for us. Without one everything may be read."""

    def __init__(self, text: str) -> None:
        from protego import Protego

        self._rules = Protego.parse(text)

    @classmethod
    def fetch(cls, fetcher: Fetcher, url: str) -> Robots:
        """The rules of the site that ``url`` belongs to. Raises NotFetchedError where they can't be told."""
        answer = fetcher.get(urljoin(url, "/robots.txt"), _MOST_ROBOTS_BYTES)
        return cls(answer.data.decode("utf-8", "replace") if answer.status == 200 else "")

    def allow(self, url: str) -> bool:
        return bool(self._rules.can_fetch(url, AGENT))

    @property
    def delay(self) -> float:
        return min(float(self._rules.crawl_delay(AGENT) or 0), _LONGEST_DELAY)

    @property
    def sitemaps(self) -> list[str]:
        return list(self._rules.sitemaps)


def sitemap_text(answer: Answer) -> str:
    """The XML of a sitemap; "" where what was sent is none."""
    data = answer.data
    if data.startswith(b"\x1f\x8b"):
        try:
            with gzip.open(io.BytesIO(data)) as packed:
                data = packed.read(MOST_SITEMAP_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise NotFetchedError("not a gzip file") from error
        if len(data) > MOST_SITEMAP_BYTES:
            raise NotFetchedError(f"larger than {MOST_SITEMAP_BYTES:,} bytes")
    text = data.decode("utf-8", "replace")
    return text if _ROOT.search(text[:5_000]) else ""


class Sitemap:
    """The pages that a sitemap names, each once, through the sitemaps that it names. ``pages`` are at most
    ``most``, and ``more`` tells that there are others."""

    def __init__(self, most: int) -> None:
        self.pages: list[str] = []
        self.more = False
        self._most = most
        self._seen: set[str] = set()

    def read(self, fetcher: Fetcher, robots: Robots, url: str, text: str) -> None:
        """Go through the sitemap ``text`` from ``url``. Raises NotFetchedError, SourceError."""
        waiting = [(url, text)]
        met = {url}
        while waiting and not self.more:
            here, text = waiting.pop(0)
            if not text:
                text = self._fetched(fetcher, robots, here)
            root = _ROOT.search(text[:5_000])
            places = [urljoin(here, html.unescape(place)) for place in _PLACE.findall(text)]
            if root and root[1] == "sitemapindex":
                new = [place for place in dict.fromkeys(places) if place not in met]
                if len(met) + len(new) > MOST_SITEMAPS:
                    raise SourceError(
                        f"{url} leads to more than {MOST_SITEMAPS} sitemaps.",
                        "Give one of those that it names, for example url:" + (new or places)[0],
                    )
                met.update(new)
                waiting += [(place, "") for place in new]
            else:
                self._add(places)

    def _fetched(self, fetcher: Fetcher, robots: Robots, url: str) -> str:
        if not robots.allow(url):
            raise NotFetchedError(f"robots.txt of {urlsplit(url).netloc} forbids {url}")
        answer = fetcher.get(url, MOST_SITEMAP_BYTES)
        if answer.status != 200:
            raise NotFetchedError(f"the sitemap {url} is not there (status {answer.status})")
        return sitemap_text(answer)

    def _add(self, places: list[str]) -> None:
        for place in places:
            page = place.partition("#")[0]
            if page in self._seen:
                continue
            if len(self.pages) >= self._most:
                self.more = True
                return
            self._seen.add(page)
            self.pages.append(page)
