"""Where a retrain's decisions come from, and which of them it may learn from."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set

from curation.errors import SettingsError
from curation.records import Decision
from training.selection import Key, Selected, Selection, select
from training.settings import TrainingSettings

ReadDecisions = Callable[[], list[Decision]]
FindMatching = Callable[[Sequence[str]], Set[Key]]
EVERYTHING = Selection()


def read_selected(
    read_decisions: ReadDecisions,
    selection: Selection,
    find_matching: FindMatching | None,
    settings: TrainingSettings,
) -> Selected:
    """Read the decisions and apply the selection.

    Raises SettingsError for an annotator who has answered nothing, unless the settings name them: one who was left out
    for good may have left altogether.
    """
    decisions = read_decisions()
    matching = find_matching(selection.filters) if selection.filters and find_matching else None
    selected = select(decisions, selection, matching)
    unknown = [name for name in selected.unknown_annotators if name not in settings.without_annotators]
    if unknown:
        known = sorted({name for decision in decisions for name in decision.annotators})
        raise SettingsError(
            f"No annotator has the name {', '.join(map(repr, unknown))}.",
            f"These have answered: {', '.join(known)}." if known else "Nobody has answered anything yet.",
        )
    return selected
