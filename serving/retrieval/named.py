"""Names in a question: of settings, classes, functions, options, versions. Who writes DOWNLOAD_DELAY means
that and not DOWNLOAD_TIMEOUT, which has nearly the same vector."""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import fmean

from curation import Chunk
from serving.retrieval.index import Hit

CANDIDATES = 100  # so many of the nearest chunks are looked at
# Measured: docs/measurements/2026-11-names.md.
# What a chunk gains whose heading is the name, in which it has a line of its own, or whose text has it.
_HEADED, _DEFINED, _WRITTEN = 0.4, 0.2, 0.1
_SHORT = 7  # words of a question up to which it is about the names in it; in a longer one they count less
_FEW = 3  # "The DOWNLOAD_DELAY setting" is a heading that is the name
_NAME = re.compile(
    r"`([^`\s]{2,})`"  # what stands as code
    r"|(?<![\w'])'([^'\s]{2,})'(?![\w'])"  # what messages quote: No module named 'yaml'
    r"|(?<![\w.-])("
    r"--[a-z][\w-]+"  # an option
    r"|[a-z]\w+(?:\.[a-z_]\w+)+"  # a dotted name
    r"|\w*[a-z]\w*_\w+|_\w+"  # with an underscore
    r"|(?<!/)\d+\.\d+(?:\.\d+)?(?!\.?\d)"  # a version; four numbers are an address
    r"|(?-i:[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]*)+|[a-z]+[A-Z]\w+)"  # with capitals inside
    r")(?!\w)",
    re.IGNORECASE,
)
_WORD = re.compile(r"[\w.-]+")
_CODE = re.compile(r"^(`{3,}).*?(?:^\1|\Z)", re.DOTALL | re.MULTILINE)


def names_in(question: str) -> list[str]:
    """The names in a question, each once, in lower case."""
    found = (code or quoted or name for code, quoted, name in _NAME.findall(question))
    return list(dict.fromkeys(filter(None, (name.rstrip("()").casefold() for name in found))))


def by_names(question: str, names: Sequence[str], hits: Sequence[Hit]) -> list[Hit]:
    """The first ``CANDIDATES`` of ``hits`` by their score and what those gain that have the ``names`` of the
    ``question``; what comes after them stays there."""
    hits, rest = hits[:CANDIDATES], hits[CANDIDATES:]
    share = min(1.0, _SHORT / max(1, len(question.split())))
    gains = [_gains(name, hits) for name in names]
    gained = [
        hit.model_copy(update={"score": hit.score + share * sum(of_name[place] for of_name in gains)})
        for place, hit in enumerate(hits)
    ]
    return [*sorted(gained, key=lambda hit: -hit.score), *rest]


def _gains(name: str, hits: Sequence[Hit]) -> list[float]:
    """What each of ``hits`` gains by a ``name``: less, the more of them have it."""
    pattern = re.compile(rf"(?<!\w)(?<!\d\.){re.escape(name)}(?!\w)", re.IGNORECASE)
    has = [bool(pattern.search(hit.chunk.text)) for hit in hits]
    rarity = (1 - fmean(has)) ** 2 if has else 0.0
    return [
        rarity * _gain(name, hit.chunk) if is_there else 0.0 for is_there, hit in zip(has, hits, strict=True)
    ]


def _gain(name: str, chunk: Chunk) -> float:
    headings = [*chunk.section[-1:], *(below[-1] for below, _ in chunk.merged if below)]
    if any(_is(line, name) for line in headings):
        return _HEADED
    return _DEFINED if any(_is(line, name) for line in _CODE.sub("", chunk.text).split("\n")) else _WRITTEN


def _is(line: str, name: str) -> bool:
    """Whether a line is a ``name``, that of something's member, or of a version a release, and says little
    else beside arguments."""
    words = _WORD.findall(line.split("(")[0].casefold())
    if len(words) > _FEW:
        return False
    if name[0].isdigit():
        return any(f"{word}.".startswith(f"{name}.") for word in words)
    return any(word == name or word.endswith(f".{name}") for word in words)
