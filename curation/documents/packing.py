"""Packing the blocks of sections into texts that fit the embedding model.

A section's blocks are packed together up to the limit. A code block that fits is never split. A block that is
longer than a chunk is cut at the best place (curation.documents.splitting). Very short neighbouring sections
share a chunk under their common heading, because a heading and five words match everything and answer
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile

from curation.documents.markup.blocks import Block, Section
from curation.documents.splitting import (
    Measure,
    last_sentences,
    split_code,
    split_prose,
    split_tokens,
)
from curation.records.chunk import MERGED, SECTION_SEPARATOR

# Bodies of fewer tokens are joined with a neighbour under the same parent, if both fit. NDCG@10 of MiniLM
# with 0, 32 and 64: 0.680, 0.691, 0.692 (scrapy's FAQ), 0.729, 0.740, 0.758 (Django's).
TINY_TOKENS = 64
# The share of a chunk that its heading line may take.
HEADING_SHARE = 4


@dataclass(frozen=True)
class Cut:
    """A chunk's text: the headings above it, ``at`` which section (by number) and line it begins."""

    path: tuple[str, ...]
    text: str
    tokens: int
    at: int
    line: int


@dataclass(frozen=True)
class _Piece:
    """Text that stays together, from ``line`` on. A ``whole`` code block takes the heading's room too if it
    must. A piece that ``leads`` (a sentence that ends in a colon, a heading) belongs to what follows.
    ``again``: the end of the chunk before. ``bare``: a heading by itself."""

    text: str
    tokens: int
    line: int
    tight: bool = False
    whole: bool = False
    leads: bool = False
    again: bool = False
    bare: bool = False


@dataclass
class _Group:
    """The pieces of one chunk-to-be, which begins in section ``at``. The last stand under ``last``."""

    path: tuple[str, ...]
    at: int
    line: int
    pieces: list[_Piece] = field(default_factory=list)
    last: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.last = self.last or self.path

    @property
    def body(self) -> str:
        parts: list[str] = []
        for piece in self.pieces:
            parts.append(("\n" if piece.tight else "\n\n") if parts else "")
            parts.append(piece.text)
        return "".join(parts)

    @property
    def is_bare(self) -> bool:
        return all(piece.bare for piece in self.pieces)


class Packing:
    """Chunks of at most ``max_tokens`` that begin and end with sections, where those are not tiny.

    Where a section takes several chunks, each begins with the last sentences of the one before, of at most
    ``overlap`` tokens.
    """

    def __init__(self, measure: Measure, max_tokens: int, overlap: int = 0) -> None:
        self.measure = measure
        self.max_tokens = max_tokens
        self.overlap = overlap
        self.room = max(max_tokens - measure.special, 1)

    def cut(self, sections: Sequence[Section]) -> list[Cut]:
        """The text of every chunk, in order."""
        groups: list[_Group] = []
        for number, section in enumerate(sections):
            following = sections[number + 1].path if number + 1 < len(sections) else ()
            groups.extend(self._pack(section, number, following))
        return [cut for group in self._settled(self._merge(groups)) for cut in self._finish(group)]

    # Packing

    def _pack(self, section: Section, number: int, following: tuple[str, ...]) -> list[_Group]:
        path = section.path
        if not section.blocks:
            if len(following) > len(path) and following[: len(path)] == path:
                return []  # its heading is in the paths of the sections below it
            bare = _Piece(path[-1], self.measure(path[-1]), section.line, bare=True)
            return [_Group(path[:-1], number, section.line, [bare])]
        limit = self._body_limit(path)
        groups: list[_Group] = []
        for piece in self._pieces(section.blocks, limit):
            if (
                not groups
                or piece.whole
                or self._total(groups[-1].pieces) + piece.tokens + self.measure.joint > limit
            ):
                carried = self._carried(groups, piece, limit)
                line = (carried or [piece])[0].line if groups else section.line
                groups.append(_Group(path, number, line, carried))
            groups[-1].pieces.append(piece)
        return groups

    def _carried(self, groups: list[_Group], piece: _Piece, limit: int) -> list[_Piece]:
        """What comes before ``piece`` in a new chunk, if it fits: the sentences that introduce it, taken
        from the end of the chunk before, or the last sentences of that, once more."""
        if not groups or piece.whole:
            return []
        before, carried = groups[-1].pieces, list[_Piece]()
        room = limit - piece.tokens - self.measure.joint
        while len(before) > 1 and before[-1].leads and before[-1].tokens <= room:
            room -= before[-1].tokens + self.measure.joint
            carried.insert(0, before.pop())
        if carried:
            return carried
        last = before[-1]
        if not self.overlap or last.whole or last.text.startswith("```"):
            return []
        text = last_sentences(last.text, min(self.overlap, room), self.measure)
        return [replace(last, text=text, tokens=self.measure(text), again=True)] if text else []

    def _pieces(self, blocks: Sequence[Block], limit: int) -> list[_Piece]:
        pieces: list[_Piece] = []
        for block in blocks:
            text = block.rendered
            tokens = self.measure(text)
            if tokens <= limit:
                leads = block.kind != "code" and text.endswith(":")
                pieces.append(_Piece(text, tokens, block.line, tight=block.tight, leads=leads))
            else:
                led = pieces[-1].tokens + self.measure.joint if pieces and pieces[-1].leads else 0
                pieces.extend(self._split(block, limit - led if led * 4 < limit else limit))
        return pieces

    def _split(self, block: Block, limit: int) -> list[_Piece]:
        if self.overlap and block.kind in {"prose", "list", "directive"}:
            limit = max(limit - self.overlap - self.measure.joint, limit // 2, 1)  # leave room for it
        if block.kind == "code":
            tokens = self.measure(block.rendered)
            if tokens <= self.room:
                return [_Piece(block.rendered, tokens, block.line, whole=True)]
            fence = self.measure(replace(block, text="").rendered) + 2 * self.measure.joint
            parts = split_code(block.text, max(limit - fence, 1), self.measure)
            texts = [replace(block, text=part).rendered for part in parts]
        elif block.kind == "table":
            texts = self._split_table(block, limit)
        else:
            texts = split_prose(block.text, limit, self.measure)
        return [_Piece(text, self.measure(text), block.line) for text in texts if text.strip()]

    def _split_table(self, block: Block, limit: int) -> list[str]:
        """Rows, with the table's header above each part where it takes less than half of the room."""
        head = self.measure(block.head) + self.measure.joint if block.head else 0
        rows = block.text[len(block.head) :].lstrip("\n") if head * 2 < limit else ""
        if not head or not rows:
            return split_prose(block.text, limit, self.measure)
        return [f"{block.head}\n{part}" for part in split_prose(rows, limit - head, self.measure)]

    # Tiny sections

    def _merge(self, groups: list[_Group]) -> list[_Group]:
        merged: list[_Group] = []
        for group in groups:
            joined = self._joined(merged[-1], group) if merged else None
            if joined is None:
                merged.append(group)
            else:
                merged[-1] = joined
        return merged

    def _joined(self, first: _Group, second: _Group) -> _Group | None:
        is_bare = first.is_bare or second.is_bare
        is_tiny = is_bare or min(self._total(first.pieces), self._total(second.pieces)) < TINY_TOKENS
        if not is_tiny or any(piece.whole for piece in [*first.pieces, *second.pieces]):
            return None
        common = _common(first.path, second.path)
        if not (common or is_bare):
            return None
        new = [piece for piece in second.pieces if not (piece.again and first.path == second.path)]
        if second.path != first.last:
            new = self._under(replace(second, pieces=new), common)
        pieces = [*self._under(first, common), *new]
        if self._total(pieces) > self._body_limit(common):
            return None
        return _Group(common, first.at, first.line, pieces, second.last)

    def _under(self, group: _Group, path: tuple[str, ...]) -> list[_Piece]:
        """The group's pieces as they stand under ``path``: below the rest of their own heading."""
        if group.path == path:
            return group.pieces
        heading = SECTION_SEPARATOR.join(group.path[len(path) :])
        mark = f"{MERGED}{heading}"
        return [_Piece(mark, self.measure(mark), group.line, leads=True, bare=True), *group.pieces]

    def _settled(self, groups: list[_Group]) -> list[_Group]:
        """No chunk of a heading alone, which would match everything and answer nothing: where the chunk
        before is full, its last piece goes with the heading; where it has only one, the heading is left out.
        """
        settled: list[_Group] = []
        for group in groups:
            if not group.is_bare:
                settled.append(group)
                continue
            before = settled[-1].pieces if settled else []
            at = len(before) - 1
            while at > 0 and (before[at].bare or before[at - 1].leads):
                at -= 1
            if at > 0:
                tail = replace(settled[-1], line=before[at].line, pieces=before[at:])
                joined = self._joined(tail, group)
                if joined is not None:
                    settled[-1] = replace(settled[-1], pieces=before[:at])
                    settled.append(joined)
        return settled

    # Text

    def _finish(self, group: _Group) -> list[Cut]:
        """The chunk's text; several when the tokenizer counts more for the whole than for its parts."""
        body = group.body.strip()
        heading = self._heading(group.path, self.room - self._total(group.pieces) - self.measure.joint)
        text = f"{heading}\n\n{body}" if heading else body
        tokens = self.measure.counter.count(text)
        if tokens <= self.max_tokens:
            return [Cut(group.path, text, tokens, group.at, group.line)]
        if heading and any(piece.whole for piece in group.pieces):
            tokens = self.measure.counter.count(body)
            if tokens <= self.max_tokens:
                return [Cut(group.path, body, tokens, group.at, group.line)]
        if len(group.pieces) > 1:
            middle = len(group.pieces) // 2
            while middle > 1 and group.pieces[middle - 1].leads:
                middle -= 1
            second = replace(group, line=group.pieces[middle].line, pieces=group.pieces[middle:])
            halves = replace(group, pieces=group.pieces[:middle]), second
            return [item for half in halves for item in self._finish(half)]
        limit = max(self._body_limit(group.path) - (tokens - self.max_tokens), 1)
        parts = split_tokens(body, min(limit, max(self.measure(body) // 2, 1)), self.measure)
        pieces = [_Piece(part, self.measure(part), group.line) for part in parts]
        return [item for piece in pieces for item in self._finish(replace(group, pieces=[piece]))]

    def _heading(self, path: tuple[str, ...], limit: int) -> str:
        """As much of the path as fits: whole sections from the innermost outwards, else its last words.

        What is left is always an end of the full heading: by that, Chunk.body tells it from the body.
        """
        limit = min(limit, self.room // HEADING_SHARE)
        for start in range(len(path)):
            heading = SECTION_SEPARATOR.join(path[start:])
            if self.measure(heading) <= limit:
                return heading
        words = path[-1].split(" ") if path else []
        for start in range(1, len(words)):
            heading = " ".join(words[start:])
            if self.measure(heading) <= limit:
                return heading
        return ""

    def _body_limit(self, path: tuple[str, ...]) -> int:
        heading = self._heading(path, self.room)
        return max(self.room - self.measure(heading) - self.measure.joint, 1) if heading else self.room

    def _total(self, pieces: Sequence[_Piece]) -> int:
        return sum(piece.tokens for piece in pieces) + self.measure.joint * max(len(pieces) - 1, 0)


def _common(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    same = takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False))
    return tuple(name for name, _ in same)
