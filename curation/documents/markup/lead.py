"""What goes before the next block: a list marker or a label, once, and the room that it takes after."""

from __future__ import annotations

from dataclasses import dataclass


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
