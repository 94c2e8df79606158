"""The questions that a candidate is judged by: people accepted their answers, and nobody trains on them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import BaseModel

from curation import Chunk, content_id
from training.ledger.rows import HEADING, LedgerRow
from training.ledger.text import normalise, section_of

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
        if right:
            is_heading = any(row.origin == HEADING for row in rows)
            first = by_id[next(iter(right))]
            questions.append(
                HoldoutQuestion(
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
            )
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
