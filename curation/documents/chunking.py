"""Cutting documents into chunks that follow the document's structure and fit the embedding model.

A section's blocks are packed together up to the limit. A code block that fits is never split. A block that is
longer than a chunk is cut at the best place (curation.documents.splitting). Very short neighbouring sections
share a chunk under their common heading, because a heading and five words match everything and answer
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from curation.documents.markup.blocks import Block, ParsedDocument, Section
from curation.documents.markup.reading import parse
from curation.documents.splitting import (
    Measure,
    TokenCounter,
    split_code,
    split_items,
    split_prose,
    split_tokens,
)
from curation.records.chunk import SECTION_SEPARATOR, Chunk
from curation.records.document import Document

__all__ = ["RECIPE_VERSION", "TokenCounter", "chunk_document"]

# Raise it when documents are to be cut differently: the next ingest then cuts all of them again.
RECIPE_VERSION = 3

# Bodies of fewer tokens are joined with a neighbour under the same parent, if both fit. NDCG@10 of MiniLM
# with 0, 32 and 64: 0.680, 0.691, 0.692 (scrapy's FAQ), 0.729, 0.740, 0.758 (Django's).
TINY_TOKENS = 64
# The share of a chunk that its heading line may take.
HEADING_SHARE = 4


@dataclass(frozen=True)
class _Piece:
    """Text that stays together. A ``whole`` code block takes the heading's room too if it must. A piece
    that ``leads`` ends in a colon and belongs to what follows."""

    text: str
    tokens: int
    tight: bool = False
    whole: bool = False
    leads: bool = False  # ends in a colon: belongs to what follows


@dataclass
class _Group:
    """The pieces of one chunk-to-be. ``heading`` counts towards the limit."""

    path: tuple[str, ...]
    pieces: list[_Piece] = field(default_factory=list)

    @property
    def body(self) -> str:
        parts: list[str] = []
        for piece in self.pieces:
            parts.append(("\n" if piece.tight else "\n\n") if parts else "")
            parts.append(piece.text)
        return "".join(parts)


def chunk_document(
    document: Document, counter: TokenCounter, max_tokens: int, parsed: ParsedDocument | None = None
) -> list[Chunk]:
    """The chunks of ``document`` in order, each of at most ``max_tokens`` tokens of ``counter`` in its whole
    text.

    Two sections of the same path and text give one chunk (ids are content hashes). A document without any
    text gives none. ``parsed`` saves parsing it again.
    """
    chunker = _Chunker(Measure(counter), max_tokens)
    chunks: dict[str, Chunk] = {}
    for section, text, tokens in chunker.texts((parsed or parse(document.text, document.markup)).sections):
        identity = Chunk.make_id(document.path, section, text)
        if identity not in chunks:
            chunks[identity] = Chunk(
                id=identity,
                document_id=document.id,
                source=document.source,
                path=document.path,
                url=document.url,
                section=section,
                text=text,
                tokens=tokens,
                position=len(chunks),
            )
    return list(chunks.values())


class _Chunker:
    def __init__(self, measure: Measure, max_tokens: int) -> None:
        self.measure = measure
        self.max_tokens = max_tokens
        self.room = max(max_tokens - measure.special, 1)

    def texts(self, sections: Sequence[Section]) -> list[tuple[tuple[str, ...], str, int]]:
        """(section path, text, tokens) of every chunk."""
        groups: list[_Group] = []
        for number, section in enumerate(sections):
            following = sections[number + 1].path if number + 1 < len(sections) else ()
            groups.extend(self._pack(section, following))
        finished: list[tuple[tuple[str, ...], str, int]] = []
        for group in self._merge(groups):
            finished.extend(self._finish(group))
        return finished

    # Packing

    def _pack(self, section: Section, following: tuple[str, ...]) -> list[_Group]:
        path, blocks = section.path, section.blocks
        if not blocks:
            if len(following) > len(path) and following[: len(path)] == path:
                return []  # its heading is in the paths of the sections below it
            path, blocks = path[:-1], [Block("prose", path[-1], section.line)]
        limit = self._body_limit(path)
        groups: list[_Group] = []
        for piece in self._pieces(blocks, limit):
            if (
                not groups
                or piece.whole
                or self._total(groups[-1].pieces) + piece.tokens + self.measure.joint > limit
            ):
                carried = self._carried(groups, piece, limit)
                groups.append(_Group(path, carried))
            groups[-1].pieces.append(piece)
        return groups

    def _carried(self, groups: list[_Group], piece: _Piece, limit: int) -> list[_Piece]:
        """The sentence that introduces ``piece``, taken from the end of the chunk before, if both fit."""
        if not groups or len(groups[-1].pieces) < 2 or piece.whole:
            return []
        last = groups[-1].pieces[-1]
        if not last.leads or last.tokens + piece.tokens + self.measure.joint > limit:
            return []
        return [groups[-1].pieces.pop()]

    def _pieces(self, blocks: Sequence[Block], limit: int) -> list[_Piece]:
        pieces: list[_Piece] = []
        for block in blocks:
            text = block.rendered
            tokens = self.measure(text)
            if tokens <= limit:
                leads = block.kind != "code" and text.endswith(":")
                pieces.append(_Piece(text, tokens, tight=block.tight, leads=leads))
            else:
                pieces.extend(self._split(block, limit))
        return pieces

    def _split(self, block: Block, limit: int) -> list[_Piece]:
        if block.kind == "code":
            for text in (block.rendered, block.text):  # without its fence if there is no other way
                if self.measure(text) <= self.room:
                    return [_Piece(text, self.measure(text), whole=True)]
            fence = self.measure(replace(block, text="").rendered) + 2 * self.measure.joint
            parts = split_code(block.text, max(limit - fence, 1), self.measure)
            texts = [replace(block, text=part).rendered for part in parts]
        elif block.kind == "table":
            texts = self._split_table(block, limit)
        elif block.kind == "list":
            texts = split_items(block.text, limit, self.measure)
        else:
            texts = split_prose(block.text, limit, self.measure)
        return [_Piece(text, self.measure(text)) for text in texts if text.strip()]

    def _split_table(self, block: Block, limit: int) -> list[str]:
        """Rows, with the table's header above each part where it takes less than half of the room."""
        head = self.measure(block.head) + self.measure.joint if block.head else 0
        rows = block.text[len(block.head) :].lstrip("\n") if head * 2 < limit else ""
        if not head or not rows:
            return split_items(block.text, limit, self.measure)
        return [f"{block.head}\n{part}" for part in split_items(rows, limit - head, self.measure)]

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
        tiny = min(self._total(first.pieces), self._total(second.pieces)) < TINY_TOKENS
        if not tiny or any(piece.whole for piece in [*first.pieces, *second.pieces]):
            return None
        common = _common(first.path, second.path)
        if not common:
            return None
        pieces = [*self._under(first, common), *self._under(second, common)]
        if self._total(pieces) > self._body_limit(common):
            return None
        return _Group(common, pieces)

    def _under(self, group: _Group, path: tuple[str, ...]) -> list[_Piece]:
        """The group's pieces as they stand under ``path``: below the rest of their own heading."""
        if group.path == path:
            return group.pieces
        heading = SECTION_SEPARATOR.join(group.path[len(path) :])
        return [_Piece(f"### {heading}", self.measure(f"### {heading}")), *group.pieces]

    # Text

    def _finish(self, group: _Group) -> list[tuple[tuple[str, ...], str, int]]:
        """The chunk's text; several when the tokenizer counts more for the whole than for its parts."""
        body = group.body.strip()
        heading = self._heading(group.path, self.room - self._total(group.pieces) - self.measure.joint)
        text = f"{heading}\n\n{body}" if heading else body
        tokens = self.measure.counter.count(text)
        if tokens <= self.max_tokens:
            return [(group.path, text, tokens)]
        if heading and any(piece.whole for piece in group.pieces):
            tokens = self.measure.counter.count(body)
            if tokens <= self.max_tokens:
                return [(group.path, body, tokens)]
        if len(group.pieces) > 1:
            middle = len(group.pieces) // 2
            halves = group.pieces[:middle], group.pieces[middle:]
            return [item for half in halves for item in self._finish(_Group(group.path, list(half)))]
        limit = max(self._body_limit(group.path) - (tokens - self.max_tokens), 1)
        parts = split_tokens(body, min(limit, max(self.measure(body) // 2, 1)), self.measure)
        pieces = [_Piece(part, self.measure(part)) for part in parts]
        return [item for piece in pieces for item in self._finish(_Group(group.path, [piece]))]

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
    length = 0
    for a, b in zip(first, second, strict=False):
        if a != b:
            break
        length += 1
    return first[:length]
