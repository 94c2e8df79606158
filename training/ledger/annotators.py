"""Whom the names mean that a selection leaves out: people get other names, and an Argilla key may not see everybody's.

A name is that of whoever has it now, and of whoever had it in what the served release was made from, or when an earlier run
left it out. What was written before user ids were kept is told by Argilla's response ids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from curation import ClayloopError, Decision, SettingsError
from serving import LINEAGE_FILE, ReleaseStore
from training.ledger.ancestry import lineages
from training.ledger.lineage import read_lineage, read_note
from training.ledger.lineage_record import LINEAGE_NOTE_FILE, LineageRow
from training.prepare.selection import Person, Selection
from training.runs.run import RunStore

_Pairs = set[tuple[str, str]]  # name, user id


def identify(
    selection: Selection, decisions: Sequence[Decision], store: ReleaseStore, runs: RunStore
) -> Selection:
    """The selection with its ``people``: for each name in ``without_annotators`` the ids of whom it means.

    ``decisions`` are all that Argilla has now. Raises SettingsError for a name that nobody has now, from whose answers the
    served release learned, if somebody else has answered the same records since: it may be the same person.
    """
    asked = list(dict.fromkeys(selection.without_annotators))
    served = store.current_id()
    if not asked or served is None:
        return selection
    now = _Now(decisions)
    taught = [rows for rows in lineages(store, served) if rows]
    pairs = now.pairs() | {pair for rows in taught for pair in _pairs(rows, now)}
    noted = _noted(store, served, runs)
    found = {name: _person(name, pairs, noted) for name in asked}
    unknown = [name for name, person in found.items() if not person.ids]
    for rows in _parents(store, served) if unknown else ():
        pairs |= set(_pairs(rows, now))
        found |= {name: _person(name, pairs, noted) for name in unknown}
        unknown = [name for name in unknown if not found[name].ids]
        if not unknown:
            break
    people = {}
    for name, person in found.items():
        here = any(one in now.names for one in person.ids)
        if here and set(person.ids) | set(person.names) == {name}:
            continue  # the name says it all
        by_name = [row for rows in taught for row in rows if (name, "") in row.people]
        if not here and by_name:
            _check_not_renamed(name, by_name, now, served)
        if person.ids or by_name:
            people[name] = person
    return selection.model_copy(update={"people": people})


class _Now:
    """Who answers in Argilla. ``names`` maps people to names, ``owners`` response ids to people, ``answered`` records
    (dataset, id) to the people who answered them."""

    def __init__(self, decisions: Sequence[Decision]) -> None:
        self.names: dict[str, str] = {}
        self.owners: dict[str, str] = {}
        self.answered: dict[tuple[str, str], list[str]] = {}
        for one in decisions:
            for vote in one.votes:
                self.names[vote.annotator_id] = vote.annotator
                self.owners[vote.response_id] = vote.annotator_id
            self.answered[one.dataset, one.record_id] = sorted({vote.annotator_id for vote in one.votes})

    def pairs(self) -> _Pairs:
        return {(name, person) for person, name in self.names.items()}


def _person(name: str, pairs: _Pairs, noted: Sequence[Selection]) -> Person:
    ids = {person for called, person in pairs if name in (called, person)}
    names = {name}
    for earlier in noted:
        if name in earlier.people:
            ids.update(earlier.people[name].ids)
            names.update(earlier.people[name].names)
    names |= {called for called, person in pairs if person in ids}
    return Person(ids=tuple(sorted(ids)), names=tuple(sorted(names)))


def _pairs(rows: Iterable[LineageRow], now: _Now) -> Iterator[tuple[str, str]]:
    """Who had which name when ``rows`` were written: as they say it, else as the owners of the same responses tell."""
    for row in rows:
        if row.annotator_ids and all(row.annotator_ids):
            yield from row.people
            continue
        behind = {now.owners[one] for one in row.responses if one in now.owners}
        renamed = [person for person in behind if now.names[person] not in row.annotators]
        nobodys = set(row.annotators) - {now.names[person] for person in behind}
        yield from ((now.names[person], person) for person in behind if person not in renamed)
        if len(renamed) == len(nobodys) == 1:
            yield nobodys.pop(), renamed[0]


def _noted(store: ReleaseStore, served: str, runs: RunStore) -> list[Selection]:
    """What the releases up to the served one, and runs that came to none, found out about whom to leave out."""
    found = [record.selection for record in runs.list() if record.selection.people]
    for release in _chain(store, served):
        with suppress(ClayloopError):  # one that is damaged tells nothing
            note = read_note(store.folder(release) / LINEAGE_NOTE_FILE)
            if note is not None and note.selection.people:
                found.append(note.selection)
    return found


def _parents(store: ReleaseStore, served: str) -> Iterator[list[LineageRow]]:
    """The lineages of the releases before, newest first, as far back as they can be read."""
    for release in _chain(store, served)[1:]:
        try:
            yield read_lineage(store.folder(release) / LINEAGE_FILE)
        except ClayloopError:
            return


def _chain(store: ReleaseStore, release_id: str) -> list[str]:
    found: list[str] = []
    following: str | None = release_id
    while following is not None and following not in found:
        try:
            release = store.get(following)
        except ClayloopError:
            break
        found.append(release.id)
        following = release.parent
    return found


def _check_not_renamed(name: str, rows: Sequence[LineageRow], now: _Now, served: str) -> None:
    """``rows`` are those that know the annotator by name only."""
    newcomers = Counter(
        person
        for row in rows
        for person in now.answered.get((row.dataset, row.record_id), ())
        if now.names[person] not in row.annotators
    )
    if not newcomers:
        return
    person, count = max(newcomers.items(), key=lambda one: (one[1], one[0]))
    known = f" (user id {person})" if person != now.names[person] else ""
    raise SettingsError(
        f"The annotator {name!r} is to be left out, {served} was made from answers of that name, and nobody in Argilla has "
        f"it now: they may have been renamed. {now.names[person]!r}{known} has answered {count} of the same "
        f"{len(rows)} records since.",
        "Name them by their user id or by their name of now (training.without_annotators, --without-annotator). If they have "
        'left, take the name out, and retrain once with training.fit.start = "base".',
    )
