"""The decisions, for somebody who asks again and again: what was read is kept, and only what changed is read.

Argilla has no list of changes. This is how each is seen:

* an answer given, changed or discarded: Argilla's call names the record. So does that for one taken back;
* a record that was changed, or answered for the first time by a program (`records.log`): it is among those
  that were changed last;
* a record or a person that is gone, and any number of answers that nobody told: the answers counted by person
  are others than those kept;
* calls that were lost: the dataset says when it was last answered, and each call says which answer it is
  for. A time that no call explains means a change that nobody told.

The last two name no record, so the dataset is read as a whole. The same is done each hour, for what nothing
shows: an answer that a program changed, and two lost calls that cancel out.

A reader whom nobody calls (the dashboard) would read everything after each answer. ``is_called_never`` takes
an answer among the records changed last for what moved the dataset's time, and reads everything a little more
often instead: a look after that is due, so that who comes back in the morning sees what is new at once.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import argilla as rg
from pydantic import BaseModel

from curation.argilla.adjudication import Words
from curation.argilla.api import Api, JsonObject
from curation.argilla.datasets import RemoteDataset
from curation.argilla.decisions import (
    SUBMITTED,
    annotated_records,
    decision_of,
    find_datasets,
    settled,
    time_of,
    words_of,
)
from curation.argilla.progress import read_annotators
from curation.argilla.users import User, read_users
from curation.argilla.webhooks import Call
from curation.progress import SILENT, Progress
from curation.records.decision import DatasetName, Decision, Vote
from curation.settings import ArgillaSettings

COMPLETE_SECONDS = 3600.0  # between two readings of everything; one of 10,000 records takes 5 to 12 s
# The same for a reader whom nobody calls: so many times as long as a reading takes, and a minute at least.
_COMPLETE_TIMES, _COMPLETE_LEAST = 20, 60.0
_SOON = timedelta(seconds=1)  # after an answer the dataset's time moves, in the same request
_LAST_CHANGED = 50  # records in a page of those that were changed last
_COUNTS = "the numbers of answers"
# Which fields were given is nearly half of what a decision takes in memory: all that are kept share this.
_GIVEN: dict[type[BaseModel], set[str]] = {model: set(model.model_fields) for model in (Decision, Vote)}


@dataclass(frozen=True)
class _Kept:
    """A record as it was read: when it was changed, who had submitted an answer, and what follows."""

    changed: str
    submitted_by: tuple[str, ...]
    decision: Decision | None


@dataclass
class _Dataset:
    """What is known of a dataset. ``users`` are known by id.

    ``last_answer`` is the time until which all is explained, ``explained`` are later ones that calls were
    for. ``doubts`` are the signs of changes that nobody has told yet, found at an earlier look.
    """

    kind: DatasetName
    remote: RemoteDataset
    users: dict[str, User]
    last_answer: str
    complete_at: float
    took: float = 0.0  # seconds, the last complete reading
    is_owed: bool = False  # a complete reading, which the next look brings
    records: dict[str, _Kept] = field(default_factory=dict)
    explained: set[str] = field(default_factory=set)
    doubts: set[str] = field(default_factory=set)

    @property
    def submitted(self) -> Counter[str]:
        """How many answers each person has submitted."""
        return Counter(user for kept in self.records.values() for user in kept.submitted_by)


class DecisionReader:
    """Gives the same as ``read_decisions``. One thread reads; any may ``note`` a call.

    ``clock`` is ``time.monotonic``, in seconds. ``is_called_never``: nobody will ``note`` anything. Then an
    answer that was changed shortly before others were given shows with the next complete reading only.
    """

    def __init__(
        self,
        settings: ArgillaSettings,
        clock: Callable[[], float] = time.monotonic,
        is_called_never: bool = False,
        progress: Progress = SILENT,
    ) -> None:
        self._settings = settings
        self._is_called_never, self._progress = is_called_never, progress
        self._clock = clock
        self._lock = threading.Lock()
        self._called: set[Call] = set()
        self._known: dict[str, _Dataset] = {}  # by Argilla's id
        self._words: Words = {}

    def note(self, call: Call) -> None:
        """Argilla has called."""
        with self._lock:
            self._called.add(call)

    @property
    def doubts(self) -> bool:
        """Whether there are signs of a change whose call may be on its way. If it has not come by the next
        ``read``, that reads the dataset as a whole."""
        return any(known.doubts for known in self._known.values())

    def read_called(self, client: rg.Argilla) -> list[Decision]:
        """Read the records that calls have named since the last time, and nothing else: a request for 200.
        After a call that names none, or one in a dataset that is not known yet, do what ``read`` does.

        Raises what ``read`` raises.
        """
        with self._taken() as calls:
            if self._known and {call.dataset_id for call in calls} <= self._known.keys():
                for one in self._known.values():
                    self._read_called(Api.of(client), one, calls)
            else:
                self._read(Api.of(client), calls, is_called=True)
        return self._decisions()

    def read(self, client: rg.Argilla, is_called: bool = False) -> list[Decision]:
        """Look for changes of every kind. Without ``is_called`` no call is waited for: what cannot be
        explained is read at once.

        Raises what ``read_decisions`` raises. What was known and called is then kept.
        """
        with self._taken() as calls:
            self._read(Api.of(client), calls, is_called)
        return self._decisions()

    def _decisions(self) -> list[Decision]:
        kept = (one.decision for known in self._known.values() for one in known.records.values())
        decisions = (one for one in kept if one is not None)
        return settled(decisions, self._settings.acceptance, self._words)

    def _read(self, api: Api, calls: set[Call], is_called: bool) -> None:
        found = find_datasets(api, self._settings)
        users = read_users(api, self._settings)
        self._words = words_of(api, self._settings)
        now: dict[str, _Dataset] = {}
        for kind, remote in ((kind, one) for kind, datasets in found.items() for one in datasets):
            known = self._known.get(remote.id)
            if known is not None and self._may_stay(known, users):
                known.users = users
                self._read_called(api, known, calls)
                if not self._has_missed_something(api, known, remote, is_called):
                    now[remote.id] = known
                    continue
            # The time is that from before: what is answered meanwhile counts as new.
            now[remote.id] = _Dataset(kind, remote, users, remote.last_answer, self._clock())
            self._keep(api, now[remote.id], annotated_records(api, remote, self._progress))
            now[remote.id].took = self._clock() - now[remote.id].complete_at
        self._known = now

    # what calls tell

    @contextmanager
    def _taken(self) -> Iterator[set[Call]]:
        """The calls since the last time, which count again if reading fails."""
        with self._lock:
            calls, self._called = self._called, set()
        try:
            yield calls
        except BaseException:
            with self._lock:
                self._called |= calls
            raise

    def _read_called(self, api: Api, known: _Dataset, calls: set[Call]) -> None:
        ours = [call for call in calls if call.dataset_id == known.remote.id]
        self._read_records(api, known, sorted({call.record_id for call in ours}))
        known.explained |= {call.last_answer for call in ours if call.last_answer}

    def _read_records(self, api: Api, known: _Dataset, record_ids: Sequence[str]) -> None:
        found = api.by_ids(known.remote.id, record_ids, ["responses"])
        there = {str(record["id"]) for record in found}
        for key in record_ids:
            # A new record may not have come to the search yet, so one that is not found need not be gone.
            record = None if key in there else api.record(key)
            if record is not None:
                found.append(record)
            known.records.pop(key, None)
        self._keep(api, known, found)

    # what nobody tells

    def _may_stay(self, known: _Dataset, users: Mapping[str, User]) -> bool:
        """Whether everybody who has answered is still there under the same name, and the last complete
        reading was not long ago."""
        most = COMPLETE_SECONDS
        if self._is_called_never:
            most = min(most, max(_COMPLETE_LEAST, _COMPLETE_TIMES * known.took))
        is_fresh = self._clock() - known.complete_at < most
        if self._is_called_never and not is_fresh and not known.is_owed:
            is_fresh = known.is_owed = True
        return is_fresh and all(users.get(user) == known.users.get(user) for user in known.submitted)

    def _has_missed_something(
        self, api: Api, known: _Dataset, remote: RemoteDataset, is_called: bool
    ) -> bool:
        """Whether there was a change that nobody told, after the records that were changed last are read."""
        new = self._read_last_changed(api, known)
        signs = known.doubts - known.explained - {_COUNTS}
        is_told = remote.last_answer in (known.last_answer, *known.explained)
        if not is_told and not (self._is_called_never and _was_answered_at(new, remote.last_answer)):
            signs.add(remote.last_answer)
        counts = sorted(one.submitted for one in read_annotators(api, remote) if one.submitted)
        if counts != sorted(known.submitted.values()):
            signs.add(_COUNTS)
        if signs and (not is_called or signs & known.doubts):
            return True
        known.doubts = signs
        if not signs:
            known.last_answer = remote.last_answer
            known.explained = {moment for moment in known.explained if moment > remote.last_answer}
        return False

    def _read_last_changed(self, api: Api, known: _Dataset) -> list[JsonObject]:
        """Go through the annotated records, the last changed first, until a page holds nothing new. Returns
        what was new."""
        offset, new = 0, list[JsonObject]()
        while True:
            page = api.last_changed(known.remote.id, [SUBMITTED], offset, _LAST_CHANGED)
            before = [known.records.get(str(record["id"])) for record in page]
            self._keep(api, known, page)
            found = [
                record
                for kept, record in zip(before, page, strict=True)
                if kept is None or kept.changed != record["updated_at"]
            ]
            new += found
            if not found or len(page) < _LAST_CHANGED:
                return new
            offset += _LAST_CHANGED

    def _keep(self, api: Api, known: _Dataset, records: Sequence[JsonObject]) -> None:
        submitted = {str(record["id"]): _submitted_by(record) for record in records}
        if any(user not in known.users for users in submitted.values() for user in users):  # somebody new
            known.users = {**read_users(api, self._settings), **known.users}
        for record in records:
            key = str(record["id"])
            if submitted[key]:
                decision = decision_of(known.kind, record, known.users, self._settings.acceptance)
                for part in (decision, *decision.votes) if decision else ():
                    object.__setattr__(part, "__pydantic_fields_set__", _GIVEN[type(part)])
                known.records[key] = _Kept(str(record["updated_at"]), submitted[key], decision)
            else:
                known.records.pop(key, None)


def _was_answered_at(records: Sequence[JsonObject], moment: str) -> bool:
    """Whether an answer to one of them explains that the dataset was last answered at that moment."""
    moved = time_of(moment)
    if moved is None:
        return False
    times = (time_of(said.get("updated_at")) for one in records for said in one.get("responses") or ())
    return any(one is not None and timedelta() <= moved - one <= _SOON for one in times)


def _submitted_by(record: JsonObject) -> tuple[str, ...]:
    """The ids of the users who have submitted an answer."""
    responses = record.get("responses") or ()
    return tuple(str(one["user_id"]) for one in responses if one["status"] == "submitted")
