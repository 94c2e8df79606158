"""Retrieval test sets of one's own: questions and the files that answer them.

``queries.jsonl`` has one ``{"_id", "text"}`` a line, ``qrels.tsv`` the columns query id, path, relevance (as BEIR lays
them out, a header line is allowed). Relevance is by file, so it does not depend on how documents are chunked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from curation.errors import SettingsError

Qrels = dict[str, dict[str, int]]

_FORMAT = "Each line holds a question id, a path and a relevance (0, 1, …), separated by tabs."


def load_queries(path: Path) -> dict[str, str]:
    """Question id → text, in the order of the file. Raises SettingsError naming the file and line that is wrong."""
    queries: dict[str, str] = {}
    for number, line in _lines(path):
        try:
            row = json.loads(line)
        except ValueError as error:
            raise _wrong(path, number, f"not JSON ({error})", '{"_id": "q1", "text": "How …?"}') from error
        if not isinstance(row, dict) or not isinstance(row.get("text"), str) or row.get("_id") in (None, ""):
            raise _wrong(path, number, "needs the keys _id and text", '{"_id": "q1", "text": "How …?"}')
        query, text = str(row["_id"]), row["text"].strip()
        if not text:
            raise _wrong(path, number, f"the text of question {query!r} is empty")
        if query in queries:
            raise _wrong(path, number, f"question {query!r} comes a second time")
        queries[query] = text
    if not queries:
        raise SettingsError(f"{path} has no questions.", 'One {"_id", "text"} a line is expected.')
    return queries


def load_qrels(path: Path, queries: dict[str, str]) -> Qrels:
    """Question id → path → relevance (above 0). Raises SettingsError naming the file and line that is wrong, or the
    questions that have no right file."""
    qrels: Qrels = {}
    first = True
    for number, line in _lines(path):
        cells = [cell.strip() for cell in line.split("\t")]
        is_header, first = first and _is_header(cells), False
        if is_header:
            continue
        if len(cells) != 3 or not cells[0] or not cells[1]:
            raise _wrong(path, number, f"{len(cells)} columns instead of 3 (or an empty one)", _FORMAT)
        query, item, relevance = cells
        if not relevance.lstrip("-").isdigit():
            raise _wrong(path, number, f"the relevance {relevance!r} is not a whole number", _FORMAT)
        if query not in queries:
            raise _wrong(path, number, f"there is no question {query!r} in the queries file")
        if int(relevance) > 0:
            qrels.setdefault(query, {})[item] = int(relevance)
    if not qrels:
        raise SettingsError(f"{path} names no right file for any question.", _FORMAT)
    missing = [query for query in queries if query not in qrels]
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise SettingsError(
            f"{path} names no right file for the questions {', '.join(missing[:5])}{more}.",
            "Add their lines, or remove those questions from the queries file.",
        )
    return qrels


def _is_header(cells: list[str]) -> bool:
    """A first line whose relevance is no number; 'query-id corpus-id score' in BEIR."""
    return len(cells) >= 2 and cells[0].lower().replace("_", "-") in ("query-id", "query", "qid", "id")


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """(number from 1, text) of each line that is not blank."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, line.rstrip("\r\n")
    except OSError as error:
        raise SettingsError(f"{path} can't be read: {error.strerror}", "Check the path.") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8 text.", "Save it as UTF-8.") from error


def _wrong(path: Path, number: int, what: str, hint: str = "") -> SettingsError:
    return SettingsError(f"{path}, line {number}: {what}.", hint)
