"""What people said about a conversation outlives an edit of the chunk that it cites, as what they said about a triplet does."""

from __future__ import annotations

from pathlib import Path

import pytest

from curation import Verdict
from tests.training import rounds
from tests.training.material import conversation, judged_chunk, triplet
from tests.training.test_edited_chunks import (
    CHUNKS,
    EDITED,
    FREE,
    HELD,
    NEAR,
    SHARE,
    TOLD,
    _dry,
    _is_held,
    _learnable,
    _roles,
    _with,
)
from training.prepare.examples import Example, Refusal, collect, section_of
from training.prepare.split import chunk_groups, split
from training.prepare.whereabouts import gone_chunks, trace_chunks


def test_a_chunk_that_somebody_judged_tells_its_text_for_a_conversation_too() -> None:
    decisions = [judged_chunk(CHUNKS[0], "accepted"), conversation(CHUNKS[0], "Where is it?")]
    assert gone_chunks(decisions, EDITED) == {CHUNKS[0].id: CHUNKS[0].text}
    (example,) = _learnable(decisions, EDITED).examples
    assert (example.text, example.version) == (EDITED[0].text, EDITED[0].id)


@pytest.mark.parametrize("verdict", ["accepted", "rejected"])
def test_a_conversation_about_an_edited_chunk_teaches_what_it_says_now(verdict: Verdict) -> None:
    """As much as a triplet does: its record does not show the chunk, but another one does."""
    decisions = [triplet(CHUNKS[0], "Where is it, really?"), conversation(CHUNKS[0], "Where is it?", verdict)]
    found = _learnable(decisions, EDITED)
    rows: list[Example | Refusal] = [*found.examples, *found.refusals]
    (made,) = (one for one in rows if one.dataset == "conversations")
    assert (made.text, made.version) == (EDITED[0].text, EDITED[0].id)
    assert made.place == section_of(CHUNKS[0])
    assert found.unused == []


def test_what_was_said_before_an_edit_is_not_learned_when_the_chunk_of_today_is_rejected() -> None:
    said = [triplet(CHUNKS[0], "Where is it, really?"), conversation(CHUNKS[0], "Where is it?")]
    found = _learnable([*said, judged_chunk(EDITED[0], "rejected")], EDITED)
    assert found.examples == []
    assert [one.reason for one in found.unused] == ["its chunk was rejected"] * 2


def test_a_conversation_about_a_chunk_that_is_gone_teaches_the_text_that_it_had() -> None:
    """As triplets do, on the training side; what was held out cannot be asked any more."""
    removed = (HELD[0], FREE[0])
    decisions = [conversation(chunk, f"q {chunk.id}") for chunk in removed]
    left = [chunk for chunk in CHUNKS if chunk not in removed]
    shown = {one.id: one.text for one in removed}
    places = {one.id: section_of(one) for one in removed}
    found = collect(decisions, left, gone=trace_chunks(shown, left, set(), places, _is_held, NEAR))
    parts = split(found.examples, left, chunk_groups(left, NEAR, found.examples), SHARE, NEAR)
    assert [one.text for one in parts.train] == [FREE[0].text]
    assert parts.holdout == []
    assert [one.record_id for one in parts.unused] == [decisions[0].record_id]


def test_no_edit_costs_a_conversation(tiny_model: Path, tmp_path: Path) -> None:
    """Nobody but the release that answered knows what the chunks were."""
    home = rounds.bootstrapped(tmp_path / "home", tiny_model, CHUNKS)
    before, after = (_dry(home, tiny_model, chunks, TOLD) for chunks in (CHUNKS, EDITED))
    assert _roles(after) == _roles(before)
    assert set(_roles(before).values()) == {"train", "holdout"}
    assert after.holdout_questions == before.holdout_questions == len(HELD)


def test_what_no_release_knew_teaches_nothing_and_says_so(tiny_model: Path, tmp_path: Path) -> None:
    home = rounds.bootstrapped(tmp_path / "home", tiny_model, CHUNKS)
    stranger = _with(CHUNKS[0], "Somewhere > Else\n\nXylophones zigzag.", "gone.md", ("Somewhere", "Else"))
    plan = _dry(home, tiny_model, CHUNKS, [conversation(stranger, "What do they do?")])
    assert [(row.role, row.reason) for row in plan.rows] == [
        ("unused", "it cites no chunk of the current documents")
    ]
