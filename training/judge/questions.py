"""The questions that a candidate is judged by, none of which is ever trained on: those of the holdout, whose
answers people accepted, the user's test sets, and the generic set, which shows forgetting."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from curation import Chunk, Progress, SettingsError, content_id
from training.ledger.rows import HEADING, LedgerRow, normalise, section_of
from training.settings import TestSetSettings

Style = Literal["heading", "question", "keywords", "sentence"]
Qrels = dict[str, dict[str, int]]

_OPENS = re.compile(
    r"(how|what|why|when|where|which|who|whom|whose|can|could|do|does|did|is|are|am|was|were|will|would|"
    r"should|shall|may|must|has|have|isn't|aren't|can't|don't|doesn't)\b",
    re.IGNORECASE,
)
_QUESTION_MARKS = ("?", "？", "؟", "⁇")
_KEYWORDS = 6  # words at most

_FORMAT = "Each line holds a question id, a path and a relevance (0, 1, …), separated by tabs."
_HEADERS = ("query-id", "query", "qid", "id")
# int() also takes 1_0, and fails on a superscript two, which is a digit.
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,9}")
_BEIR = "A test set has queries.jsonl, qrels.tsv or qrels/test.tsv, and perhaps corpus.jsonl."
_GENERIC = Path(__file__).with_name("generic.jsonl")


class HoldoutQuestion(BaseModel):
    """A question and the ids of all chunks that answer it.

    Results are sliced by the rest: ``source``, ``path`` and ``section`` (the path's top level) are those of
    the first right chunk, ``origin`` says who made the question, ``style`` how it is put. ``is_heading``: it
    is a section's heading.
    """

    id: str
    text: str
    right: list[str]
    is_heading: bool = False
    source: str = ""
    section: str = ""
    path: str = ""
    origin: str = ""
    style: Style = "question"


def holdout_questions(
    examples: Sequence[LedgerRow],
    chunks: Sequence[Chunk],
    groups: Mapping[str, str],
    accepted: Sequence[LedgerRow] = (),
) -> list[HoldoutQuestion]:
    """One question for each distinct query of ``examples``, the held-out ones.

    Right are the chunks that were accepted for it, their near duplicates (``groups``: chunk id → the id that
    stands for all of them) and, for a heading, every chunk of its section. ``accepted`` are examples that
    were not held out: where they ask the same, their chunks are right too.
    """
    by_id = {chunk.id: chunk for chunk in chunks}
    duplicates: dict[str, list[str]] = defaultdict(list)
    section: dict[str, list[str]] = defaultdict(list)
    for chunk in chunks:
        duplicates[groups.get(chunk.id, chunk.id)].append(chunk.id)
        section[section_of(chunk)].append(chunk.id)
    held, others = _by_query(examples), _by_query(accepted)
    questions = []
    for text, rows in held.items():
        right: dict[str, None] = {}
        for row in (*rows, *others.get(text, ())):
            right.update(dict.fromkeys(duplicates[groups.get(row.chunk_id, row.chunk_id)]))
            if row.origin == HEADING:
                right.update(dict.fromkeys(section[row.place]))
        if not right:
            continue
        is_heading = any(row.origin == HEADING for row in rows)
        first = by_id[next(iter(right))]
        question = HoldoutQuestion(
            id=question_id(text),
            text=rows[0].query,
            right=list(right),
            is_heading=is_heading,
            source=first.source,
            section=first.path.split("/", 1)[0],
            path=first.path,
            origin=HEADING if is_heading else rows[0].origin,
            style=style_of(rows[0].query, is_heading),
        )
        questions.append(question)
    return questions


def question_id(text: str) -> str:
    """The same for questions that differ in case and white space only."""
    return content_id("question", normalise(text))


def style_of(text: str, is_heading: bool = False) -> Style:
    """How a question is put, by a small rule; a model may serve one style badly.

    ``heading``: a section's heading (``is_heading``). ``question``: it ends in a question mark, or opens with
    an English question word or auxiliary verb. ``keywords``: at most six words, and no full stop at the end.
    ``sentence``: the rest, such as "my spider stops after the first page".
    """
    if is_heading:
        return "heading"
    line = text.strip()
    if line.endswith(_QUESTION_MARKS) or _OPENS.match(line):
        return "question"
    is_short = len(line.split()) <= _KEYWORDS and not line.endswith((".", "!", "。"))
    return "keywords" if is_short else "sentence"


def bare_text(chunk: Chunk) -> str:
    """A chunk without its headings, if anything is left."""
    return chunk.body.strip() or chunk.text


def _by_query(rows: Sequence[LedgerRow]) -> dict[str, list[LedgerRow]]:
    found: dict[str, list[LedgerRow]] = defaultdict(list)
    for row in rows:
        found[normalise(row.query)].append(row)
    return found


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

    @property
    def questions(self) -> list[HoldoutQuestion]:
        return [
            HoldoutQuestion(id=key, text=text, right=list(self.qrels[key]), style=style_of(text))
            for key, text in self.queries.items()
        ]


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


def load_test_sets(settings: Sequence[TestSetSettings]) -> list[TestSet]:
    """Those of the settings, each under a name of its own. Raises SettingsError naming file and line."""
    found: dict[str, TestSet] = {}
    for one in settings:
        corpus = Path(one.corpus) if one.corpus else None
        made = (
            load_folder(Path(one.folder), one.name)
            if one.folder
            else load_files(Path(one.queries), Path(one.qrels), corpus, one.name)
        )
        if made.name in found:
            hint = "Give them names (training.testsets)."
            raise SettingsError(f"Two test sets are called {made.name!r}.", hint)
        found[made.name] = made
    return list(found.values())


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


def check_paths(test_set: TestSet, paths: Collection[str], where: str, progress: Progress) -> None:
    """Whether the right files of a set without a corpus are among ``paths``. Raises SettingsError when none
    is."""
    if test_set.corpus is not None:
        return
    unknown = sorted(test_set.items.difference(paths))
    if len(unknown) == len(test_set.items):
        raise SettingsError(
            f"{test_set.name}: none of its {len(unknown)} files is in {where} (for example {unknown[0]!r}).",
            "Paths are relative to the ingested folder, with forward slashes.",
        )
    if unknown:
        progress.say(
            f"{test_set.name}: {len(unknown)} right files are not in the index and can't be found, "
            f"such as {unknown[0]}."
        )


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
