"""What is new since a release: told from its lineage, of which no more is read than that takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from curation import Decision
from training.ledger.lineage_columns import lineage_table
from training.ledger.lineage_record import LineageRow

_COLUMNS = ("dataset", "record_id", "fingerprint", "verdict", "role")


class News(BaseModel):
    """How decisions differ from those that a release was made from. ``withdrawn`` counts those that are gone."""

    model_config = ConfigDict(frozen=True)

    new: int
    withdrawn: int

    @property
    def total(self) -> int:
        return self.new + self.withdrawn


@dataclass(frozen=True)
class Known:
    """The ``fingerprints`` of what a release knows, and which records (dataset, id) were ``decided`` then. What the
    selection of that release's run left out is not known to it."""

    fingerprints: frozenset[str]
    decided: frozenset[tuple[str, str]]

    def news(self, decisions: Sequence[Decision], fingerprints: Sequence[frozenset[str]]) -> News:
        """See ``compare``. ``fingerprints`` are those of each of ``decisions``, in their order."""
        here = {(one.dataset, one.record_id) for one in decisions}
        new = sum(
            self.fingerprints.isdisjoint(names)
            and (one.verdict != "undecided" or (one.dataset, one.record_id) in self.decided)
            for one, names in zip(decisions, fingerprints, strict=True)
        )
        return News(new=new, withdrawn=len(self.decided - here))


def compare(decisions: Sequence[Decision], known: Sequence[LineageRow]) -> News:
    """What is new since the release whose lineage is ``known``: there is no counter that could drift.

    An undecided record (a tie, or no answer that counts) is no news unless it was decided before.
    """
    rows = ((row.dataset, row.record_id, row.fingerprints, row.verdict, row.role) for row in known)
    return _known(rows).news(decisions, [frozenset((one.fingerprint,)) for one in decisions])


def read_known(path: Path) -> Known:
    """What the lineage.parquet at ``path`` knows; nothing when there is none (a bootstrap). Releases do not change, so it is
    kept from one look to the next. Raises StateError for a damaged one."""
    try:
        return _read_known(path, path.stat().st_mtime_ns)
    except FileNotFoundError:
        return _known(())


@lru_cache(maxsize=2)
def _read_known(path: Path, changed: int) -> Known:
    table = lineage_table(path, list(_COLUMNS))
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    datasets, records, first, verdicts, roles = (columns[name] for name in _COLUMNS)
    fingerprints = [frozenset((one,)) if one else frozenset() for one in first]
    return _known(zip(datasets, records, fingerprints, verdicts, roles, strict=True))


def _known(rows: Iterable[tuple[str, str, frozenset[str], str, str]]) -> Known:
    fingerprints: set[str] = set()
    decided: set[tuple[str, str]] = set()
    for dataset, record_id, names, verdict, role in rows:
        if role != "left-out":
            fingerprints |= names
            if verdict != "undecided":
                decided.add((dataset, record_id))
    return Known(frozenset(fingerprints), frozenset(decided))
