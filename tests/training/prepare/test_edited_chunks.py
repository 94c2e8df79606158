"""What people said about a chunk stays on its side when the chunk is edited, moved or removed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from curation import Chunk, Decision, DedupSettings, Verdict
from tests.training.material import conversation, judged_chunk, triplet
from tests.training.prepare.made_up import (
    CHUNKS,
    FREE,
    HELD,
    SHARE,
    corpus_of,
    edited,
    examples,
    history,
    keys,
    prepared,
    refusals,
    replaced,
    with_text,
)
from training.ledger.rows import LedgerRow, of, section_of
from training.prepare.collect import collect
from training.prepare.prepared import Prepared
from training.prepare.split import is_holdout

NEAR = DedupSettings(semantic=False, threshold=0.95)
TOLD = [conversation(chunk, f"r number {number * 6469}") for number, chunk in enumerate(CHUNKS)]
ASKED = [triplet(chunk, f"q number {number * 7919}") for number, chunk in enumerate(CHUNKS)]
EDITED = [edited(chunk) for chunk in CHUNKS]
WHEN_EDITED = replaced(zip(CHUNKS, EDITED, strict=True))


def _collected(decisions: list[Decision], chunks: list[Chunk] = EDITED) -> list[LedgerRow]:
    return collect(decisions, corpus_of(chunks, WHEN_EDITED if chunks is EDITED else None))


def _prepared(decisions: list[Decision], pairs: list[tuple[Chunk, Chunk | None]]) -> Prepared:
    """With these of the documents' chunks replaced by others, or removed."""
    new = {old.id: one for old, one in pairs}
    chunks = [one for chunk in CHUNKS if (one := new.get(chunk.id, chunk))]
    return prepared(decisions, chunks, NEAR, replaced(pairs))


@pytest.mark.parametrize("said", [ASKED, TOLD], ids=["triplets", "conversations"])
def test_an_edit_of_every_chunk_moves_nothing_from_one_side_to_the_other(said: list[Decision]) -> None:
    before = prepared(said, CHUNKS, NEAR)
    after = prepared(said, EDITED, NEAR, WHEN_EDITED)
    assert [row.fate for row in after.ledger] == [row.fate for row in before.ledger]
    assert {row.fate for row in before.ledger} == {"train", "holdout"}
    assert len(after.holdout) == len(before.holdout) == len(HELD)


def test_a_held_question_is_asked_against_what_its_chunk_has_become() -> None:
    found = prepared(ASKED, EDITED, NEAR, WHEN_EDITED)
    version = {chunk.id: new.id for chunk, new in zip(CHUNKS, EDITED, strict=True)}
    assert [row.version for row in found.holdout] == [version[chunk.id] for chunk in HELD]
    assert [row.chunk_id for row in found.train] == [chunk.id for chunk in FREE]
    for row in found.holdout:
        assert found.groups[row.chunk_id] == found.groups[row.version]


def test_what_was_held_out_is_not_trained_on_when_its_chunk_is_removed() -> None:
    """As triplets do, conversations teach the text that the chunk had; what was held out cannot be asked."""
    said = [conversation(HELD[0], "Where is it?"), conversation(FREE[0], "Who is it?")]
    said += [triplet(HELD[0], "When is it?"), triplet(FREE[0], "Why is it?")]
    found = _prepared(said, [(HELD[0], None), (FREE[0], None)])
    assert [row.fate for row in found.ledger] == ["unused", "train"] * 2
    assert [row.text for row in found.train] == [FREE[0].text] * 2
    assert "not in the index as it was judged" in found.ledger[0].reason


def test_what_was_held_out_is_not_trained_on_when_its_chunk_is_written_anew_elsewhere() -> None:
    other = with_text(HELD[0], f"Something else {HELD[0].id}", section=("New", "section"))
    asked = triplet(HELD[0], "Where is it?")
    (row,) = _prepared([asked], [(HELD[0], other)]).ledger
    assert (row.fate, row.place, row.version) == ("holdout", section_of(HELD[0]), other.id)


def test_a_chunk_that_moved_keeps_its_side() -> None:
    old = HELD[0]
    paths = (f"moved-{number}.md" for number in range(100))
    path = next(one for one in paths if not is_holdout("\t".join((one, *old.section)), SHARE))
    moved = with_text(old, old.text, path=path)
    found = _prepared([triplet(old, "Where is it now?"), triplet(moved, "Is it here?")], [(old, moved)])
    assert [one.query for one in found.holdout] == ["Where is it now?"]
    assert found.train == [], "nobody trains on a chunk that is asked for"


def test_a_chunk_that_no_ingest_knew_belongs_to_no_section_and_a_triplet_about_it_is_learned() -> None:
    text = "Somewhere > Else\n\nXylophones zigzag quietly."
    stranger = with_text(CHUNKS[0], text, "gone.md", ("Somewhere", "Else"))
    rows = _collected([triplet(stranger, "What do they do?"), conversation(stranger, "What is it?")], CHUNKS)
    (example,) = examples(rows)
    assert (example.place, example.version) == (stranger.id, "")
    assert (rows[1].fate, rows[1].reason) == ("unused", "it cites no chunk of the current documents")


def test_a_record_that_the_served_release_learned_from_is_not_asked() -> None:
    asked = triplet(HELD[0], "Where does it end?")
    learned = history(trained=_collected([asked], CHUNKS))
    (row,) = prepared([asked], EDITED, NEAR, WHEN_EDITED, history=learned).ledger
    assert (row.fate, "the served release has learned from it" in row.reason) == ("unused", True)


@pytest.mark.parametrize("is_edited", [False, True], ids=["as judged", "edited"])
def test_the_text_of_a_held_chunk_is_no_negative_after_an_edit_either(is_edited: bool) -> None:
    decisions = [triplet(HELD[0], "best pie recipe", "rejected"), triplet(FREE[0], "best pie recipe")]
    found = prepared(decisions, EDITED, NEAR, WHEN_EDITED) if is_edited else prepared(decisions, dedup=NEAR)
    assert found.negatives == []
    assert "held out" in found.ledger[0].reason


@pytest.mark.parametrize("verdict", ["accepted", "rejected"])
def test_a_conversation_about_an_edited_chunk_teaches_what_it_says_now(verdict: Verdict) -> None:
    """Its record does not show the chunk. A triplet's record does: it teaches what people saw."""
    rows = _collected(
        [triplet(CHUNKS[0], "Where is it, really?"), conversation(CHUNKS[0], "Where?", verdict)]
    )
    (made,) = (row for row in (*examples(rows), *refusals(rows)) if row.dataset == "conversations")
    assert (made.text, made.version) == (EDITED[0].text, EDITED[0].id)
    assert made.place == section_of(CHUNKS[0])
    assert rows[0].text == CHUNKS[0].text
    assert {row.fate for row in rows} == {"open"}


def test_what_was_said_before_an_edit_is_not_learned_when_the_chunk_of_today_is_rejected() -> None:
    said = [triplet(CHUNKS[0], "Where is it, really?"), conversation(CHUNKS[0], "Where is it?")]
    rows = _collected([*said, judged_chunk(EDITED[0], "rejected")])
    assert examples(rows) == []
    assert [row.reason for row in of(rows, "example", "unused")] == ["its chunk was rejected"] * 2


def _changed(chunk: Chunk, how: str, number: int) -> Chunk | None:
    if how == "longer":
        return edited(chunk, f" See note {number * 7919} too.")
    if how == "rewritten":
        return with_text(chunk, f"{chunk.heading}\n\n" + f"Xylophone {number} zigzags. " * 3)
    if how == "moved":
        return with_text(chunk, chunk.text, path=f"moved-{number}.md")
    if how == "renamed":
        return with_text(chunk, f"Part {number}\n\n{chunk.body}", section=(f"Part {number}",))
    return None if how == "removed" else chunk


_EDITS = ["same", "longer", "rewritten", "moved", "renamed", "removed"]


@given(st.lists(st.sampled_from(_EDITS), min_size=len(CHUNKS), max_size=len(CHUNKS)), st.booleans())
@settings(max_examples=25, deadline=None)
def test_no_edit_moves_a_question_to_the_other_side(edits: list[str], again: bool) -> None:
    """Whatever happens to the chunks, and whatever is asked anew about those of today."""
    pairs = [(chunk, _changed(chunk, edits[row], row)) for row, chunk in enumerate(CHUNKS)]
    chunks = [chunk for _, chunk in pairs if chunk]
    more = [triplet(chunk, f"again {row * 104729}") for row, chunk in enumerate(chunks)] if again else []
    found = prepared([*more, *ASKED, *TOLD], chunks, NEAR, replaced(pairs))
    held = {said[CHUNKS.index(chunk)].record_id for chunk in HELD for said in (ASKED, TOLD)}
    free = {one.record_id for one in (*ASKED, *TOLD)} - held
    assert not held & {one.record_id for one in found.train}
    assert not free & {one.record_id for one in found.holdout}
    kept = {row for row, how in enumerate(edits) if how in ("same", "longer", "rewritten")}
    asked = {row.record_id for row in found.holdout}
    assert {ASKED[row].record_id for row in kept if CHUNKS[row] in HELD} <= asked
    trained = {found.groups[one.chunk_id] for one in found.train}
    assert not trained & {found.groups[one.chunk_id] for one in found.holdout}
    assert not keys(found.train) & keys(found.holdout)
