"""What a release has learned from is never asked of weights that go on from it, whatever the settings say since."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from curation import Corpus
from serving import LINEAGE_FILE, ReleaseStore
from tests.training import rounds
from tests.training.material import make_chunks, triplet
from training.dry_run import preview
from training.ledger.ancestry import past_of
from training.ledger.lineage import read_lineage
from training.ledger.lineage_record import LINEAGE_NOTE_FILE
from training.ledger.past import Past
from training.prepare.examples import collect, section_of
from training.prepare.split import chunk_groups, is_holdout, take_sides
from training.retrain import retrain_from_annotations
from training.settings import DedupSettings, GateSettings

CHUNKS = make_chunks()
GROUPS = chunk_groups(CHUNKS, DedupSettings(semantic=False, threshold=0.95))


@given(
    st.lists(st.integers(0, 47), min_size=1, max_size=30),
    st.lists(st.integers(0, 47), max_size=30),
    st.floats(0.0, 1.0),
    st.floats(0.0, 1.0),
)
@settings(max_examples=60, deadline=None)
def test_no_share_asks_what_was_learned_and_what_is_asked_stays_so(
    old: list[int], new: list[int], before: float, after: float
) -> None:
    examples = collect([triplet(CHUNKS[row], f"old {row}") for row in dict.fromkeys(old)], CHUNKS).examples
    first = take_sides(examples, CHUNKS, GROUPS, before)
    past = Past(
        asked=frozenset((one.dataset, one.record_id) for one in first.holdout),
        learned=frozenset((one.dataset, one.record_id) for one in first.train),
    )
    more = collect([triplet(CHUNKS[row], f"new {row}") for row in dict.fromkeys(new)], CHUNKS).examples
    then = take_sides([*examples, *more], CHUNKS, GROUPS, after, past=past)
    assert not {one.chunk_id for one in first.train} & {one.chunk_id for one in then.holdout}
    if after >= before:
        assert {one.record_id for one in first.holdout} <= {one.record_id for one in then.holdout}
    untouched = {one.chunk_id for one in more} - {one.chunk_id for one in examples}
    asked = {one.chunk_id for one in then.holdout}
    held = {chunk.id for chunk in CHUNKS if is_holdout(section_of(chunk), after)}
    assert untouched & held <= asked, "what nobody learned from is asked as ever"


@pytest.mark.parametrize("is_noted", [True, False], ids=["as made", "of an earlier version"])
def test_a_raised_share_asks_nothing_that_the_served_release_learned(
    tiny_model: Path, tmp_path: Path, is_noted: bool
) -> None:
    chunks = rounds.make_corpus()
    home, corpus = rounds.bootstrapped(tmp_path, tiny_model, chunks), Corpus(documents=[], chunks=chunks)
    said = rounds.first_round(chunks)
    chosen = rounds.training().model_copy(update={"gate": GateSettings(margin=1.0, min_queries=5)})
    retrain_from_annotations(home, corpus, chosen, rounds.serving(tiny_model), lambda: said)
    store = ReleaseStore(home)
    folder = store.folder(store.current().id)
    lineage = folder / LINEAGE_FILE
    if not is_noted:
        (folder / LINEAGE_NOTE_FILE).unlink()
    before = {row.record_id: row for row in read_lineage(lineage)}
    learned = {row.record_id for row in before.values() if row.role == "train"}
    about = {one.chunk_id for key in learned for one in before[key].examples}
    new = [triplet(chunk, f"Number {chunk.id}, please?") for chunk in chunks]
    raised = chosen.model_copy(update={"gate": chosen.gate.model_copy(update={"holdout_share": 0.5})})
    plan = preview(home, corpus, raised, rounds.serving(tiny_model), lambda: [*said, *new])
    roles = {row.record_id: row.role for row in plan.rows}
    held = {chunk.id for chunk in chunks if is_holdout(section_of(chunk), 0.5)}
    assert any(before[key].examples[0].chunk_id in held for key in learned)
    assert "holdout" not in {roles[key] for key in learned}
    assert {roles[one.record_id] for one in new if one.chunk_id in held & about} == {"unused"}
    assert {roles[one.record_id] for one in new if one.chunk_id in held - about} == {"holdout"}
    assert {roles[key] for key, row in before.items() if row.role == "holdout"} == {"holdout"}
    seen = past_of(store, store.current().id)
    assert {key for _, key in seen.trained} == learned <= {key for _, key in seen.learned}
