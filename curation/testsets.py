"""Test sets: questions and the items that answer them, as BEIR keeps them in files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from curation.errors import SettingsError

Qrels = dict[str, dict[str, int]]

_FORMAT = "Each line holds a question id, a path and a relevance (0, 1, …), separated by tabs."
_HEADERS = ("query-id", "query", "qid", "id")
# int() also takes 1_0, and fails on a superscript two, which is a digit.
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,9}")
_BEIR = "A test set has queries.jsonl, qrels.tsv or qrels/test.tsv, and perhaps corpus.jsonl."
_GENERIC = Path(__file__).with_name("generic.jsonl")


class TestSet(BaseModel):
    """``queries``: question id → text. ``qrels``: question id → right item → relevance. ``corpus``: item →
    text where the set brings its own documents; else items are paths of the bot's documents."""

    __test__ = False  # not a test of pytest's

    model_config = ConfigDict(frozen=True)

    name: str
    queries: dict[str, str]
    qrels: Qrels
    corpus: dict[str, str] | None = None

    @property
    def items(self) -> set[str]:
        """All right ones."""
        return {item for right in self.qrels.values() for item in right}


@cache
def generic_set() -> TestSet:
    """64 questions about everything but software: what a model forgets when it learns one documentation by
    heart.

    Each has the passage that answers it, in 16 subjects of four, so that passages of one subject compete.
    They were written for clayloop and are under its licence. A model that finds them as well as its base has
    forgotten little; how good it is elsewhere they do not tell, since they are few and easy.
    """
    rows = [json.loads(line) for line in _GENERIC.read_text(encoding="utf-8").splitlines()]
    return TestSet(
        name="generic",
        queries={row["_id"]: row["text"] for row in rows},
        qrels={row["_id"]: {row["_id"]: 1} for row in rows},
        corpus={row["_id"]: row["passage"] for row in rows},
    )


def load_folder(folder: Path, name: str = "") -> TestSet:
    """A folder in the layout of BEIR. Raises SettingsError naming what is wrong or missing."""
    if not folder.is_dir():
        raise SettingsError(f"The test set {folder} is not a folder.", _BEIR)
    places = (folder / "qrels.tsv", folder / "qrels" / "test.tsv")
    qrels = next((path for path in places if path.exists()), None)
    if qrels is None:
        raise SettingsError(f"{folder} has neither qrels.tsv nor qrels/test.tsv.", _BEIR)
    corpus = folder / "corpus.jsonl"
    with_corpus = corpus if corpus.exists() else None
    return load_files(folder / "queries.jsonl", qrels, with_corpus, name or folder.resolve().name)


def load_files(queries: Path, qrels: Path, corpus: Path | None = None, name: str = "") -> TestSet:
    """A set from files. Raises SettingsError naming the file and line that is wrong."""
    asked = load_queries(queries)
    # BEIR keeps the queries of all splits in one file: only those that qrels name are meant.
    judged = load_qrels(qrels, asked, every=qrels.parent.name != "qrels")
    found = TestSet(
        name=name or queries.resolve().parent.name,
        queries={key: text for key, text in asked.items() if key in judged},
        qrels=judged,
        corpus=None if corpus is None else _texts(corpus, _Document),
    )
    unknown = [] if found.corpus is None else sorted(found.items.difference(found.corpus))
    if unknown:
        raise SettingsError(
            f"{qrels}: {len(unknown)} of its documents are not in {corpus}, for example {unknown[0]!r}.",
            "The second column names documents by their _id.",
        )
    return found


def load_queries(path: Path) -> dict[str, str]:
    """Question id → text, in the file's order. Raises SettingsError naming the file and line that is
    wrong."""
    return _texts(path, _Question)


def load_qrels(path: Path, queries: Mapping[str, str], every: bool = True) -> Qrels:
    """Question id → item → relevance (above 0). Raises SettingsError naming the file and line that is wrong,
    or, where ``every`` question needs one, those without a right item."""
    qrels: Qrels = {}
    for place, (number, line) in enumerate(_lines(path)):
        cells = [cell.strip() for cell in line.split("\t")]
        # The first line may be a header: 'query-id corpus-id score' in BEIR.
        if place == 0 and len(cells) > 1 and cells[0].lower().replace("_", "-") in _HEADERS:
            continue
        if len(cells) != 3 or not cells[0] or not cells[1]:
            raise _wrong(path, number, f"{len(cells)} columns instead of 3 (or an empty one)", _FORMAT)
        query, item, relevance = cells
        if not _WHOLE_NUMBER.fullmatch(relevance):
            what = f"the relevance {relevance!r} is not a whole number of at most 9 digits"
            raise _wrong(path, number, what, _FORMAT)
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


class _Question(BaseModel):
    """A line of queries.jsonl."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    what: ClassVar[str] = "question"
    example: ClassVar[str] = '{"_id": "q1", "text": "How …?"}'

    id: str = Field(alias="_id", min_length=1)
    text: str = Field(strict=True)

    @property
    def content(self) -> str:
        return self.text.strip()


class _Document(_Question):
    """A line of corpus.jsonl."""

    what = "document"
    example = '{"_id": "d1", "title": "…", "text": "…"}'

    title: str | None = None

    @property
    def content(self) -> str:
        return f"{(self.title or '').strip()}\n\n{self.text.strip()}".strip()


def _texts(path: Path, kind: type[_Question]) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, line in _lines(path):
        try:
            one = kind.model_validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            is_json = first["type"] != "json_invalid"
            what = "needs the keys _id and text" if is_json else f"not JSON ({first['msg']})"
            raise _wrong(path, number, what, kind.example) from error
        if not one.content:
            raise _wrong(path, number, f"the text of {kind.what} {one.id!r} is empty")
        if one.id in found:
            raise _wrong(path, number, f"{kind.what} {one.id!r} comes a second time")
        found[one.id] = one.content
    if not found:
        raise SettingsError(f"{path} has no {kind.what}s.", f"One {kind.example} a line is expected.")
    return found


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
