"""Writing a table, all or nothing: Parquet, JSON lines, or a test set in the layout of BEIR."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel

from curation.errors import SettingsError
from curation.exports.tables import ExportName
from curation.files import replace_atomically, replace_folder

Format = Literal["parquet", "jsonl", "beir"]

_BEIR_FILES = ("corpus.jsonl", "queries.jsonl", "qrels/test.tsv")
_TEST_SETS = ("triplets", "accepted", "questions")
_PRIVATE = 0o600  # people's words are in some of them


class Exported(BaseModel):
    """What was written: ``rows`` of ``what`` into ``path``."""

    what: ExportName
    format: Format
    path: str
    rows: int


def format_of(target: Path, what: ExportName) -> Format:
    """By the name: .parquet, .jsonl, or a folder for BEIR. Raises SettingsError for another one, and for BEIR
    where there are no questions with answers."""
    if target.suffix == ".parquet":
        return "parquet"
    if target.suffix in (".jsonl", ".ndjson"):
        return "jsonl"
    if target.suffix and not target.is_dir():
        raise SettingsError(
            f"{target} has an ending that says nothing.",
            "Name a .parquet or a .jsonl file, or a folder for the layout of BEIR.",
        )
    if what not in _TEST_SETS:
        raise SettingsError(
            f"There is no test set to be made of {what}: it has no questions with what answers them.",
            f"Name a .parquet or a .jsonl file, or export {', '.join(_TEST_SETS)} as BEIR.",
        )
    return "beir"


def write_export(what: ExportName, table: pa.Table, target: Path, chunks: pa.Table) -> Exported:
    """Write ``table`` to ``target``; ``chunks``, those of the documents, are the corpus of a test set.

    What was there is replaced by the whole of it, or stays as it was. Raises SettingsError for a target that
    fits no format or is something else than an export, StateError when it cannot be written.
    """
    kind = format_of(target, what)
    if kind == "beir":
        _write_beir(what, table, target, chunks)
    else:
        if target.is_dir():
            raise SettingsError(f"{target} is a folder.", "Name a file that is to be written.")
        with replace_atomically(target, _PRIVATE) as part:
            if kind == "parquet":
                pq.write_table(table, part, compression="zstd")
            else:
                _write_lines(part, table.to_pylist())
    return Exported(what=what, format=kind, path=str(target), rows=len(table))


def _write_beir(what: ExportName, table: pa.Table, target: Path, chunks: pa.Table) -> None:
    others = [path for path in target.rglob("*") if path.is_file()] if target.is_dir() else []
    strange = [path for path in others if path.relative_to(target).as_posix() not in _BEIR_FILES]
    if strange or (target.exists() and not target.is_dir()):
        raise SettingsError(
            f"{strange[0] if strange else target} is no part of a test set, so {target} is not replaced.",
            "Name a folder that is not there yet.",
        )
    with replace_folder(target) as folder:
        _fill_beir(what, table, folder, chunks)


def _fill_beir(what: ExportName, table: pa.Table, folder: Path, chunks: pa.Table) -> None:
    queries: dict[str, str] = {}
    right: dict[str, list[str]] = {}
    known = set(chunks["id"].to_pylist())
    for row in table.to_pylist():
        text = row["text"] if what == "questions" else row["positive"]
        answers = row["chunk_ids"] if what == "questions" else [row["chunk_id"]]
        there = [key for key in answers if key in known]
        if there:
            queries[row["id"]], right[row["id"]] = text, there
    (folder / "qrels").mkdir()
    corpus = ({"_id": row["id"], "title": "", "text": row["text"]} for row in chunks.to_pylist())
    _write_lines(folder / _BEIR_FILES[0], corpus)
    _write_lines(folder / _BEIR_FILES[1], ({"_id": key, "text": text} for key, text in queries.items()))
    lines = ["query-id\tcorpus-id\tscore"]
    lines += [f"{key}\t{chunk}\t1" for key, answers in right.items() for chunk in answers]
    (folder / _BEIR_FILES[2]).write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name in _BEIR_FILES:
        (folder / name).chmod(_PRIVATE)


def _write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            # A lone surrogate, which UTF-8 cannot hold, stays the escape that JSON has for it.
            line = json.dumps(row, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
            file.write(line + "\n")
