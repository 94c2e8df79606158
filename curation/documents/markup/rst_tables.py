"""reStructuredText tables as rows of cells, with docutils' own table parsers."""

from __future__ import annotations

import re
from typing import Any

from docutils.parsers.rst.tableparser import GridTableParser, SimpleTableParser, TableMarkupError
from docutils.statemachine import StringList

from curation.documents.markup.blocks import one_line
from curation.documents.markup.rst_inline import rst_inline_to_text

GRID_BORDER = re.compile(r"^\+(?:[-=]+\+)+\s*$")
SIMPLE_BORDER = re.compile(r"^=+(?: +=+)+\s*$")
_RULE = re.compile(r"^[\s+=|-]*$")


def table_text(lines: list[str]) -> str:
    """A grid or simple table as one line a row, cells joined with " | "; a malformed one as its own lines."""
    parser = GridTableParser() if lines and lines[0].startswith("+") else SimpleTableParser()
    try:
        _, head, body = parser.parse(StringList(lines, source="table"))
    except (TableMarkupError, IndexError, ValueError, AssertionError, TypeError):
        return "\n".join(rst_inline_to_text(line.strip()) for line in lines if not _RULE.match(line))
    return "\n".join(row for row in map(_row, [*head, *body]) if row.strip(" |"))


def _row(cells: list[Any]) -> str:
    # a cell is (rows spanned, columns spanned, line, its lines); None where another cell spans
    return " | ".join(one_line(rst_inline_to_text("\n".join(cell[3]))) for cell in cells if cell is not None)
