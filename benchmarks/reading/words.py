"""Words of a page, ours beside those of what its project's own tools show."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from curation import ParsedDocument

_WORD = re.compile(r"\w+")


@dataclass
class Compared:
    """Words of theirs, how many of them we have, and how many we have that they have not."""

    theirs: int = 0
    kept: int = 0
    extra: int = 0
    pages: int = 0
    lost_words: Counter[str] = field(default_factory=Counter)
    extra_words: Counter[str] = field(default_factory=Counter)

    @property
    def share_kept(self) -> float:
        return self.kept / self.theirs

    @property
    def share_extra(self) -> float:
        return self.extra / self.theirs


def words(text: str) -> Counter[str]:
    return Counter(_WORD.findall(text.casefold()))


def words_read(document: ParsedDocument) -> Counter[str]:
    """Every heading once, and all blocks."""
    found: Counter[str] = Counter()
    before: tuple[str, ...] = ()
    for section in document.sections:
        if section.path != before and section.path:
            found += words(section.path[-1])
        before = section.path
        for block in section.blocks:
            found += words(block.text)
    return found


def compare(ours: Mapping[str, Counter[str]], theirs: Mapping[str, str]) -> Compared:
    """Page by page, over the pages that both have."""
    total = Compared()
    for path in sorted(ours.keys() & theirs.keys()):
        shown, read = words(theirs[path]), ours[path]
        lost, extra = shown - read, read - shown
        total.pages += 1
        total.theirs += shown.total()
        total.kept += shown.total() - lost.total()
        total.extra += extra.total()
        total.lost_words += lost
        total.extra_words += extra
    return total
