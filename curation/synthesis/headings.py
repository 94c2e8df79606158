"""Section headings as queries: whoever wrote them knew what the text is about, and they cost nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from curation.documents.release_notes import VERSION, is_release_note
from curation.records.chunk import Chunk
from curation.synthesis.cleaning import content_words, sameness, tidy, words
from curation.words import word_set

SHORT = 2
"""Headings of at most this many content words say too little alone: their parent is put in front."""
MAX_WORDS = 20
MIN_BODY_WORDS = 8

_GENERIC = word_set(
    """
    about abstract acknowledgements additional advanced also api appendix arguments attributes authors
    background backward-incompatible backwards basic basics bug bugs cases caveats changelog changes class
    classes code conclusion configuration contents contributors copyright credits defaults default
    deprecation deprecations description details documentation enum enums example examples exceptions faq
    features fixes functions further general glossary goals guide help history important improvements
    incompatible index info information installation install intro introduction licence license
    limitations links list main members method methods minor misc miscellaneous modules module more
    motivation new next note notes options other others output outputs overview parameters prerequisites
    properties questions quick quickstart raises read reading reference references related remarks
    removals requirements resources return returns see setup settings source steps submodules subpackages
    summary support syntax table tips todo topics tutorial types usage value values variables warning
    warnings what's works
    """
)
"""A heading made of nothing but these could stand in any documentation."""
_NUMBERING = re.compile(
    r"^(?:(?:chapter|section|part|step)\s+)?(?:\d+(?:\.\d+)*[.):]?|[A-Z]\.)\s+", re.IGNORECASE
)
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|:\w+(?::\w+)*:`([^`<]*?)(?:\s*<[^>]*>)?`")
_EMPHASIS = re.compile(r"\*+([^*\s][^*]*)\*+")
_SIGNATURE = re.compile(
    r"^(?:(?:async|class|classmethod|staticmethod|function|method|property|exception|module|def)\s+)*"
    r"([A-Za-z_][\w.]*)\s*\(.*\)$"
)


def heading_queries(chunks: Iterable[Chunk]) -> dict[str, list[str]]:
    """Chunk id to queries: for the first chunk of every section whose heading says something, in corpus
    order. A chunk in which short sections were put together has a query for each of them.

    A query belongs to one chunk. Where two documents have the same heading, the document's title is put in
    front; if they still are the same, none is used. Release notes are left out: their headings name features
    that are documented elsewhere.
    """
    candidates = [
        (chunk, query)
        for chunk, section in _section_starts(chunks)
        for query in (_query(chunk, section),)
        if query
    ]
    shared = _shared(candidates)
    told_apart = [
        (chunk, _with_title(chunk, query) if sameness(query) in shared else query)
        for chunk, query in candidates
    ]
    still_shared = _shared(told_apart)
    queries: dict[str, list[str]] = {}
    seen: set[str] = set()
    for chunk, query in told_apart:
        key = sameness(query)
        if key not in still_shared and key not in seen:
            seen.add(key)
            queries.setdefault(chunk.id, []).append(query)
    return queries


def clean_heading(heading: str) -> str:
    """The heading as a person would say it: no markup, numbering, argument list or trailing colon."""
    text = _LINK.sub(lambda found: found.group(1) or found.group(2) or "", heading)
    text = _EMPHASIS.sub(r"\1", text.replace("`", "").replace("\\", "").replace("¶", " "))
    text = tidy(text)
    text = _NUMBERING.sub("", text)
    signature = _SIGNATURE.match(text)
    if signature:
        text = signature.group(1)
    return text.strip(" :.#*-–—~")


def is_generic(heading: str) -> bool:
    """Whether a (clean) heading could stand in any documentation: "Introduction", "See also", "2.1.0"."""
    said = content_words(VERSION.sub(" ", heading).replace("’", "'"))
    return all(word in _GENERIC or not any(map(str.isalpha, word)) for word in said)


def _section_starts(chunks: Iterable[Chunk]) -> Iterator[tuple[Chunk, tuple[str, ...]]]:
    ordered = sorted(chunks, key=lambda chunk: (chunk.source, chunk.path, chunk.position))
    for _, document in groupby(ordered, key=lambda chunk: (chunk.source, chunk.path)):
        seen: set[tuple[str, ...]] = set()
        for chunk in document:
            merged = [(below, text) for below, text in chunk.merged if below]
            for below, text in [((), chunk.body), *merged]:
                section = (*chunk.section, *below)
                if section and section not in seen:
                    seen.add(section)
                    if len(words(text)) >= MIN_BODY_WORDS:
                        yield chunk, section


def _query(chunk: Chunk, section: tuple[str, ...]) -> str:
    if is_release_note(chunk.path, section):
        return ""
    *parents, heading = [clean_heading(part) for part in section]
    if is_generic(heading) or len(words(heading)) > MAX_WORDS:
        return ""
    if len(content_words(heading)) <= SHORT:
        parent = next((parent for parent in reversed(parents) if not is_generic(parent)), "")
        heading = _joined(parent, heading)
    return heading


def _with_title(chunk: Chunk, query: str) -> str:
    return _joined(clean_heading(chunk.section[0]), query)


def _joined(parent: str, heading: str) -> str:
    """``heading`` after ``parent``, unless that adds nothing."""
    if not parent or set(content_words(parent)) <= set(content_words(heading)):
        return heading
    return f"{parent}: {heading}"


def _shared(pairs: Sequence[tuple[Chunk, str]]) -> set[str]:
    """The queries (as `sameness`) that stand in more than one document."""
    places: dict[str, set[tuple[str, str]]] = {}
    for chunk, query in pairs:
        places.setdefault(sameness(query), set()).add((chunk.source, chunk.path))
    return {key for key, found in places.items() if len(found) > 1}
