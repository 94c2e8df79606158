"""What a retrain leaves out: the selection itself, whom the names in it mean, and which decisions remain.

A person is Argilla's user id. A name in the settings or on the command line is looked up once, when the
decisions are read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timezone
from difflib import get_close_matches

from pydantic import AwareDatetime, BaseModel, ConfigDict

from curation import Decision, SettingsError, Vote, content_id
from training.ledger.rows import LedgerRow, RecordKey

ReadDecisions = Callable[[], list[Decision]]
FindMatching = Callable[[Sequence[str]], Set[tuple[str, str]]]

_EARLIEST = datetime.min.replace(tzinfo=timezone.utc)


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
    since: AwareDatetime | None = None
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


@dataclass
class Selected:
    """What a selection comes to: the ``decisions`` that remain, and a ledger row for each one that it leaves
    out. What was answered in those is not repeated in their rows."""

    decisions: list[Decision] = field(default_factory=list)
    left_out: list[LedgerRow] = field(default_factory=list)
    unmatched: Unmatched = field(default_factory=Unmatched)
    selection: Selection = EVERYTHING


def read_selected(
    read_decisions: ReadDecisions,
    selection: Selection,
    find_matching: FindMatching | None,
    left_out_for_good: Collection[str],
) -> Selected:
    """Read the decisions, look up whom the selection means, and apply it.

    Raises SettingsError for an annotator who has answered nothing, unless the settings name them
    (``left_out_for_good``): somebody who was left out for good may have left altogether.
    """
    decisions = read_decisions()
    matching = find_matching(selection.filters) if selection.filters and find_matching else None
    selected = select(decisions, selection, matching)
    check_names(selected.unmatched, left_out_for_good, decisions)
    return selected


def select(
    decisions: Sequence[Decision], selection: Selection, matching: Collection[tuple[str, str]] | None = None
) -> Selected:
    """Apply ``selection``. ``matching`` are the records that pass its filters, as Argilla says; needed if it
    has any.

    A record whose other annotators remain is decided anew by their answers, and passes conditions about
    responses by them. The order of ``decisions`` is kept.
    """
    if selection.filters and matching is None:
        raise ValueError("a selection with filters needs the records that match them")
    selection = find_people(selection, (vote for one in decisions for vote in one.votes))
    result = Selected(unmatched=find_unmatched(selection, decisions), selection=selection)
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
        if newest is None or decision.dataset == "chunks" or _key(decision) in newest:
            result.decisions.append(decision)
        else:
            reason = f"not among the newest {selection.max_records} records"
            result.left_out.append(_left_out(decision, reason))
    return result


def find_people(selection: Selection, votes: Iterable[Vote]) -> Selection:
    """The selection with the user ids that its names mean, as far as somebody in ``votes`` has that name or
    id."""
    ids: dict[str, set[str]] = {}
    for vote in votes:
        for name in (vote.annotator, vote.annotator_id):
            ids.setdefault(name, set()).add(vote.annotator_id)
    people = {name: tuple(sorted(ids[name])) for name in selection.without_annotators if name in ids}
    return selection.model_copy(update={"people": people})


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


def learned_from(rows: Iterable[LedgerRow], selection: Selection) -> bool:
    """Whether a release with these ``rows`` has what ``selection`` wants forgotten in its model or its index.
    Somebody without answers today may have had some then."""
    rows = [row for row in rows if row.fate in ("train", "negative", "indexed", "served", "removed")]
    then = find_people(selection, (vote for row in rows for vote in row.votes))
    meant = selection.model_copy(update={"people": then.people | selection.people})
    return any(
        row.record_id in meant.without_records or any(meant.is_without(vote) for vote in row.votes)
        for row in rows
    )


def _without(decision: Decision, selection: Selection) -> tuple[Decision | None, str]:
    if decision.record_id in selection.without_records:
        return None, "named in --without-records"
    gone = {vote.annotator_id: vote.annotator for vote in decision.votes if selection.is_without(vote)}
    if not gone:
        return decision, ""
    from curation import decision_without

    return decision_without(decision, gone), f"answered only by {', '.join(sorted(set(gone.values())))}"


def _not_chosen(
    decision: Decision, selection: Selection, matching: Collection[tuple[str, str]] | None, is_restated: bool
) -> str:
    """Why a decision that may be learned from is not, or nothing. ``is_restated``: Argilla, which found it,
    knows answers that do not count here."""
    if decision.dataset == "chunks":
        return ""
    if selection.filters and matching is not None and _key(decision) not in matching:
        return "does not pass the filter"
    if selection.filters and is_restated:
        from curation import votes_match

        if not votes_match(selection.filters, decision.votes):
            return "does not pass the filter"
    if selection.since is not None and (decision.last_answer or _EARLIEST) < selection.since:
        return f"not answered since {selection.since:%Y-%m-%d %H:%M} UTC"
    return ""


def _newest(decisions: Sequence[Decision], most: int | None) -> set[RecordKey] | None:
    """The ``most`` triplets and conversations that were answered last; None for no limit."""
    if most is None:
        return None
    ranked = sorted(
        (one for one in decisions if one.dataset != "chunks"),
        key=lambda one: (one.last_answer or _EARLIEST, one.dataset, one.record_id),
        reverse=True,
    )
    return {_key(one) for one in ranked[:most]}


def _left_out(decision: Decision, reason: str) -> LedgerRow:
    return LedgerRow(dataset=decision.dataset, record_id=decision.record_id, fate="left-out", reason=reason)


def _key(decision: Decision) -> RecordKey:
    return RecordKey(decision.dataset, decision.record_id)


def _most_similar(name: str, known: Collection[str]) -> str:
    """The known name that ``name`` is probably meant to be; empty when none is like it."""
    by_folded = {one.casefold(): one for one in sorted(known)}
    found = get_close_matches(name.casefold(), list(by_folded), n=1)
    return by_folded[found[0]] if found else ""
