"""Which decisions a retrain learns from: all of them, or those that a person asked for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from difflib import get_close_matches

from pydantic import BaseModel, ConfigDict

from curation import DatasetName, Decision, Vote, content_id

Key = tuple[DatasetName, str]
_EARLIEST = datetime.min.replace(tzinfo=timezone.utc)


class Person(BaseModel):
    """Who is meant by a name. ``ids`` are ``Vote.person``; ``names`` those under which a lineage that has no ids knows
    them."""

    model_config = ConfigDict(frozen=True)

    ids: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


class Selection(BaseModel):
    """What a retrain leaves out.

    ``without_annotators`` (user names, or user ids) and ``without_records`` (record ids) count as if they had never been there, in
    what is learned and in what is indexed. The other three choose among the triplets and conversations only: a chunk
    that somebody rejected stays out of the index whatever is learned. ``since``: somebody answered then or later;
    ``filters``: conditions for Argilla (curation.argilla.conditions), all of which hold; ``max_records``: the newest of
    what is left. ``people`` says whom the names in ``without_annotators`` mean beyond those who have them now
    (training.annotators.identify finds out).
    """

    model_config = ConfigDict(frozen=True)

    without_annotators: tuple[str, ...] = ()
    without_records: tuple[str, ...] = ()
    since: datetime | None = None
    filters: tuple[str, ...] = ()
    max_records: int | None = None
    people: dict[str, Person] = {}

    @property
    def digest(self) -> str:
        """Tells selections apart; empty for everything."""
        if not self:
            return ""
        values = self.model_copy(
            update={
                "without_annotators": tuple(sorted(set(self.without_annotators))),
                "without_records": tuple(sorted(set(self.without_records))),
                "filters": tuple(sorted(set(self.filters))),
            }
        )
        # Not who is meant: that is found out anew each time.
        return content_id("selection", values.model_dump_json(exclude={"people"}))

    def __bool__(self) -> bool:
        return self != Selection()

    @property
    def forgets(self) -> bool:
        """Whether somebody's answers are to be as if they had never been given."""
        return bool(self.without_annotators or self.without_records)

    def told(self, unmatched: Unmatched) -> Selection:
        """The same without the annotators whom nobody knows: what may be said about a release."""
        left = tuple(name for name in self.without_annotators if name not in unmatched.annotators)
        people = {name: person for name, person in self.people.items() if name in left}
        return self.model_copy(update={"without_annotators": left, "people": people})

    def is_without(self, vote: Vote) -> bool:
        """Whether an answer is somebody's who is left out."""
        if any(vote.annotator_id in person.ids for person in self.people.values()):
            return True
        return any(vote.is_by(name) for name in self.without_annotators)

    def notes(self, unmatched: Unmatched, left_out_for_good: Collection[str]) -> list[str]:
        """What the person who asked for it should know about it."""
        notes = [*unmatched.notes]
        if any(name not in left_out_for_good for name in self.without_annotators):
            notes.append(
                "The next retrain without this option learns from them again: training.without_annotators leaves "
                "somebody out for good."
            )
        return notes

    def describe(self) -> list[str]:
        """One phrase per part, for people."""
        told = [f"without annotator {name}" for name in self.without_annotators]
        if self.without_records:
            told.append(f"without {len(self.without_records)} named records")
        if self.since is not None:
            told.append(f"answered since {self.since:%Y-%m-%d %H:%M} UTC")
        told += [f"filter: {condition}" for condition in self.filters]
        if self.max_records is not None:
            told.append(f"the newest {self.max_records} records")
        return told

    def as_markdown(self) -> str:
        """A section for the model card; nothing when everything was learned from."""
        if not self:
            return ""
        parts = "\n".join(f"- `{' '.join(part.replace('`', ' ').split())}`" for part in self.describe())
        return f"\n## Selection\n\nThis run left out a part of the annotations:\n\n{parts}\n"


class LeftOut(BaseModel):
    """A decision that the selection leaves out, and why. What was answered is not repeated here."""

    model_config = ConfigDict(frozen=True)

    dataset: DatasetName
    record_id: str
    reason: str


class Unmatched(BaseModel):
    """Names and ids of a selection that no decision has: probably typing errors. ``annotators`` maps each name to the most
    similar one that has answered, or to nothing. No typing errors, but worth a word: ``renamed`` maps names to those that
    their owners have now, ``gone`` has the names of people who were known and have no answer in Argilla any more."""

    model_config = ConfigDict(frozen=True)

    annotators: dict[str, str] = {}
    records: list[str] = []
    renamed: dict[str, str] = {}
    gone: list[str] = []

    @property
    def notes(self) -> list[str]:
        """What the person who asked should know."""
        told = [f"No decision is about {', '.join(self.records)}."] if self.records else []
        for name, alike in self.annotators.items():
            told.append(
                f"training.without_annotators names {name!r}, and nobody of that name has answered: nothing was left out "
                "because of it." + (f" Is {alike!r} meant?" if alike else "")
            )
        for name, now in self.renamed.items():
            told.append(f"Annotator {name!r} is called {now!r} in Argilla now: those answers are left out.")
        for name in self.gone:
            told.append(f"Annotator {name!r} has no answers in Argilla any more: none had to be left out.")
        return told


@dataclass
class Selected:
    """What a selection comes to."""

    decisions: list[Decision] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    unmatched: Unmatched = field(default_factory=Unmatched)
    selection: Selection = field(default_factory=Selection)


def select(
    decisions: Sequence[Decision], selection: Selection, matching: Collection[Key] | None = None
) -> Selected:
    """Apply ``selection``. ``matching`` are the keys that pass its filters, as Argilla says; needed if it has any.

    A record whose other annotators remain is decided anew by their answers, and passes conditions about responses by them.
    The order of ``decisions`` is kept.
    """
    if selection.filters and matching is None:
        raise ValueError("a selection with filters needs the records that match them")
    result = Selected(unmatched=_unmatched(decisions, selection), selection=selection)
    kept: list[Decision] = []
    for decision in decisions:
        remaining, reason = _without(decision, selection)
        if remaining is not None:
            reason = _not_chosen(remaining, selection, matching, remaining.votes != decision.votes)
        if remaining is None or reason:
            result.left_out.append(_left_out(decision, reason))
        else:
            kept.append(remaining)
    newest = _newest(kept, selection.max_records)
    for decision in kept:
        if newest is None or decision.dataset == "chunks" or (decision.dataset, decision.record_id) in newest:
            result.decisions.append(decision)
        else:
            result.left_out.append(
                _left_out(decision, f"not among the newest {selection.max_records} records")
            )
    return result


def _without(decision: Decision, selection: Selection) -> tuple[Decision | None, str]:
    if decision.record_id in selection.without_records:
        return None, "named in --without-records"
    gone = {vote.annotator_id: vote.annotator for vote in decision.votes if selection.is_without(vote)}
    if not gone:
        return decision, ""
    # The rules are curation's; its package loads Argilla's client, which a plain retrain's later steps do not need.
    from curation import decision_without

    return decision_without(decision, gone), f"answered only by {', '.join(sorted(set(gone.values())))}"


def _not_chosen(
    decision: Decision, selection: Selection, matching: Collection[Key] | None, is_restated: bool
) -> str:
    """Why a decision that may be learned from is not, or nothing. ``is_restated``: Argilla, which found it, knows answers
    that do not count here."""
    if decision.dataset == "chunks":
        return ""
    if selection.filters and matching is not None and (decision.dataset, decision.record_id) not in matching:
        return "does not pass the filter"
    if selection.filters and is_restated:
        from curation import votes_match

        if not votes_match(selection.filters, decision.votes):
            return "does not pass the filter"
    if selection.since is not None and (decision.last_answer or _EARLIEST) < selection.since:
        return f"not answered since {selection.since:%Y-%m-%d %H:%M} UTC"
    return ""


def _newest(decisions: Sequence[Decision], most: int | None) -> set[Key] | None:
    """Keys of the ``most`` triplets and conversations that were answered last; None for no limit."""
    if most is None:
        return None
    ranked = sorted(
        (one for one in decisions if one.dataset != "chunks"),
        key=lambda one: (one.last_answer or _EARLIEST, one.dataset, one.record_id),
        reverse=True,
    )
    return {(one.dataset, one.record_id) for one in ranked[:most]}


def _left_out(decision: Decision, reason: str) -> LeftOut:
    return LeftOut(dataset=decision.dataset, record_id=decision.record_id, reason=reason)


def _unmatched(decisions: Sequence[Decision], selection: Selection) -> Unmatched:
    given_by = {vote.annotator_id: vote for one in decisions for vote in one.votes}
    names = {vote.annotator for vote in given_by.values()}
    unknown: dict[str, str] = {}
    renamed: dict[str, str] = {}
    gone: list[str] = []
    for name in dict.fromkeys(selection.without_annotators):
        person = selection.people.get(name)
        meant = [given_by[one] for one in (person.ids if person else ()) if one in given_by]
        if others := sorted(vote.annotator for vote in meant if not vote.is_by(name)):
            renamed[name] = ", ".join(others)
        if others or any(vote.is_by(name) for vote in given_by.values()):
            continue
        if person:
            gone.append(name)
        else:
            unknown[name] = _most_similar(name, names)
    missing = _missing(selection.without_records, {one.record_id for one in decisions})
    return Unmatched(annotators=unknown, records=missing, renamed=renamed, gone=gone)


def _missing(asked: Sequence[str], known: Collection[str]) -> list[str]:
    return [name for name in dict.fromkeys(asked) if name not in known]


def _most_similar(name: str, known: Collection[str]) -> str:
    """The known name that ``name`` is probably meant to be; empty when none is like it."""
    by_folded = {one.casefold(): one for one in sorted(known)}
    found = get_close_matches(name.casefold(), list(by_folded), n=1)
    return by_folded[found[0]] if found else ""
