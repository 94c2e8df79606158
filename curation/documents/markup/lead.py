"""What goes before the next block: a list marker or a label, once, and the room that it takes after; and who
writes blocks behind it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from curation.documents.markup.blocks import Block, Kind, Outline, one_line


@dataclass
class Lead:
    """``first`` goes before the next block's first line, ``rest`` (spaces) before those that follow.

    ``tight``: the next block follows the one before without a blank line.
    """

    first: str = ""
    rest: str = ""
    tight: bool = False

    def take(self) -> tuple[str, bool]:
        """The words and the tightness for the next block. From then on only the room is left."""
        taken = self.first, self.tight
        self.first, self.tight = self.rest, False
        return taken

    @property
    def waits(self) -> bool:
        """Whether a marker or label has not been used yet."""
        return bool(self.first.strip())

    def item(self, marker: str, tight: bool) -> Lead:
        """The lead of a list item: what waits here, then its marker."""
        outer, own = self.take()
        return Lead(outer + marker, self.rest + " " * len(marker), tight or own)


class Writer:
    """Puts blocks of the line that is being read into an outline."""

    def __init__(self, outline: Outline, line: int = 1) -> None:
        self.outline = outline
        self.line = line

    def add(self, kind: Kind, text: str, lead: Lead) -> None:
        if not text.strip():
            return
        first, tight = lead.take()
        shown: Kind = "list" if kind == "prose" and (lead.rest or first[:1].isspace()) else kind
        self.outline.add(Block(shown, (first + text).rstrip(), self.line, tight=tight))

    def flush(self, lead: Lead) -> None:
        """Put a marker or label that waits on a line of its own."""
        if lead.waits:
            first, tight = lead.take()
            kind: Kind = "list" if lead.rest else "prose"
            self.outline.add(Block(kind, first.rstrip(), self.line, tight=tight))

    def above_list(self, lead: Lead) -> Lead:
        """A label stands above a list, a marker before its first item."""
        if lead.waits and not lead.rest:
            self.flush(lead)
            lead.tight = True
        return lead

    def in_cell(self, read: Callable[[], None]) -> str:
        """What ``read`` writes, on one line."""
        outer, self.outline = self.outline, Outline()
        try:
            read()
            blocks = [block.text for section in self.outline.sections for block in section.blocks]
            return one_line(" ".join(blocks))
        finally:
            self.outline = outer
