"""Curated answers: what people wrote that the bot should have answered.

The ledger of a release (lineage.parquet) says which corrections are served. Each is a passage of its own in
the index, and its question leads to it. answers.json in the release holds what is shown with it: who wrote
it, when, and the source that it comes from. Nothing is trained on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from curation import CORRECTION, Chunk, ReleaseError, StateError, TokenCounter, read_record
from serving.releases.carried_lineage import ledger_rows
from serving.retrieval.curated import CURATED
from serving.retrieval.index import IndexedQuestion

if TYPE_CHECKING:
    from curation import Corpus

ANSWERS_FILE = "answers.json"
_COLUMNS = ["dataset", "record_id", "query", "text", "chunk_id", "version", "votes", "fate", "reason"]


class AnswerSource(BaseModel):
    """A chunk of the documents that an answer comes from, as it is today, or as it was last."""

    model_config = ConfigDict(frozen=True)

    chunk_id: str
    path: str
    heading: str
    url: str = ""
    line: int = 0

    @property
    def place(self) -> str:
        """Its file and line."""
        return f"{self.path}:{self.line}" if self.line else self.path


class CuratedAnswer(BaseModel):
    """An answer that a person wrote.

    ``record_id`` is its conversation's record in Argilla. ``role`` is the author's (owner, admin or
    annotator; "" where Argilla does not say) and ``at`` when it was written. ``came_from`` is the id of the
    chunk that it comes from ("" where none was named), and ``sources`` has what is in its place today.
    ``seen`` is the id of what was there when somebody last wrote or confirmed the answer, ``stale_since``
    when a release first found something else there, or nothing.
    """

    model_config = ConfigDict(frozen=True)

    record_id: str
    question: str
    text: str
    role: str = ""
    at: datetime | None = None
    sources: tuple[AnswerSource, ...] = ()
    came_from: str = ""
    seen: str = ""
    stale_since: datetime | None = None

    @property
    def author(self) -> Literal["maintainer", "annotator"]:
        """What the author is called where the answer is shown."""
        return "maintainer" if self.role in ("owner", "admin") else "annotator"

    @property
    def is_stale(self) -> bool:
        """Whether the documentation has changed since."""
        return self.stale_since is not None

    @property
    def chunk_id(self) -> str:
        """The id of its passage in the index."""
        return Chunk.make_id(self._path, self._section, self._passage)

    def passage(self, counter: TokenCounter | None) -> Chunk:
        """What is indexed: its question as the heading, and the answer."""
        text = self._passage
        return Chunk(
            id=self.chunk_id,
            document_id="",
            source=CURATED,
            path=self._path,
            section=self._section,
            text=text,
            tokens=counter.count(text) if counter else len(text.split()),
            position=0,
        )

    def asks(self) -> IndexedQuestion:
        """Its question, which leads to it."""
        return IndexedQuestion(
            text=self.question, chunk_id=self.chunk_id, dataset="conversations", record_id=self.record_id
        )

    @property
    def _path(self) -> str:
        return f"curated/{self.record_id}"

    @property
    def _section(self) -> tuple[str, ...]:
        return (" ".join(self.question.split()),)

    @property
    def _passage(self) -> str:
        return f"{self._section[0]}\n\n{self.text}"


def read_answers(folder: Path) -> list[CuratedAnswer]:
    """The curated answers of the release in ``folder``. Raises ReleaseError when the file is damaged."""
    try:
        return read_record(folder / ANSWERS_FILE, list[CuratedAnswer])
    except FileNotFoundError:
        return []
    except StateError as error:
        raise ReleaseError(f"{folder / ANSWERS_FILE} is damaged.", "Use another release.") from error


def answer_rows(lineage: Path) -> list[dict[str, Any]]:
    """The rows of a ledger that are about an answer, whatever became of it; none without the file. Raises
    StateError for a damaged one."""
    return ledger_rows(lineage, _COLUMNS, pc.field("teaches") == "answer")


def answers_to_serve(
    lineage: Path, corpus: Corpus, before: Iterable[CuratedAnswer] = ()
) -> list[CuratedAnswer]:
    """The answers that the ledger ``lineage`` serves. ``before`` are those of the release that is served now:
    whoever answered again after an answer had become stale has confirmed it. Raises StateError."""
    known = {one.record_id: one for one in before}
    now = datetime.now(timezone.utc)
    return [
        _answer(row, corpus, known.get(row["record_id"]), now)
        for row in answer_rows(lineage)
        if row["fate"] == "served"
    ]


def carry_answers(answers: Iterable[CuratedAnswer], corpus: Corpus) -> list[CuratedAnswer]:
    """The same answers over other documents: those whose source is not as it was are stale."""
    now = datetime.now(timezone.utc)
    return [_over(one, corpus, now) for one in answers]


def written(row: Mapping[str, Any]) -> tuple[str, datetime | None]:
    """The role of who wrote a row's answer first, and when."""
    votes = [one for one in _corrections(row) if one["value"].strip() == row["text"]]
    votes.sort(key=lambda vote: (vote["at"] is None, vote["at"] and vote["at"].timestamp()))
    return (votes[0]["role"] or "", votes[0]["at"]) if votes else ("", None)


def _answer(
    row: Mapping[str, Any], corpus: Corpus, before: CuratedAnswer | None, now: datetime
) -> CuratedAnswer:
    role, at = written(row)
    came_from = row["chunk_id"]
    answer = CuratedAnswer(
        record_id=row["record_id"],
        question=row["query"],
        text=row["text"],
        role=role,
        at=at,
        came_from=came_from,
        seen=came_from,
    )
    if before is not None and before.came_from == came_from:
        kept = {"seen": before.seen, "stale_since": before.stale_since}
        times = [vote["at"] for vote in _corrections(row) if vote["at"] is not None]
        if before.stale_since is not None and max(times, default=before.stale_since) > before.stale_since:
            kept = {"seen": corpus.today(came_from), "stale_since": None}
        answer = answer.model_copy(update=kept)
    return _over(answer, corpus, now)


def _over(answer: CuratedAnswer, corpus: Corpus, now: datetime) -> CuratedAnswer:
    """The answer as the documents of today make it."""
    today = corpus.today(answer.came_from)
    since = None if today == answer.seen else answer.stale_since or now
    last = corpus.by_id.get(today) or (
        corpus.former[answer.came_from].chunk if answer.came_from in corpus.former else None
    )
    sources = answer.sources
    if last is not None:
        known = last.model_dump(include={"path", "url", "line"})
        sources = (AnswerSource(chunk_id=last.id, heading=last.heading, **known),)
    return answer.model_copy(update={"sources": sources, "stale_since": since})


def _corrections(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [vote for vote in row["votes"] if vote["question"] == CORRECTION]
