"""docutils without a word of its own, and nothing of the machine's configuration."""

from __future__ import annotations

from functools import cache
from typing import Any

from docutils.frontend import get_default_settings
from docutils.parsers.rst import Parser

_SILENT = 5


@cache
def settings() -> Any:
    found = get_default_settings(Parser)
    found.report_level = found.halt_level = _SILENT
    found.warning_stream = False
    found.line_length_limit = 100_000_000
    found.syntax_highlight = "none"
    found.auto_id_prefix = "id"  # as Sphinx has it: the ids are the anchors of its pages
    found.file_insertion_enabled = False
    return found
