"""What the documentation lacks: questions for which nobody found a good source, those that mean the same
together.

A question is one if people judged its conversation and no source came of it: the bot refused it, the answer
was wrong and nobody named a source that is right, they said that none is, or they wrote the answer from no
source. One that is out of bounds is none, nor is one that was accepted with a source.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from curation import normalise
from serving.releases.carried_lineage import ledger_rows
from serving.releases.decided import majority
from serving.retrieval.vectors import Vectors

Lack = Literal["refused", "named none", "corrected without a source", "wrong, and no source named"]

# Questions whose mean cosine is at least so large are about the same.
_LIKE = 0.5
# Every pair is compared: 4,000 are 128 MB. Of more, the newest are looked at.
MOST_QUESTIONS = 4_000
_EXAMPLES = 5
_COLUMNS = ["dataset", "record_id", "teaches", "verdict", "query", "chunk_id", "votes", "fate"]


class OpenQuestion(BaseModel):
    """A question without a good source. ``lack`` says how that showed."""

    model_config = ConfigDict(frozen=True)

    record_id: str
    text: str
    lack: Lack


class Gap(BaseModel):
    """Questions about the same thing. ``examples`` are some of them, the most typical one first; ``lacks``
    counts how it showed that there is no source, ``records`` are all of them."""

    model_config = ConfigDict(frozen=True)

    questions: int
    examples: list[str]
    lacks: dict[str, int]
    records: list[str]


def open_questions(lineage: Path) -> list[OpenQuestion]:
    """The questions of the ledger ``lineage`` that have no good source, newest first. Raises StateError for a
    damaged file."""
    chosen = (pc.field("dataset") == "conversations") & (pc.field("fate") != "left-out")
    records: dict[str, list[dict[str, Any]]] = {}
    for row in ledger_rows(lineage, _COLUMNS, chosen):
        records.setdefault(row["record_id"], []).append(row)
    found = []
    for key, about in records.items():
        lack = _lack(about)
        text = " ".join(about[0]["query"].split())
        if lack is not None and text:
            found.append((_last(about), OpenQuestion(record_id=key, text=text, lack=lack)))
    found.sort(key=lambda pair: -pair[0])
    return [question for _, question in found]


def find_gaps(questions: Sequence[OpenQuestion], embed: Callable[[list[str]], Vectors]) -> list[Gap]:
    """The gaps that ``questions`` show, largest first. ``embed`` gives unit vectors (n, d). The first
    ``MOST_QUESTIONS`` different ones are looked at."""
    asked: dict[str, list[OpenQuestion]] = {}
    for one in questions:
        asked.setdefault(normalise(one.text), []).append(one)
    groups = list(asked.values())[:MOST_QUESTIONS]
    if not groups:
        return []
    vectors = embed([same[0].text for same in groups])
    labels = _clusters(vectors)
    gaps = []
    for label in range(int(labels.max()) + 1):
        places = np.flatnonzero(labels == label)
        centre = vectors[places].mean(axis=0)
        typical = places[np.argsort(-(vectors[places] @ centre), kind="stable")]
        members = [one for place in typical for one in groups[place]]
        gaps.append(
            Gap(
                questions=len(members),
                examples=[groups[place][0].text for place in typical[:_EXAMPLES]],
                lacks=dict(Counter(one.lack for one in members).most_common()),
                records=[one.record_id for one in members],
            )
        )
    return sorted(gaps, key=lambda gap: (-gap.questions, gap.examples))


def _clusters(vectors: Vectors) -> Any:
    """(n,): the cluster of each vector, from 0, by average linkage."""
    from sklearn.cluster import AgglomerativeClustering

    if len(vectors) < 2:
        return np.zeros(len(vectors), np.int64)
    model = AgglomerativeClustering(
        n_clusters=None, metric="cosine", linkage="average", distance_threshold=1 - _LIKE
    )
    return model.fit_predict(vectors)


def _lack(rows: Iterable[dict[str, Any]]) -> Lack | None:
    """Why a conversation, all of whose rows these are, has no good source; None where it has one, or says
    nothing about it."""
    rows = list(rows)
    first = rows[0]
    if any(row["teaches"] == "example" for row in rows) or first["verdict"] == "undecided":
        return None
    if majority(rows, "out_of_guardrails") == "yes":
        return None
    if majority(rows, "best_source") == "none":
        return "named none"
    if any(row["teaches"] == "answer" and not row["chunk_id"] for row in rows):
        return "corrected without a source"
    if not first["chunk_id"]:
        return "refused"
    return "wrong, and no source named" if first["verdict"] == "rejected" else None


def _last(rows: Sequence[dict[str, Any]]) -> float:
    """When a record was last answered, as a time stamp; 0 where nobody knows."""
    return max((vote["at"].timestamp() for vote in rows[0]["votes"] if vote["at"] is not None), default=0.0)
