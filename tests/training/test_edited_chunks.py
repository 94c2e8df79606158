"""What people said about a chunk stays on its side when the chunk is edited, moved or removed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from curation import Chunk, Corpus, Decision, Home
from serving import LINEAGE_FILE, ReleaseStore
from tests.training import rounds
from tests.training.material import conversation, judged_chunk, make_chunks, triplet
from training.dry_run import DryRun, preview
from training.judge.coverage import find_removed
from training.judge.questions import holdout_questions
from training.ledger.lineage import read_lineage
from training.ledger.past import Past
from training.prepare.conflicts import settle
from training.prepare.examples import Learnable, collect, section_of
from training.prepare.negatives import decided_negatives
from training.prepare.split import chunk_groups, is_holdout, split
from training.prepare.whereabouts import gone_chunks, trace_chunks
from training.retrain import retrain_from_annotations
from training.settings import DedupSettings, GateSettings, TrainingSettings

NEAR = DedupSettings(semantic=False, threshold=0.95)
CHUNKS = make_chunks()
SHARE = 0.2
HELD = [chunk for chunk in CHUNKS if is_holdout(section_of(chunk), SHARE)]
FREE = [chunk for chunk in CHUNKS if not is_holdout(section_of(chunk), SHARE)]
ADDED = " Then wait for a day, and check that nothing has come loose since; call us if it has."
TOLD = [conversation(chunk, f"r number {number * 6469}") for number, chunk in enumerate(CHUNKS)]
ASKED = [triplet(chunk, f"q number {number * 7919}") for number, chunk in enumerate(CHUNKS)]


def _is_held(place: str) -> bool:
    return is_holdout(place, SHARE)


def _with(chunk: Chunk, text: str, path: str = "", section: tuple[str, ...] = ()) -> Chunk:
    where = path or chunk.path, section or chunk.section
    changed = {"id": Chunk.make_id(*where, text), "text": text, "path": where[0], "section": where[1]}
    return chunk.model_copy(update=changed)


def _edited(chunk: Chunk, extra: str = ADDED) -> Chunk:
    return _with(chunk, chunk.text + extra)


EDITED = [_edited(chunk) for chunk in CHUNKS]


def _learnable(
    decisions: Sequence[Decision], chunks: Sequence[Chunk], places: dict[str, str] | None = None
) -> Learnable:
    gone = gone_chunks(decisions, chunks)
    indexed = {chunk.id for chunk in chunks}
    found = trace_chunks(gone, chunks, indexed, places or {}, _is_held, NEAR)
    return collect(decisions, chunks, gone=found)


def _dry(home: Home, model: Path, chunks: list[Chunk], decisions: Sequence[Decision]) -> DryRun:
    corpus = Corpus(documents=[], chunks=chunks)
    chosen = rounds.training().model_copy(update={"dedup": NEAR})
    return preview(home, corpus, chosen, rounds.serving(model), lambda: list(decisions))


def _roles(plan: DryRun) -> dict[str, str]:
    return {row.record_id: row.role for row in plan.rows}


def test_an_edit_of_every_chunk_moves_nothing_from_one_side_to_the_other(
    tiny_model: Path, tmp_path: Path
) -> None:
    home = rounds.bootstrapped(tmp_path / "home", tiny_model, CHUNKS)
    before, after = (_dry(home, tiny_model, chunks, ASKED) for chunks in (CHUNKS, EDITED))
    assert _roles(after) == _roles(before)
    assert set(_roles(before).values()) == {"train", "holdout"}
    assert after.holdout_questions == before.holdout_questions == len(HELD)


def test_what_a_release_held_out_stays_so_when_its_chunk_is_written_anew_or_removed(
    tiny_model: Path, tmp_path: Path
) -> None:
    """Nothing in the text tells any more what it was: only the lineage does, and that of a release before too."""
    chunks = rounds.make_corpus()
    decisions = rounds.first_round(chunks)
    home = rounds.bootstrapped(tmp_path / "home", tiny_model, chunks)
    chosen = rounds.training().model_copy(update={"gate": GateSettings(margin=1.0, min_queries=5)})
    store = ReleaseStore(home)

    def retrain(chunks: list[Chunk], said: Sequence[Decision]) -> None:
        corpus = Corpus(documents=[], chunks=chunks)
        retrain_from_annotations(home, corpus, chosen, rounds.serving(tiny_model), lambda: list(said))

    retrain(chunks, decisions)
    rows = read_lineage(store.folder(store.current().id) / LINEAGE_FILE)
    of_record = {row.record_id: row.examples[0].chunk_id for row in rows if row.role == "holdout"}
    gone = set(sorted(of_record.values())[::2])
    lost = {record for record, chunk_id in of_record.items() if chunk_id in gone}
    others = [
        _with(chunk, f"Something else {chunk.id}", section=("New", chunk.id[:6]))
        if chunk.id in gone
        else chunk
        for chunk in chunks
    ]
    roles = _roles(_dry(home, tiny_model, others, decisions))
    assert lost
    assert {roles[record] for record in lost} == {"unused"}
    retrain(others, decisions[:-1])
    assert len(store.ids()) == 3
    rows = read_lineage(store.folder(store.current().id) / LINEAGE_FILE)
    assert not any(example.chunk_id in gone for row in rows for example in row.examples)
    roles = _roles(_dry(home, tiny_model, others, decisions))
    assert {roles[record] for record in lost} == {"unused"}


def test_a_held_question_is_asked_against_what_its_chunk_has_become() -> None:
    found = _learnable(ASKED, EDITED)
    groups = chunk_groups(EDITED, NEAR, found.examples)
    parts = split(found.examples, EDITED, groups, SHARE, NEAR)
    questions = holdout_questions(parts.holdout, EDITED, groups)
    version = {chunk.id: new.id for chunk, new in zip(CHUNKS, EDITED, strict=True)}
    assert [one.right for one in questions] == [[version[chunk.id]] for chunk in HELD]
    assert [one.chunk_id for one in parts.train] == [chunk.id for chunk in FREE]
    assert parts.unused == []


def test_a_chunk_that_moved_keeps_the_side_that_the_lineage_knows() -> None:
    old = HELD[0]
    path = next(
        f"moved-{number}.md"
        for number in range(100)
        if not is_holdout("\t".join((f"moved-{number}.md", *old.section)), SHARE)
    )
    moved = _with(old, old.text, path=path)
    chunks = [moved if chunk is old else chunk for chunk in CHUNKS]
    decisions = [triplet(old, "Where is it now?"), triplet(moved, "Is it here?")]
    found = _learnable(decisions, chunks, {old.id: section_of(old)})
    parts = split(found.examples, chunks, chunk_groups(chunks, NEAR, found.examples), SHARE, NEAR)
    assert [one.query for one in parts.holdout] == ["Where is it now?"]
    assert parts.train == [], "nobody trains on a chunk that is asked for"


def test_where_only_the_heading_is_left_a_held_section_of_that_name_counts() -> None:
    """Two sections of the same name, one of them held out, and a text that neither of them resembles."""
    first, second = HELD[0], FREE[0]
    name = ("Options",)
    places = [(f"page-{number}.md", is_holdout(f"page-{number}.md\tOptions", SHARE)) for number in range(60)]
    chunks = [
        _with(chunk, f"Options\n\n{chunk.body}", next(path for path, held in places if held == wanted), name)
        for chunk, wanted in ((second, False), (first, True))
    ]
    gone = _with(CHUNKS[-1], "Options\n\nXylophones zigzag quietly.", "gone.md", name)
    decisions = [triplet(gone, "What do they do?")]
    (example,) = _learnable(decisions, chunks).examples
    assert is_holdout(example.place, SHARE)
    assert not example.version
    parts = split([example], chunks, chunk_groups(chunks, NEAR), SHARE, NEAR)
    assert (parts.train, parts.holdout, len(parts.unused)) == ([], [], 1)


def test_what_nothing_is_known_of_is_taught_as_before() -> None:
    gone = _with(
        CHUNKS[0], "Somewhere > Else\n\nXylophones zigzag quietly.", "gone.md", ("Somewhere", "Else")
    )
    (example,) = _learnable([triplet(gone, "What do they do?")], CHUNKS).examples
    assert (example.place, example.version, example.live) == (gone.id, "", False)


def test_a_record_that_an_earlier_release_learned_from_is_not_asked() -> None:
    """Earlier versions trained on what was asked of a held-out chunk once that was edited."""
    asked = triplet(HELD[0], "Where does it end?")
    found = _learnable([asked], EDITED)
    groups = chunk_groups(EDITED, NEAR, found.examples)
    parts = split(
        found.examples,
        EDITED,
        groups,
        SHARE,
        NEAR,
        past=Past(learned=frozenset({("triplets", asked.record_id)})),
    )
    assert (parts.train, parts.holdout) == ([], [])
    assert "an earlier release has learned from it" in parts.unused[0].reason


@pytest.mark.parametrize("chunks", [CHUNKS, EDITED], ids=["as judged", "edited"])
def test_the_text_of_a_held_chunk_is_no_negative_after_an_edit_either(chunks: list[Chunk]) -> None:
    decisions = [triplet(HELD[0], "best pie recipe", "rejected"), triplet(FREE[0], "best pie recipe")]
    found = _learnable(decisions, chunks)
    groups = chunk_groups(chunks, NEAR, [*found.examples, *found.refusals])
    settled = settle(found.examples, found.refusals, decisions, groups)
    parts = split(settled.examples, chunks, groups, SHARE, NEAR, refusals=settled.refusals)
    decided = decided_negatives(parts.train, parts.holdout, settled.refusals, groups, parts.held_groups, NEAR)
    assert decided.negatives == []
    assert "held out" in decided.unused[0].reason


def test_accepted_before_an_edit_and_rejected_after_it_is_a_conflict() -> None:
    old, new = FREE[0], _edited(FREE[0], " Well.")
    chunks = [new if chunk is old else chunk for chunk in CHUNKS]
    decisions = [triplet(old, "How do I wash it?"), triplet(new, "How do I wash it?", "rejected")]
    found = _learnable(decisions, chunks)
    groups = chunk_groups(chunks, NEAR, [*found.examples, *found.refusals])
    settled = settle(found.examples, found.refusals, decisions, groups)
    assert [one.left_out for one in settled.conflicts] == [True]
    assert not settled.examples
    assert not settled.refusals


def test_rejected_before_an_edit_and_accepted_after_it_is_learned_as_accepted() -> None:
    """The usual way to repair an answer: somebody refuses it, the documents are put right, somebody accepts it."""
    old, new = FREE[0], _edited(FREE[0], " Well.")
    chunks = [new if chunk is old else chunk for chunk in CHUNKS]
    decisions = [triplet(old, "How do I wash it?", "rejected"), triplet(new, "How do I wash it?")]
    found = _learnable(decisions, chunks)
    groups = chunk_groups(chunks, NEAR, [*found.examples, *found.refusals])
    settled = settle(found.examples, found.refusals, decisions, groups)
    assert [one.left_out for one in settled.conflicts] == [False]
    assert [one.chunk_id for one in settled.examples] == [new.id]
    assert not settled.refusals


def test_a_question_about_a_chunk_as_it_was_is_lost_when_todays_is_rejected() -> None:
    old, new = FREE[0], _edited(FREE[0], " Well.")
    chunks = [new if chunk is old else chunk for chunk in CHUNKS]
    decisions = [triplet(old, "How do I wash it?"), judged_chunk(new, "rejected")]
    became = {old.id: new.id}
    asked = TrainingSettings(gate=GateSettings(holdout_share=0.99))
    live = [chunk for chunk in chunks if chunk is not new]
    found = find_removed(decisions, [], chunks, live, {one.id for one in chunks}, set(), asked, became)
    assert found.coverage.contradicted == 1
    assert [one.text for one in found.questions] == ["How do I wash it?"]
    settled = settle([], [], decisions, {}, became=became)
    assert [(one.between, one.chunk_id) for one in settled.conflicts] == [("chunk", new.id)]


def _changed(chunk: Chunk, how: str, number: int) -> Chunk | None:
    if how == "longer":
        return _edited(chunk, f" See note {number * 7919} too.")
    if how == "rewritten":
        return _with(chunk, f"{chunk.heading}\n\n" + f"Xylophone {number} zigzags. " * 3)
    if how == "moved":
        return _with(chunk, chunk.text, path=f"moved-{number}.md")
    if how == "renamed":
        return _with(chunk, f"Part {number}\n\n{chunk.body}", section=(f"Part {number}",))
    return None if how == "removed" else chunk


@given(
    st.lists(
        st.sampled_from(["same", "longer", "rewritten", "moved", "renamed", "removed"]),
        min_size=len(CHUNKS),
        max_size=len(CHUNKS),
    ),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_no_edit_moves_a_question_to_the_other_side(edits: list[str], released: bool, again: bool) -> None:
    """With a lineage, whatever happens to the chunks. Without, as long as a heading is left to go by."""
    if not released:
        edits = [how if how in ("same", "longer", "rewritten") else "longer" for how in edits]
    changed = (_changed(chunk, how, row) for row, (chunk, how) in enumerate(zip(CHUNKS, edits, strict=True)))
    chunks = [chunk for chunk in changed if chunk]
    places = {chunk.id: section_of(chunk) for chunk in CHUNKS} if released else {}
    more = [triplet(chunk, f"again {row * 104729}") for row, chunk in enumerate(chunks)] if again else []
    found = _learnable([*more, *ASKED, *TOLD], chunks, places)
    groups = chunk_groups(chunks, NEAR, found.examples)
    parts = split(found.examples, chunks, groups, SHARE, NEAR)
    held = {said[CHUNKS.index(chunk)].record_id for chunk in HELD for said in (ASKED, TOLD)}
    free = {one.record_id for one in (*ASKED, *TOLD)} - held
    assert not held & {one.record_id for one in parts.train}
    assert not free & {one.record_id for one in parts.holdout}
    if "rewritten" not in edits and not released:
        assert held <= {one.record_id for one in parts.holdout}
        assert free <= {one.record_id for one in parts.train}
    trained = {groups[one.chunk_id] for one in parts.train}
    assert not trained & {groups[one.chunk_id] for one in parts.holdout}
    for question in holdout_questions(parts.holdout, chunks, groups):
        assert not trained & {groups[chunk_id] for chunk_id in question.right}
