"""Where a retrain's decisions come from, and which of them it may learn from."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from pathlib import Path

from curation import Decision, Home, SettingsError, read_json, write_json
from serving import ReleaseStore
from training.ledger.annotators import identify
from training.prepare.selection import Key, LeftOut, Selected, Selection, Unmatched, select
from training.runs.jsonl import read_rows, write_rows
from training.runs.run import RunStore
from training.settings import TrainingSettings

ReadDecisions = Callable[[], list[Decision]]
FindMatching = Callable[[Sequence[str]], Set[Key]]
EVERYTHING = Selection()
_DECISIONS, _LEFT_OUT, _UNMATCHED = "decisions.jsonl", "left_out.jsonl", "unmatched.json"


def read_selected(
    read_decisions: ReadDecisions,
    selection: Selection,
    find_matching: FindMatching | None,
    settings: TrainingSettings,
    home: Home,
) -> Selected:
    """Read the decisions, find out whom the selection means, and apply it.

    Raises SettingsError for an annotator who has answered nothing, unless the settings name them: one who was left out
    for good may have left altogether. The outcome's notes name them all the same: it may be a typing error. Raises it as
    well for one who taught the served release and may have been renamed since (training.annotators.identify).
    """
    decisions = read_decisions()
    selection = identify(selection, decisions, ReleaseStore(home), RunStore(home))
    matching = find_matching(selection.filters) if selection.filters and find_matching else None
    selected = select(decisions, selection, matching)
    unknown = [name for name in selected.unmatched.annotators if name not in settings.without_annotators]
    if unknown:
        known = sorted({name for decision in decisions for name in decision.annotators})
        raise SettingsError(
            f"No annotator has the name {', '.join(map(repr, unknown))}.",
            f"These have answered: {', '.join(known)}." if known else "Nobody has answered anything yet.",
        )
    return selected


def keep(selected: Selected, folder: Path) -> None:
    """Write it into a run's folder of the step "read". Raises StateError when the disk is full."""
    write_rows(folder / _DECISIONS, selected.decisions)
    write_rows(folder / _LEFT_OUT, selected.left_out)
    write_json(folder / _UNMATCHED, selected.unmatched.model_dump(mode="json"))


def kept(run: Path) -> Selected:
    """What ``keep`` wrote for the run in the folder ``run``. Runs of earlier versions lack what has been added since."""
    folder = run / "read"
    left_out, unmatched = folder / _LEFT_OUT, folder / _UNMATCHED
    return Selected(
        read_rows(folder / _DECISIONS, Decision),
        read_rows(left_out, LeftOut) if left_out.exists() else [],
        Unmatched.model_validate(read_json(unmatched)) if unmatched.exists() else Unmatched(),
    )
