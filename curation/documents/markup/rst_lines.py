"""A position in the lines of one reStructuredText container."""

from __future__ import annotations


class Lines:
    """Where the scanner stands: ``first`` is the file's line number of ``lines[0]``.

    ``prefix`` (a list marker, a label) waits for the next block; a ``tight`` block follows without a blank
    line.
    """

    def __init__(self, lines: list[str], first: int, depth: int, prefix: str, tight: bool) -> None:
        self.lines = lines
        self.first = first
        self.depth = depth
        self.prefix = prefix
        self.tight = tight
        self.in_list = False
        self.at = 0

    @property
    def number(self) -> int:
        return self.first + self.at

    def peek(self, ahead: int) -> str:
        at = self.at + ahead
        return self.lines[at] if at < len(self.lines) else ""

    def blank_after(self) -> bool:
        return not self.peek(1)

    def take_until_blank(self) -> tuple[int, list[str]]:
        start, begin = self.number, self.at
        while self.at < len(self.lines) and self.lines[self.at]:
            self.at += 1
        return start, self.lines[begin : self.at]

    def take_indented(self) -> tuple[int, list[str]]:
        """Lines that are indented or blank, without the blank ones at the end."""
        start, begin = self.number, self.at
        while self.at < len(self.lines) and (not self.lines[self.at] or self.lines[self.at][0] == " "):
            self.at += 1
        taken = self.lines[begin : self.at]
        while taken and not taken[-1]:
            taken.pop()
        return start, taken
