"""From documents to what the model was trained on: how many came through, and what was dropped, and why."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from curation import Corpus, Home, load_triplets
from serving import ReleaseStore
from training import LedgerRow, by_decision, ledger_of

_EXAMPLES = 3
_COLUMNS = ("verdict", "query", "text", "fate", "reason", "teaches", "origin", "decided")
_KEPT = {
    "train": "trained on",
    "holdout": "held out to judge by",
    "negative": "trained on as negatives",
    "waiting": "in the index and not trained on yet",
    "indexed": "chunks in the index",
    "served": "answers that are served",
}


@dataclass(frozen=True)
class Dropped:
    """Decisions that nothing is learned from, for one reason: how many, some of them, and their ``records``
    (dataset → ids)."""

    fate: str
    reason: str
    count: int
    examples: Sequence[str]
    records: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Funnel:
    """``stages`` are (what, how many), from the widest on. ``kept`` counts decisions by what they became,
    in words."""

    stages: Sequence[tuple[str, int]]
    kept: Sequence[tuple[str, int]]
    dropped: Sequence[Dropped]


def read_funnel(home: Home) -> Funnel:
    """Of the corpus and the served release. Raises StateError or ReleaseError for what is missing or
    damaged."""
    corpus, store = Corpus.load(home), ReleaseStore(home)
    served = store.current_id()
    rows = by_decision(ledger_of(store, served, _COLUMNS)) if served else []
    accepted = sum(row.verdict == "accepted" for row in rows)
    fates = Counter(row.fate for row in rows)
    stages = [
        ("documents", len(corpus.documents)),
        ("chunks", len(corpus.chunks)),
        ("triplets made", len(load_triplets(home))),
        ("decisions in the served release", len(rows)),
        ("accepted", accepted),
        ("trained on", fates["train"]),
    ]
    kept = [(words, fates[fate]) for fate, words in _KEPT.items() if fates[fate]]  # type: ignore[index]
    return Funnel(stages, kept, _dropped(rows))


def _dropped(rows: Sequence[LedgerRow]) -> list[Dropped]:
    groups: dict[tuple[str, str], list[LedgerRow]] = defaultdict(list)
    for row in rows:
        if row.fate not in _KEPT:
            groups[row.fate, row.reason or row.decided].append(row)
    return [
        Dropped(fate, reason, len(found), [_text(row) for row in found[:_EXAMPLES]], _records(found))
        for (fate, reason), found in sorted(groups.items(), key=lambda group: -len(group[1]))
    ]


def _text(row: LedgerRow) -> str:
    return " ".join((row.query or row.text).split())


def _records(rows: Sequence[LedgerRow]) -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        found[row.dataset].append(row.record_id)
    return found
