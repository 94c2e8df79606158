"""Retrieval test sets of one's own: questions and what answers them.

As files: ``queries.jsonl`` has one ``{"_id", "text"}`` a line, ``qrels.tsv`` the columns query id, path, relevance (a header
line is allowed). As a folder in the layout of BEIR (Thakur et al. 2021, arXiv:2104.08663): ``queries.jsonl``,
``qrels/test.tsv`` (or ``qrels.tsv``) and perhaps ``corpus.jsonl`` (``{"_id", "title", "text"}``). A question may have several
right answers. Without a corpus of its own, relevance is by file of the bot's documents, so it does not depend on how
they are chunked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from curation import SettingsError
from training.settings import TestSetSettings

Qrels = dict[str, dict[str, int]]

_FORMAT = "Each line holds a question id, a path and a relevance (0, 1, …), separated by tabs."
_WHOLE_NUMBER = re.compile(
    r"-?[0-9]{1,9}"
)  # int() also takes 1_0, and fails on a superscript two, which is a digit
_BEIR = "A test set has queries.jsonl, qrels.tsv or qrels/test.tsv, and perhaps corpus.jsonl."
_QUERY = '{"_id": "q1", "text": "How …?"}'
_DOCUMENT = '{"_id": "d1", "title": "…", "text": "…"}'


class TestSet(BaseModel):
    """Question id → text, question id → right item → relevance, and, where the set brings its own documents, item →
    text; else items are paths of the bot's documents."""

    __test__ = False  # not a test of pytest's

    model_config = ConfigDict(frozen=True)

    name: str
    queries: dict[str, str]
    qrels: Qrels
    corpus: dict[str, str] | None = None


def load_test_sets(settings: Sequence[TestSetSettings]) -> list[TestSet]:
    """Those of the settings, each under a name of its own. Raises SettingsError naming file and line."""
    found: list[TestSet] = []
    for one in settings:
        made = (
            load_folder(Path(one.folder), one.name)
            if one.folder
            else load_files(
                Path(one.queries), Path(one.qrels), Path(one.corpus) if one.corpus else None, one.name
            )
        )
        if made.name in {other.name for other in found}:
            raise SettingsError(
                f"Two test sets are called {made.name!r}.", "Give them names (training.testsets)."
            )
        found.append(made)
    return found


def load_folder(folder: Path, name: str = "") -> TestSet:
    """A folder in the layout of BEIR. Raises SettingsError naming the file and line that is wrong or missing."""
    if not folder.is_dir():
        raise SettingsError(f"The test set {folder} is not a folder.", _BEIR)
    qrels = next(
        (path for path in (folder / "qrels.tsv", folder / "qrels" / "test.tsv") if path.exists()), None
    )
    if qrels is None:
        raise SettingsError(f"{folder} has neither qrels.tsv nor qrels/test.tsv.", _BEIR)
    corpus = folder / "corpus.jsonl"
    return load_files(
        folder / "queries.jsonl", qrels, corpus if corpus.exists() else None, name or folder.resolve().name
    )


def load_files(queries: Path, qrels: Path, corpus: Path | None = None, name: str = "") -> TestSet:
    """A set from files. Raises SettingsError naming the file and line that is wrong."""
    # BEIR keeps the queries of all splits in one file: only those that qrels name are meant.
    beir = qrels.parent.name == "qrels"
    asked = load_queries(queries)
    judged = load_qrels(qrels, asked, every=not beir)
    documents = None if corpus is None else load_corpus(corpus)
    if documents is not None:
        unknown = sorted({item for right in judged.values() for item in right} - set(documents))
        if unknown:
            raise SettingsError(
                f"{qrels}: {len(unknown)} of its documents are not in {corpus}, for example {unknown[0]!r}.",
                "The second column names documents by their _id.",
            )
    return TestSet(
        name=name or queries.resolve().parent.name,
        queries={key: text for key, text in asked.items() if key in judged},
        qrels=judged,
        corpus=documents,
    )


def load_queries(path: Path) -> dict[str, str]:
    """Question id → text, in the order of the file. Raises SettingsError naming the file and line that is wrong."""
    queries: dict[str, str] = {}
    for number, row in _rows(path, _QUERY):
        query, text = str(row["_id"]), row["text"].strip()
        if not text:
            raise _wrong(path, number, f"the text of question {query!r} is empty")
        if query in queries:
            raise _wrong(path, number, f"question {query!r} comes a second time")
        queries[query] = text
    if not queries:
        raise SettingsError(f"{path} has no questions.", 'One {"_id", "text"} a line is expected.')
    return queries


def load_corpus(path: Path) -> dict[str, str]:
    """Document id → title and text. Raises SettingsError naming the file and line that is wrong."""
    corpus: dict[str, str] = {}
    for number, row in _rows(path, _DOCUMENT):
        item, title = str(row["_id"]), row.get("title")
        if item in corpus:
            raise _wrong(path, number, f"document {item!r} comes a second time")
        parts = [title if isinstance(title, str) else "", row["text"]]
        corpus[item] = "\n\n".join(part.strip() for part in parts if part.strip())
        if not corpus[item]:
            raise _wrong(path, number, f"document {item!r} is empty")
    if not corpus:
        raise SettingsError(f"{path} has no documents.", f"One {_DOCUMENT} a line is expected.")
    return corpus


def load_qrels(path: Path, queries: Mapping[str, str], every: bool = True) -> Qrels:
    """Question id → item → relevance (above 0). Raises SettingsError naming the file and line that is wrong, or, unless
    ``every`` is false, the questions that have no right item."""
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
        if not _WHOLE_NUMBER.fullmatch(relevance):
            raise _wrong(
                path,
                number,
                f"the relevance {relevance!r} is not a whole number of at most 9 digits",
                _FORMAT,
            )
        if query not in queries:
            raise _wrong(path, number, f"there is no question {query!r} in the queries file")
        if int(relevance) > 0:
            qrels.setdefault(query, {})[item] = int(relevance)
    if not qrels:
        raise SettingsError(f"{path} names no right file for any question.", _FORMAT)
    missing = [query for query in queries if query not in qrels] if every else []
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


def _rows(path: Path, example: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """(number from 1, object with an _id and a text) of each line that is not blank."""
    for number, line in _lines(path):
        try:
            row = json.loads(line)
        except ValueError as error:
            raise _wrong(path, number, f"not JSON ({error})", example) from error
        if not isinstance(row, dict) or not isinstance(row.get("text"), str) or row.get("_id") in (None, ""):
            raise _wrong(path, number, "needs the keys _id and text", example)
        yield number, row


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
