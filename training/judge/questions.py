"""The questions that a candidate is judged by, none of which is ever trained on: those of the holdout, whose
answers people accepted, the user's test sets, and the generic set, which shows forgetting."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from curation import Chunk, Progress, SettingsError, TestSet, content_id, load_files, load_folder, normalise
from serving import HEADING
from training.ledger.rows import LedgerRow, section_of
from training.settings import TestSetSettings

Style = Literal["heading", "question", "keywords", "sentence"]

_OPENS = re.compile(
    r"(how|what|why|when|where|which|who|whom|whose|can|could|do|does|did|is|are|am|was|were|will|would|"
    r"should|shall|may|must|has|have|isn't|aren't|can't|don't|doesn't)\b",
    re.IGNORECASE,
)
_QUESTION_MARKS = ("?", "？", "؟", "⁇")
_KEYWORDS = 6  # words at most


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


def question_kind(is_heading: bool, origin: str) -> str:
    """Who asked a question, in words."""
    if is_heading:
        return "section headings"
    return "visitors' questions" if origin == "conversation" else "generated questions"


def holdout_questions(
    examples: Sequence[LedgerRow],
    chunks: Sequence[Chunk],
    groups: Mapping[str, str],
    accepted: Sequence[LedgerRow] = (),
) -> list[HoldoutQuestion]:
    """One question for each distinct query of ``examples``, the held-out ones.

    Right are the chunks that were accepted for it, their near duplicates (``groups``: chunk id → the id that
    stands for all of them) and, for a heading, every chunk of its section (unless it is one of several short
    sections that share a chunk). ``accepted`` are examples that were not held out: where they ask the same,
    their chunks are right too.
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
            if row.origin == HEADING and not (row.chunk_id in by_id and by_id[row.chunk_id].merged):
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


def questions_of(test_set: TestSet) -> list[HoldoutQuestion]:
    """Those of a test set."""
    return [
        HoldoutQuestion(id=key, text=text, right=list(test_set.qrels[key]), style=style_of(text))
        for key, text in test_set.queries.items()
    ]


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
    return chunk.bare.strip() or chunk.text


def _by_query(rows: Sequence[LedgerRow]) -> dict[str, list[LedgerRow]]:
    found: dict[str, list[LedgerRow]] = defaultdict(list)
    for row in rows:
        found[normalise(row.query)].append(row)
    return found


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
            f"{test_set.name}: {len(unknown)} of {len(test_set.items)} right files can't be found, since the "
            f"index lacks them, such as {unknown[0]}."
        )
