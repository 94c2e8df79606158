"""Corrections whose source has changed can be found by a filter, until somebody answers again."""

from __future__ import annotations

import argilla as rg
import pytest

from curation.argilla.answer_states import mark_stale_answers
from curation.argilla.api import Api
from curation.argilla.conversations import log_turns
from curation.argilla.schemas import ANSWER_STATE
from curation.settings import ArgillaSettings
from tests.curation.argilla.sample import make_turn, rows

pytestmark = pytest.mark.argilla


def states(api: Api, settings: ArgillaSettings) -> dict[str, str]:
    """Question → the state that its record has; "" for none."""
    found = (row["metadata"] for row in rows(api, settings, "conversations"))
    return {metadata["question"]: metadata.get(ANSWER_STATE.name, "") for metadata in found}


def test_stale_ones_are_marked_and_confirmed_ones_are_not_any_more(
    client: rg.Argilla, api: Api, settings: ArgillaSettings
) -> None:
    assert mark_stale_answers(client, settings, {"unknown"}) == 0, "there is no dataset"
    first, second, third = (make_turn(f"How {number}?", "So.", turn=number) for number in range(3))
    log_turns(client, settings, [first, second, third], None)
    assert mark_stale_answers(client, settings, {first.id, second.id, "unknown"}) == 2
    assert states(api, settings) == {"How 0?": "stale", "How 1?": "stale", "How 2?": ""}
    assert mark_stale_answers(client, settings, {first.id, second.id}) == 0, "they are marked"
    assert mark_stale_answers(client, settings, {second.id}) == 1
    assert states(api, settings) == {"How 0?": "confirmed", "How 1?": "stale", "How 2?": ""}
