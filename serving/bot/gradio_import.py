"""Importing Gradio without what it writes meanwhile."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_WRITER = "create_or_modify_pyi"  # gradio/component_meta.py


@contextmanager
def writing_nothing() -> Iterator[None]:
    """Gradio 6 compares an interface file beside each of its own sources whenever it is imported, and writes
    it anew: half of the time that its import takes. It leaves that out for a class that has no file, so here
    none has one, for its writer."""
    file_of = inspect.getfile

    def file_unless_written(thing: Any) -> str:
        if sys._getframe(1).f_code.co_name == _WRITER:
            raise OSError("No interface file is wanted.")
        return file_of(thing)

    inspect.getfile = file_unless_written  # type: ignore[assignment]
    try:
        yield
    finally:
        inspect.getfile = file_of
