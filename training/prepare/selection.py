"""Where a retrain's decisions come from, and which of them it may learn from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timezone

from curation import Decision
from training.ledger.people import (
    EVERYTHING,
    Selection,
    Unmatched,
    check_names,
    find_people,
    find_unmatched,
)
from training.ledger.rows import LedgerRow, RecordKey

ReadDecisions = Callable[[], list[Decision]]
FindMatching = Callable[[Sequence[str]], Set[tuple[str, str]]]
_EARLIEST = datetime.min.replace(tzinfo=timezone.utc)


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


def _without(decision: Decision, selection: Selection) -> tuple[Decision | None, str]:
    if decision.record_id in selection.without_records:
        return None, "named in --without-records"
    gone = {vote.annotator_id: vote.annotator for vote in decision.votes if selection.is_without(vote)}
    if not gone:
        return decision, ""
    from curation import decision_without

    return decision_without(decision, gone), f"answered only by {', '.join(sorted(set(gone.values())))}"


def _not_chosen(
    decision: Decision,
    selection: Selection,
    matching: Collection[tuple[str, str]] | None,
    is_restated: bool,
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
