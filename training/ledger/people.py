"""What a retrain leaves out, and whom the names in it mean.

A person is Argilla's user id. A name in the settings or on the command line is looked up once, when the
decisions are read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from difflib import get_close_matches

from pydantic import BaseModel, ConfigDict

from curation import Decision, SettingsError, Vote, content_id
from training.ledger.rows import LedgerRow


class Selection(BaseModel):
    """What a retrain leaves out.

    ``without_annotators`` (user names or user ids) and ``without_records`` (record ids) count as if they had
    never been there, in what is learned and in what is indexed. The other three choose among the triplets and
    conversations only: a chunk that somebody rejected stays out of the index whatever is learned. ``since``:
    somebody answered then or later; ``filters``: conditions for Argilla, all of which hold; ``max_records``:
    the newest of what is left. ``people`` maps each name to the user ids that it means (``find_people``).
    """

    model_config = ConfigDict(frozen=True)

    without_annotators: tuple[str, ...] = ()
    without_records: tuple[str, ...] = ()
    since: datetime | None = None
    filters: tuple[str, ...] = ()
    max_records: int | None = None
    people: dict[str, tuple[str, ...]] = {}

    @property
    def digest(self) -> str:
        """Tells selections apart; empty for everything. The user ids are not in it: they are looked up anew
        each time."""
        if not self:
            return ""
        values = self.model_copy(
            update={
                "without_annotators": tuple(sorted(set(self.without_annotators))),
                "without_records": tuple(sorted(set(self.without_records))),
                "filters": tuple(sorted(set(self.filters))),
            }
        )
        return content_id("selection", values.model_dump_json(exclude={"people"}))

    def __bool__(self) -> bool:
        return self != Selection()

    @property
    def forgets(self) -> bool:
        """Whether somebody's answers are to be as if they had never been given."""
        return bool(self.without_annotators or self.without_records)

    @property
    def matched(self) -> Selection:
        """The same without the names that nobody has: what may be said about a release."""
        names = tuple(name for name in self.without_annotators if name in self.people)
        return self.model_copy(update={"without_annotators": names})

    def is_without(self, vote: Vote) -> bool:
        """Whether an answer is somebody's who is left out."""
        return any(vote.annotator_id in ids for ids in self.people.values())

    def describe(self) -> list[str]:
        """One phrase per part, for people."""
        phrases = [f"without annotator {name}" for name in self.without_annotators]
        if self.without_records:
            phrases.append(f"without {len(self.without_records)} named records")
        if self.since is not None:
            phrases.append(f"answered since {self.since:%Y-%m-%d %H:%M} UTC")
        phrases += [f"filter: {condition}" for condition in self.filters]
        if self.max_records is not None:
            phrases.append(f"the newest {self.max_records} records")
        return phrases


EVERYTHING = Selection()


def find_people(selection: Selection, votes: Iterable[Vote]) -> Selection:
    """The selection with the user ids that its names mean, as far as somebody in ``votes`` has that name or
    id."""
    ids: dict[str, set[str]] = {}
    for vote in votes:
        for name in (vote.annotator, vote.annotator_id):
            ids.setdefault(name, set()).add(vote.annotator_id)
    people = {name: tuple(sorted(ids[name])) for name in selection.without_annotators if name in ids}
    return selection.model_copy(update={"people": people})


def learned_from(rows: Iterable[LedgerRow], selection: Selection) -> bool:
    """Whether a release with the ledger ``rows`` learned from what ``selection`` wants forgotten."""
    return any(
        row.record_id in selection.without_records or any(selection.is_without(vote) for vote in row.votes)
        for row in rows
        if row.fate in ("train", "negative")
    )


class Unmatched(BaseModel):
    """Names and ids of a selection that no decision has: probably typing errors. ``annotators`` maps each
    name to the most similar one that has answered, or to nothing."""

    model_config = ConfigDict(frozen=True)

    annotators: dict[str, str] = {}
    records: list[str] = []

    @property
    def notes(self) -> list[str]:
        """What the person who asked should know."""
        notes = [f"No decision is about {', '.join(self.records)}."] if self.records else []
        for name, alike in self.annotators.items():
            notes.append(
                f"training.without_annotators names {name!r}, and nobody of that name has answered: nothing "
                "was left out because of it." + (f" Is {alike!r} meant?" if alike else "")
            )
        return notes


def find_unmatched(selection: Selection, decisions: Sequence[Decision]) -> Unmatched:
    """What the selection names and nobody has. ``selection`` has been through ``find_people``."""
    names = {vote.annotator for one in decisions for vote in one.votes}
    records = {one.record_id for one in decisions}
    return Unmatched(
        annotators={
            name: _most_similar(name, names)
            for name in dict.fromkeys(selection.without_annotators)
            if name not in selection.people
        },
        records=[one for one in dict.fromkeys(selection.without_records) if one not in records],
    )


def check_names(
    unmatched: Unmatched, left_out_for_good: Collection[str], decisions: Sequence[Decision]
) -> None:
    """Raise SettingsError for a name on the command line that nobody has. One in the settings may have left
    altogether."""
    unknown = [name for name in unmatched.annotators if name not in left_out_for_good]
    if unknown:
        known = sorted({name for decision in decisions for name in decision.annotators})
        raise SettingsError(
            f"No annotator has the name {', '.join(map(repr, unknown))}.",
            f"These have answered: {', '.join(known)}." if known else "Nobody has answered anything yet.",
        )


def _most_similar(name: str, known: Collection[str]) -> str:
    """The known name that ``name`` is probably meant to be; empty when none is like it."""
    by_folded = {one.casefold(): one for one in sorted(known)}
    found = get_close_matches(name.casefold(), list(by_folded), n=1)
    return by_folded[found[0]] if found else ""
