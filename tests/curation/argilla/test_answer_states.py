"""Corrections whose source has changed can be found by a filter, until somebody answers again."""

from __future__ import annotations

import pytest

from curation.argilla.answer_states import mark_stale_answers
from curation.argilla.schemas import ANSWER_STATE
from tests.curation.argilla.sample import Workspace, make_turn

pytestmark = pytest.mark.argilla


def states(workspace: Workspace) -> dict[str, str]:
    """Question → the state that its record has; "" for none."""
    found = (row["metadata"] for row in workspace.rows("conversations"))
    return {metadata["question"]: metadata.get(ANSWER_STATE.name, "") for metadata in found}


def test_stale_ones_are_marked_and_confirmed_ones_are_not_any_more(workspace: Workspace) -> None:
    assert mark_stale_answers(workspace.client, workspace.settings, {"unknown"}) == 0, "there is no dataset"
    first, second, third = (make_turn(f"How {number}?", "So.", turn=number) for number in range(3))
    workspace.log([first, second, third], vectors=False)
    assert mark_stale_answers(workspace.client, workspace.settings, {first.id, second.id, "unknown"}) == 2
    assert states(workspace) == {"How 0?": "stale", "How 1?": "stale", "How 2?": ""}
    assert mark_stale_answers(workspace.client, workspace.settings, {first.id, second.id}) == 0, (
        "they are marked"
    )
    assert mark_stale_answers(workspace.client, workspace.settings, {second.id}) == 1
    assert states(workspace) == {
        "How 0?": "confirmed",
        "How 1?": "stale",
        "How 2?": "",
    }
