"""What tells a curated answer in an index from a chunk of the documents."""

from __future__ import annotations

from collections.abc import Iterable

from curation import Chunk

CURATED = "curated answers"  # as a chunk's source


def is_curated(chunk: Chunk) -> bool:
    """Whether it is a person's answer. A folder may be called as its source is; then it has documents."""
    return chunk.source == CURATED and not chunk.document_id


def only_documents(chunks: Iterable[Chunk]) -> list[Chunk]:
    """Those that are chunks of documents. In an index they come first."""
    return [chunk for chunk in chunks if not is_curated(chunk)]
