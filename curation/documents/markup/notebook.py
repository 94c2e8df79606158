"""Jupyter notebooks as Markdown: the text and the code of their cells, without outputs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from curation.documents.markup.blocks import fenced


def notebook_text(data: str) -> str:
    """The Markdown of a notebook (format 3 or 4). Raises ValueError saying what is wrong with it."""
    try:
        notebook = json.loads(data)
        sheets = [notebook, *notebook.get("worksheets", [])]
        cells = [cell for sheet in sheets for cell in sheet.get("cells", [])]
        language = str(notebook.get("metadata", {}).get("language_info", {}).get("name", ""))
        parts = list(_parts(cells, language))
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise ValueError("not a notebook: no JSON with cells of text and code") from error
    return "\n\n".join(part for part in parts if part.strip()) + "\n"


def _parts(cells: list[dict[str, Any]], language: str) -> Iterator[str]:
    for cell in cells:
        source = cell["input"] if "input" in cell else cell.get("source", "")
        text = source if isinstance(source, str) else "".join(source)
        if cell["cell_type"] == "markdown":
            yield text.strip("\n")
        elif cell["cell_type"] == "heading":
            yield f"{'#' * int(cell.get('level', 1))} {text}"
        elif cell["cell_type"] == "raw":
            yield _raw(text, cell.get("metadata", {}))
        elif cell["cell_type"] == "code" and text.strip():
            yield fenced(text, language)


def _raw(text: str, metadata: dict[str, Any]) -> str:
    """A cell for converters, which is shown where it is Markdown or reStructuredText."""
    kind = str(metadata.get("raw_mimetype") or metadata.get("format") or "")
    if kind == "text/restructuredtext":
        return fenced(text, "{eval-rst}")
    return text if kind == "text/markdown" else ""
