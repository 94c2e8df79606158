"""A piece of a document, small enough to embed and whole enough to answer from."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from curation.errors import StateError
from curation.records.identity import content_id

SECTION_SEPARATOR = " > "
MERGED = "### "  # before the heading of a short section that shares a chunk with others
_FENCE = re.compile("^`{3,}")

CHUNK_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("document_id", pa.string()),
        ("source", pa.string()),
        ("path", pa.string()),
        ("url", pa.string()),
        ("line", pa.int32()),
        ("section", pa.list_(pa.string())),
        ("text", pa.string()),
        ("tokens", pa.int32()),
        ("position", pa.int32()),
    ]
)
FORMER_CHUNK_SCHEMA = CHUNK_SCHEMA.append(pa.field("replaced_by", pa.string()))
_FIELDS = set(CHUNK_SCHEMA.names)  # one for all chunks: pydantic would make one for each
_ROWS = 8_192


class Chunk(BaseModel):
    """A piece of a document.

    ``section`` is the path of headings above it, outermost first. ``text`` is what is embedded, shown and
    cited: the heading line (``section`` joined with " > ", shortened when the body needs the room), a blank
    line, the body. ``tokens`` counts ``text`` with the embedding model's tokenizer, special tokens included.
    ``position`` is its place in the document, from 0. ``url`` is where its section can be opened (may be
    empty), and ``line`` where it begins in the file, from 1.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    document_id: str
    source: str
    path: str
    url: str = ""
    line: int = 0
    section: tuple[str, ...] = ()
    text: str
    tokens: int
    position: int

    @staticmethod
    def make_id(path: str, section: tuple[str, ...], text: str) -> str:
        """Independent of the source's version and place: an unchanged chunk keeps its id across ingests."""
        return content_id("chunk", path, *section, text)

    @property
    def address(self) -> str:
        """Where people find it: its address, else its file and line."""
        return self.url or self.place

    @property
    def place(self) -> str:
        """Its file and line."""
        return f"{self.path}:{self.line}" if self.line else self.path

    @property
    def heading(self) -> str:
        """The section path on one line; empty at the top of a document without headings."""
        return SECTION_SEPARATOR.join(self.section)

    @property
    def body(self) -> str:
        """``text`` without its heading line."""
        first, separator, rest = self.text.partition("\n\n")
        is_heading = bool(separator and self.section) and self.heading.endswith(first)
        return rest if is_heading else self.text

    @property
    def bare(self) -> str:
        """``body`` without the headings of the short sections that were put together in it."""
        return "\n\n".join(text for _, text in self.merged if text) or self.body

    @property
    def merged(self) -> list[tuple[tuple[str, ...], str]]:
        """The short sections that were put together in it, if any: path below ``section``, and text. What
        stands before the first of their headings has an empty path."""
        parts: list[tuple[tuple[str, ...], list[str]]] = [((), [])]
        fence = ""
        for line in self.body.split("\n"):
            mark = _FENCE.match(line)
            if mark and (not fence or line.rstrip() == fence):
                fence = "" if fence else mark[0]
            if line.startswith(MERGED) and not fence:
                parts.append((tuple(line[len(MERGED) :].split(SECTION_SEPARATOR)), []))
            else:
                parts[-1][1].append(line)
        if len(parts) == 1:
            return []
        texts = [(path, "\n".join(lines).strip()) for path, lines in parts]
        return texts if texts[0][1] else texts[1:]


def chunks_in(table: pa.Table) -> Iterator[Chunk]:
    """A table's rows, each not checked. What chunks have in common is kept once, and rows are turned into
    Python some at a time: there may be a million of them. Raises StateError where what every chunk has is
    missing."""
    for name in ("id", "document_id", "source", "path", "text"):
        if table[name].null_count:
            raise StateError(f"A table of chunks has rows without {name}.", "Run `clayloop ingest` again.")
    known: dict[str, str] = {}

    def once(text: str) -> str:
        return known.setdefault(text, text)

    for batch in table.select(CHUNK_SCHEMA.names).to_batches(_ROWS):
        for row in batch.to_pylist():
            row |= {name: once(row[name]) for name in ("document_id", "source", "path", "url")}
            row["section"] = tuple(map(once, row["section"] or ()))
            yield Chunk.model_construct(_FIELDS, **row)


class FormerChunk(BaseModel):
    """A chunk that the corpus no longer has. ``replaced_by`` is the id of the chunk that has its place
    today, after all edits; "" when none has."""

    model_config = ConfigDict(frozen=True)

    chunk: Chunk
    replaced_by: str = ""
