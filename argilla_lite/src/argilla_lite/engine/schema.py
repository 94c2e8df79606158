"""What kind a question or metadata property is, read from Argilla's own tables."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from argilla_server.errors.future import UnprocessableEntityError


@dataclass(frozen=True)
class Question:
    """A dataset's question: id as 32 hex digits; type as in QuestionType."""

    id: str
    name: str
    type: str


def question(reader: sqlite3.Connection, dataset_id: str, name: str) -> Question:
    """Finds a question by name.

    Raises:
        UnprocessableEntityError: There is none.
    """
    row = reader.execute(
        "SELECT id, json_extract(settings, '$.type') FROM questions WHERE dataset_id = ? AND name = ?",
        (dataset_id, name),
    ).fetchone()
    if row is None:
        raise UnprocessableEntityError(f"Question `{name}` not found in dataset")
    return Question(row[0], name, row[1])


def metadata_type(reader: sqlite3.Connection, dataset_id: str, name: str) -> str:
    """terms, integer or float.

    Raises:
        UnprocessableEntityError: There is no such property.
    """
    row = reader.execute(
        "SELECT json_extract(settings, '$.type') FROM metadata_properties WHERE dataset_id = ? AND name = ?",
        (dataset_id, name),
    ).fetchone()
    if row is None:
        raise UnprocessableEntityError(f"Metadata property `{name}` not found in dataset")
    return str(row[0])
