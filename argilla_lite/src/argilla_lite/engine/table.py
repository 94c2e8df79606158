"""A dataset's records in memory, column by column, brought up to date from Argilla's database before each
query.

Nothing here is a second truth: the table is filled from one snapshot of the database, and follows the changes
that the database itself notes (`source`). It is lost with the process and read again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from argilla_lite.engine.columns import Column, Kind, Mask, Rows
from argilla_lite.engine.source import Definition, Snapshot, parsed

# Entries of earlier generations, and as many as there are records, before all is read anew.
_MOST_STALE = 20_000


class Table:
    """Rows 0 … `count` - 1; deleted records leave a row that is not `alive`. Ids are 32 hexadecimal digits.
    Not thread-safe."""

    def __init__(self, dataset_id: str) -> None:
        self.dataset_id = dataset_id
        self.revision = -1
        self.filled = 0  # how often all was read: row numbers are other ones then
        self._clear(Definition((), ()))

    def _clear(self, definition: Definition) -> None:
        self.definition = definition
        self.ids: list[str] = []
        self.row_of: dict[str, int] = {}
        self.inserted: NDArray[np.int64] = np.empty(0, np.int64)
        self.updated: NDArray[np.int64] = np.empty(0, np.int64)
        self.generations: NDArray[np.int32] = np.empty(0, np.int32)
        self.alive: Mask = np.empty(0, np.bool_)
        self.statuses = Column("terms")
        self.external_ids = Column("terms")
        self.metadata = {name: Column(_metadata_kind(kind)) for name, kind in definition.properties}
        self.suggestions = {
            (question.name, part): Column(kind)
            for question in definition.questions
            for part, kind in _suggestion_parts(question.type)
        }
        self.responses = {
            question.name: Column(_value_kind(question.type)) for question in definition.questions
        }
        self.response_statuses = Column("terms")
        self.id_bits: NDArray[np.uint64] = np.empty(0, np.uint64)
        self._users: dict[str, int] = {}
        self._order: Rows | None = None
        self._written = 0  # rows written, again or anew, since all was read

    @property
    def count(self) -> int:
        return len(self.ids)

    def user(self, user_id: str) -> int:
        """A number for a user; of one without responses, too."""
        return self._users.setdefault(user_id, len(self._users))

    def rows(self, mask: Mask | None = None) -> Rows:
        """The records, or those in a mask of shape (count,), in the order in which they were added."""
        if self._order is None:
            steps = np.diff(self.inserted)
            if len(steps) and steps.min() <= 0:  # equal moments, or a clock that was set back
                self._order = np.lexsort((np.array(self.ids), self.inserted))
            else:
                self._order = np.arange(self.count)
        chosen = self.alive if mask is None else self.alive & mask
        return self._order[chosen[self._order]]

    def follow(self, snapshot: Snapshot) -> None:
        """Brings the table up to the snapshot's state."""
        definition = snapshot.definition(self.dataset_id)
        revision = snapshot.revision()
        if self.revision < 0 or definition != self.definition or self._stale():
            self._clear(definition)
            self.filled += 1
            self._read(snapshot, None)
            self._written = 0
        elif revision != self.revision:
            changed = snapshot.changed(self.dataset_id, self.revision)
            if changed:
                self._read(snapshot, changed)
        self.revision = revision

    def _stale(self) -> bool:
        return self._written > max(_MOST_STALE, self.count)

    def _read(self, snapshot: Snapshot, ids: Sequence[str] | None) -> None:
        if ids is not None:
            known = [row for one in ids if (row := self.row_of.get(one)) is not None]
            self.generations[known] += 1
            self.alive[known] = False  # until it is found again
        self._read_records(snapshot, ids)
        of_question = {question.id: question.name for question in self.definition.questions}
        for record_id, question_id, value, score, agent, kind in snapshot.suggestions(self.dataset_id, ids):
            name = of_question.get(question_id)
            if name is None:
                continue
            row = self.row_of[record_id]
            generation = int(self.generations[row])
            self.suggestions[name, "agent"].add(row, generation, agent)
            self.suggestions[name, "type"].add(row, generation, kind)
            for part, text in (("value", value), ("score", score)):
                if text is not None:
                    self.suggestions[name, part].add(row, generation, parsed(text))
        for record_id, user_id, status, answers in snapshot.responses(self.dataset_id, ids):
            row, user = self.row_of[record_id], self.user(user_id)
            generation = int(self.generations[row])
            self.response_statuses.add(row, generation, status, user)
            for name, answer in ((parsed(answers) if answers else None) or {}).items():
                if name in self.responses and isinstance(answer, dict):
                    self.responses[name].add(row, generation, answer.get("value"), user)

    def _read_records(self, snapshot: Snapshot, ids: Sequence[str] | None) -> None:
        found = list(snapshot.records(self.dataset_id, ids))
        new = [one.id for one in found if one.id not in self.row_of]
        self._grow(new)
        rows = np.array([self.row_of[one.id] for one in found], np.intp)
        self.inserted[rows] = [one.inserted for one in found]
        self.updated[rows] = [one.updated for one in found]
        self.alive[rows] = True
        self._order = None
        self._written += len(found)
        generations = self.generations[rows].tolist()
        for row, generation, record in zip(rows.tolist(), generations, found, strict=True):
            self.statuses.add(row, generation, record.status)
            self.external_ids.add(row, generation, record.external_id)
            metadata = parsed(record.metadata) if record.metadata else None
            if metadata:
                for name, column in self.metadata.items():
                    if name in metadata:
                        column.add(row, generation, metadata[name])

    def _grow(self, new: Sequence[str]) -> None:
        start, more = self.count, len(new)
        self.row_of.update(zip(new, range(start, start + more), strict=True))
        self.ids.extend(new)
        halves = [int(one[:16], 16) ^ int(one[16:], 16) for one in new]
        self.id_bits = np.concatenate([self.id_bits, np.array(halves, np.uint64)])
        self.inserted = np.concatenate([self.inserted, np.zeros(more, np.int64)])
        self.updated = np.concatenate([self.updated, np.zeros(more, np.int64)])
        self.generations = np.concatenate([self.generations, np.zeros(more, np.int32)])
        self.alive = np.concatenate([self.alive, np.zeros(more, np.bool_)])


def _metadata_kind(kind: str) -> Kind:
    return "terms" if kind == "terms" else "integer" if kind == "integer" else "float"


def _value_kind(question_type: str) -> Kind:
    return "integer" if question_type == "rating" else "terms"


def _suggestion_parts(question_type: str) -> tuple[tuple[str, Kind], ...]:
    return ("value", _value_kind(question_type)), ("score", "float"), ("agent", "terms"), ("type", "terms")
