"""The public API of a Python module, as the ``python:`` source writes it: a line of JSON for each object."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from curation.documents.markup.blocks import Block, Outline, ParsedDocument, normalise
from curation.documents.markup.page import Page, Passage
from curation.records.document import Markup


@dataclass(frozen=True)
class ApiEntry:
    """An object under its public ``name``: where its definition starts (``line``), how it is written, and its
    docstring (from ``doc_line`` on) in ``markup``. ``heading`` stands under those of lower ``level``."""

    name: str
    heading: str
    level: int
    line: int
    signature: str = ""
    doc: str = ""
    doc_line: int = 0
    markup: Markup = "markdown"

    def dumped(self) -> str:
        return json.dumps(asdict(self))  # in ASCII: no character of it ends a line


def parse_python(text: str, page: Page) -> ParsedDocument:
    """Read what the ``python:`` source wrote. Anchors are full names, as in generated references."""
    outline = Outline()
    for line in text.splitlines():
        try:
            entry = ApiEntry(**json.loads(line))
        except (TypeError, ValueError):
            outline.add(Block("prose", line, 1))
            continue
        outline.heading(entry.level, entry.heading, entry.line, entry.name)
        if entry.signature:
            outline.add(Block("code", entry.signature, entry.line, language="python"))
        if entry.doc:
            passage = Passage(entry.markup, normalise(entry.doc), (page.path,), entry.doc_line or entry.line)
            page.embed(passage, page, outline)
    return outline.finish()
