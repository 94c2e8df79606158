"""A piece of a document, small enough to embed and whole enough to answer from."""

from __future__ import annotations

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from curation.records.identity import content_id

SECTION_SEPARATOR = " > "

CHUNK_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("document_id", pa.string()),
        ("source", pa.string()),
        ("path", pa.string()),
        ("url", pa.string()),
        ("section", pa.list_(pa.string())),
        ("text", pa.string()),
        ("tokens", pa.int32()),
        ("position", pa.int32()),
    ]
)
FORMER_CHUNK_SCHEMA = CHUNK_SCHEMA.append(pa.field("replaced_by", pa.string()))


class Chunk(BaseModel):
    """A piece of a document.

    ``section`` is the path of headings above it, outermost first. ``text`` is what is embedded, shown and
    cited: the heading line (``section`` joined with " > ", shortened when the body needs the room), a blank
    line, the body. ``tokens`` counts ``text`` with the embedding model's tokenizer, special tokens included.
    ``position`` is its place in the document, from 0.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    document_id: str
    source: str
    path: str
    url: str = ""
    section: tuple[str, ...] = ()
    text: str
    tokens: int
    position: int

    @staticmethod
    def make_id(path: str, section: tuple[str, ...], text: str) -> str:
        """Independent of the source's version and place: an unchanged chunk keeps its id across ingests."""
        return content_id("chunk", path, *section, text)

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


class FormerChunk(BaseModel):
    """A chunk that the corpus no longer has. ``replaced_by`` is the id of the chunk that has its place
    today, after all edits; "" when none has."""

    model_config = ConfigDict(frozen=True)

    chunk: Chunk
    replaced_by: str = ""
