"""One file of documentation, as it was read."""

from __future__ import annotations

from typing import Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from curation.records.identity import content_id

Markup = Literal["markdown", "restructuredtext", "html", "pdf", "python"]


class Document(BaseModel):
    """A documentation file.

    ``source`` names where it came from, without a version (``folder:/abs/path``, ``pypi:name`` or another
    kind of curation.documents.sources).
    ``version`` is the source's version, or empty. ``path`` is relative to the source, with forward slashes.
    ``url`` is where a reader can open it (may be empty). ``title`` is its first heading or its file name.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    source: str
    version: str = ""
    path: str
    url: str = ""
    markup: Markup
    title: str
    text: str

    @staticmethod
    def make_id(path: str, text: str) -> str:
        return content_id("document", path, text)


DOCUMENT_SCHEMA = pa.schema([(name, pa.string()) for name in Document.model_fields])
