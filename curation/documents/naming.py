"""What people write to name a place in the documentation: an address, a path or a heading.

The first of these that fits one page, or one section, decides:

1. an address: a document's own, with or without ``#anchor``; else one whose end is the end of a path
   (``https://docs.example.org/en/latest/guide/settings.html`` is ``docs/guide/settings.rst``). Of a site that
   no document names at least two parts must fit, and of another repository on the same host nothing does.
2. a path, or its end, with or without extension; ``#anchor`` may follow.
3. a path or an address, then a comma, a colon, ">" or "·", then a heading of that page.
4. a heading, or the end of a section's path (``Settings > Timeouts``).

The line of a passage as a record shows it (``2. docs/settings.rst · Settings > Timeouts · open``) is the
third, without its number and its end. An address may end a sentence. Case does not count. What fits several
pages, or none, names nothing, nor do two addresses: which one was meant is not guessed.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Sequence
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from curation.records.chunk import SECTION_SEPARATOR, Chunk
from curation.records.decision import BEST_SOURCE, NO_SOURCE, OTHER_SOURCE, Decision
from curation.records.identity import normalise

# Of these chunks, the place of the one that is nearest to the question.
Nearest = Callable[[str, Sequence[Chunk]], int]

_LONGEST = 500  # characters of an address, a path or a heading
_SHOWN = 80  # of them in a reason
_MOST_SHOWN = 3  # places in a reason
_EXTENSION = re.compile(r"\.(?:md|markdown|rst|txt|html?)$")
_INDEX = re.compile(r"(?:^|/)(?:index|readme)$")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_THEN_HEADING = re.compile(r"\s*[,:>·]\s+")
# Around the place in the line of a passage (curation.argilla.conversations).
_OF_A_PASSAGE = re.compile(r"^\d{1,2}\. +|(?: · “[^”]*”)?(?: · open)?$")

_QUOTED = re.compile(r"^[“„«‘](.*)[”“»’]$")
_TRAIL = re.compile(r"\s+[»›→]\s+")  # between headings, as sites show where a page lies
_MARKED = re.compile(r"#?:~:.*$")  # the words that a browser marks: #anchor:~:text=…
_BEHIND_A_NAME = re.compile(r"(?::\d+)?[.,;]*$")  # a line's number, the full stop of a sentence
_ADDRESS_AT_END = re.compile(
    r"(https?://[^\s<>()\[\]\"']+?)[>)\]\"'.,;]*$"
)  # of a sentence, [words](address)

_Page = tuple[str, str]  # source and path
_Section = tuple[str, ...]


class Named(NamedTuple):
    """The chunks of the page or section that was named, in their order; or why there are none."""

    chunks: tuple[Chunk, ...]
    problem: str = ""


def shown(written: str) -> str:
    """What somebody wrote, short and on one line, without tags and control characters: for a reason."""
    line = " ".join(_CONTROLS.sub(" ", written[:_LONGEST]).replace("<", "‹").replace(">", "›").split())
    return f"{line[: _SHOWN - 1]}…" if len(line) > _SHOWN else line


class Places:
    """Looks up what people write among ``chunks``."""

    def __init__(self, chunks: Iterable[Chunk]) -> None:
        self._pages: defaultdict[_Page, list[Chunk]] = defaultdict(list)
        for chunk in chunks:
            self._pages[chunk.source, chunk.path].append(chunk)
        self._paths: defaultdict[str, set[_Page]] = defaultdict(set)
        self._ends: defaultdict[str, set[_Page]] = defaultdict(set)
        self._addresses: defaultdict[str, set[_Page]] = defaultdict(set)
        self._headings: defaultdict[str, set[_Page]] = defaultdict(set)
        for page, found in self._pages.items():
            self._add(page, found)
        self._sites = {_site(address) for address in self._addresses}

    def find(self, written: str) -> Named:
        """The page or section that ``written`` names."""
        text = _QUOTED.sub(r"\1", " ".join(written.strip().strip("<>\"'`").split()))
        text = _MARKED.sub("", _TRAIL.sub(" > ", text))
        if not text or len(text) > _LONGEST:
            return Named((), f"{shown(written)!r} names no page and no heading")
        if text.count("://") > 1:
            return Named((), f"{shown(written)!r} names more than one place")
        most: set[_Page] = set()
        ends = _ADDRESS_AT_END.search(text)
        ways = (text, _OF_A_PASSAGE.sub("", text), _BEHIND_A_NAME.sub("", text), ends[1] if ends else text)
        for name in dict.fromkeys(ways):
            for look in (self._page, self._heading_of_page, self._heading):
                pages, chunks = look(name)
                if len(pages) == 1:
                    return Named(tuple(chunks))
                most = most or pages
        if not most:
            return Named((), f"nothing in the documentation is called {shown(written)!r}")
        paths = [path for _, path in sorted(most)]
        more = f" and {len(paths) - _MOST_SHOWN} more" if len(paths) > _MOST_SHOWN else ""
        among = ", ".join(map(shown, paths[:_MOST_SHOWN]))
        return Named((), f"{shown(written)!r} fits {len(paths)} pages: {among}{more}")

    def _add(self, page: _Page, chunks: Sequence[Chunk]) -> None:
        path = _bare(page[1])
        self._paths[page[1].casefold()].add(page)
        for name in {path, _INDEX.sub("", path)} - {""}:
            parts = name.split("/")
            for at in range(len(parts)):
                self._ends["/".join(parts[at:])].add(page)
        for chunk in chunks:
            if address := _address(chunk.url):
                self._addresses[address[0]].add(page)
            for section in _sections(chunk):
                for name in _names(section):
                    self._headings[name].add(page)

    def _page(self, text: str) -> tuple[set[_Page], list[Chunk]]:
        """By address or path."""
        name, _, anchor = text.partition("#")
        pages: set[_Page] = set()
        if address := _address(text):
            name, anchor = address
            pages = self._addresses.get(name, set())
            if len(pages) != 1:
                pages = self._by_end(name) or pages
        elif name.strip():
            path = unquote(name).strip().removeprefix("./").strip("/").casefold()
            pages = self._paths.get(path, set())
            if len(pages) != 1:
                pages = self._ends.get(_bare(path), set())
            host, _, rest = path.partition("/")
            if not pages and rest and "." in host and (found := _address(f"//{text}")):
                pages = self._by_end(found[0])  # an address without its https://
        return pages, self._chunks(pages, anchor=anchor)

    def _by_end(self, address: str) -> set[_Page]:
        """The pages whose path ends as the address does: the longest end that fits."""
        host, _, path = address.partition("/")
        is_known = _site(address) in self._sites
        if not is_known and any(site.partition("/")[0] == host for site in self._sites):
            return set()
        parts = [part for part in _INDEX.sub("", _bare(path)).split("/") if part]
        for at in range(len(parts)):
            if at == len(parts) - 1 and not is_known and (at or self._sites):
                break
            if found := self._ends.get("/".join(parts[at:])):
                return found
        return set()

    def _heading_of_page(self, text: str) -> tuple[set[_Page], list[Chunk]]:
        for between in _THEN_HEADING.finditer(text):
            heading = text[between.end() :]
            pages, _ = self._page(text[: between.start()])
            pages = {page for page in pages if self._chunks({page}, heading)}
            if pages:
                return pages, self._chunks(pages, heading)
        return set(), []

    def _heading(self, text: str) -> tuple[set[_Page], list[Chunk]]:
        pages = self._headings.get(_heading_name(text), set())
        return pages, self._chunks(pages, text)

    def _chunks(self, pages: set[_Page], heading: str = "", anchor: str = "") -> list[Chunk]:
        """Of a single page: the chunks below a heading, those below an anchor if there are any, or all."""
        if len(pages) != 1:
            return []
        chunks = self._pages[next(iter(pages))]
        if heading:
            name = _heading_name(heading)
            return [chunk for chunk in chunks if any(name in _names(one) for one in _sections(chunk))]
        wanted = _letters(unquote(anchor))
        if not wanted:
            return chunks
        own = [chunk for chunk in chunks if unquote(chunk.url.partition("#")[2]) == unquote(anchor)]
        below = [chunk for chunk in chunks if wanted in {_letters(one[-1]) for one in _sections(chunk)}]
        return own or below or chunks


def place_named_sources(
    decisions: Sequence[Decision],
    chunks: Sequence[Chunk],
    nearest: Nearest | None = None,
    usable: Container[str] | None = None,
) -> list[Decision]:
    """The decisions, those with a written place as far as it decides: with the chunk that it names, or with
    why it names none.

    A place names that chunk of its page or section which is nearest to the question, of those that are
    ``usable`` (all, without it) if there are any. Each annotator names one
    source, by number or else in writing, and the one that most named is it. *None* is no vote against what
    others wrote.
    """
    places: Places | None = None
    settled = []
    for decision in decisions:
        if any(vote.question == OTHER_SOURCE for vote in decision.votes):
            places = places or Places(chunks)
            decision = _placed(decision, places, nearest or nearest_by_words, usable)
        settled.append(decision)
    return settled


def nearest_by_words(question: str, chunks: Sequence[Chunk]) -> int:
    """The place of the chunk that shares most words with ``question``, rare ones counting more."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    if not re.search(r"\w", question):
        return 0
    vectorizer = TfidfVectorizer(token_pattern=r"\w+", sublinear_tf=True)  # noqa: S106
    vectors = vectorizer.fit_transform([question, *(chunk.text for chunk in chunks)])
    return int((vectors[1:] @ vectors[0].T).toarray().ravel().argmax())


def _placed(decision: Decision, places: Places, nearest: Nearest, usable: Container[str] | None) -> Decision:
    numbered = {
        vote.response_id: decision.numbered(vote.value)
        for vote in decision.votes
        if vote.question == BEST_SOURCE and vote.value != NO_SOURCE
    }
    found: Counter[str] = Counter(chunk_id for chunk_id in numbered.values() if chunk_id)
    astray: dict[str, str] = {}
    for vote in decision.votes:
        if vote.question != OTHER_SOURCE or vote.response_id in numbered:
            continue
        chunk_id = decision.numbered(normalise(vote.value))  # a number may be written there too
        if chunk_id is None:
            named = places.find(vote.value)
            among = [one for one in named.chunks if usable is None or one.id in usable] or named.chunks
            at = nearest(decision.question, among) if len(among) > 1 else 0
            chunk_id = among[at].id if among else f"? {normalise(vote.value)}"
            astray[chunk_id] = named.problem
        if chunk_id:
            found[chunk_id] += 1
    ranked = found.most_common(2)
    if len(ranked) == 2 and ranked[0][1] == ranked[1][1]:
        written = sorted({shown(vote.value) for vote in decision.votes if vote.question == OTHER_SOURCE})
        problem = f"annotators named different sources, and {', '.join(map(repr, written))}"
        return decision.model_copy(update={"place": "", "astray": problem})
    chunk_id = ranked[0][0] if ranked else ""
    problem = astray.get(chunk_id, "")
    return decision.model_copy(update={"place": "" if problem else chunk_id, "astray": problem})


def _address(url: str) -> tuple[str, str] | None:
    """Host and path of a web address, with nothing that may differ for one page; and its anchor."""
    if not re.match(r"(?:https?:)?//[^\s/]", url, re.IGNORECASE):
        return None
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        return None
    return f"{host}/{unquote(parts.path).strip('/')}".casefold(), parts.fragment


def _bare(path: str) -> str:
    """A path in lower case without its extension."""
    return _EXTENSION.sub("", path.strip("/").casefold())


def _site(address: str) -> str:
    """What the addresses of one documentation have in common: the host, and on GitHub and GitLab the
    project."""
    host, _, path = address.partition("/")
    is_forge = "github" in host or "gitlab" in host
    return "/".join((host, *path.split("/")[:2])) if is_forge else host


def _sections(chunk: Chunk) -> list[_Section]:
    """Those that a chunk lies in, and the short ones that were put together in it, each under its heading."""
    outer = [chunk.section[:length] for length in range(1, len(chunk.section) + 1)]
    return [*outer, *((*chunk.section, *headings) for headings, _ in chunk.merged if headings)]


def _names(section: _Section) -> set[str]:
    """What a section may be called: its heading, with any number of those above it."""
    return {_heading_name(SECTION_SEPARATOR.join(section[at:])) for at in range(len(section))}


def _heading_name(heading: str) -> str:
    return normalise(heading).strip("#¶ ")


def _letters(text: str) -> str:
    """What headings and their anchors have in common."""
    return re.sub(r"[\W_]+", "", text.casefold())
