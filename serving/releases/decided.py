"""Which of the questions that visitors asked the documents answer, by what annotators decided: a release's
ledger has it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from curation import normalise
from serving.releases.carried_lineage import CHUNK_REJECTED, ledger_rows
from serving.retrieval.calibration import DecidedQuestions

_COLUMNS = ["record_id", "teaches", "verdict", "query", "chunk_id", "votes", "fate", "reason"]

Row = Mapping[str, Any]


def read_decided(lineage: Path) -> DecidedQuestions:
    """Of the ledger ``lineage``; nothing without the file. Raises StateError for a damaged one."""
    return decided_questions(ledger_rows(lineage, _COLUMNS, pc.field("dataset") == "conversations"))


def decided_questions(rows: Iterable[Row]) -> DecidedQuestions:
    """Of a ledger's ``rows`` about conversations.

    Answered is a question with a source that was accepted or named. Unanswered is one that was judged to be
    out of bounds, or refused rightly, and one that none of the passages answers. What is held out is neither:
    it judges. Of the same question decided both ways nobody knows.
    """
    records: dict[str, list[Row]] = {}
    for row in rows:
        records.setdefault(row["record_id"], []).append(row)
    found: dict[bool, dict[str, str]] = {True: {}, False: {}}
    for about in records.values():
        text, answers = " ".join(about[0]["query"].split()), _is_answered(about)
        if text and answers is not None:
            found[answers].setdefault(normalise(text), text)
    both = found[True].keys() & found[False].keys()
    answered, unanswered = (
        tuple(text for key, text in found[one].items() if key not in both) for one in (True, False)
    )
    return DecidedQuestions(answered, unanswered)


def _is_answered(rows: Sequence[Row]) -> bool | None:
    """Whether the documents answer the question of a conversation, all of whose rows these are; None where
    nobody said so, or it is held out."""
    first = rows[0]
    if first["verdict"] == "undecided" or any(row["fate"] in ("holdout", "left-out") for row in rows):
        return None
    if any(row["teaches"] == "example" for row in rows):
        said = (row["fate"] != "conflict" and row["reason"] != CHUNK_REJECTED for row in rows)
        return True if all(said) else None
    if majority(rows, "out_of_guardrails") == "yes" or majority(rows, "best_source") == "none":
        return False
    is_refused_rightly = first["verdict"] == "accepted" and not first["chunk_id"]
    return False if is_refused_rightly else None


def majority(rows: Sequence[Row], question: str) -> str:
    """What most answered to a ``question`` about the record of these ``rows``; "" for a tie, or nobody."""
    votes = Counter(vote["value"] for vote in rows[0]["votes"] if vote["question"] == question)
    ranked = votes.most_common(2)
    if not ranked or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]):
        return ""
    return str(ranked[0][0])
