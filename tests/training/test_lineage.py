"""What the lineage keeps, and what is news to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from curation import Decision, StateError
from tests.training.material import conversation, judged_chunk, make_chunks, triplet
from training.ledger.known import compare
from training.ledger.lineage import read_lineage, read_note, trace, write_lineage, write_note
from training.ledger.lineage_columns import count_roles, find_rows, lineage_examples, lineage_outline
from training.ledger.lineage_record import LINEAGE_SCHEMA, LineageNote
from training.prepare.examples import Example, Unused, collect
from training.prepare.negatives import Negative
from training.prepare.selection import LeftOut, Selection
from training.prepare.split import Dropped

CHUNKS = make_chunks()
POOL = [
    *(triplet(chunk, f"Where is {number}?") for number, chunk in enumerate(CHUNKS[:6])),
    *(triplet(chunk, f"Who is {number}?", "rejected") for number, chunk in enumerate(CHUNKS[:3])),
    judged_chunk(CHUNKS[7], "accepted"),
    judged_chunk(CHUNKS[8], "rejected"),
]
INDEXED = {chunk.id for chunk in CHUNKS} - {CHUNKS[8].id}
FATES = st.lists(
    st.sampled_from(["train", "holdout", "dropped", "unused", "negative", "nothing"]),
    min_size=len(POOL),
    max_size=len(POOL),
)


def _example(decision: Decision) -> Example:
    accepted = decision.model_copy(update={"verdict": "accepted"})
    (example,) = collect([accepted], CHUNKS).examples
    return example


def _traced(decisions: Sequence[Decision], fates: Sequence[str]) -> list[tuple[str, str]]:
    """The lineage of decisions that met these fates: record id and role."""
    met = {
        name: [
            one
            for one, fate in zip(decisions, fates, strict=True)
            if fate == name and one.dataset != "chunks"
        ]
        for name in ("train", "holdout", "dropped", "unused", "negative")
    }
    rows = trace(
        decisions,
        [_example(one) for one in met["train"]],
        [_example(one) for one in met["holdout"]],
        [
            Dropped(
                dataset=one.dataset,
                record_id=one.record_id,
                query="q",
                chunk_id="c",
                reason="same question",
                similarity=1.0,
                kept_record_id="kept",
                kept="k",
            )
            for one in met["dropped"]
        ],
        [Unused(dataset=one.dataset, record_id=one.record_id, reason="why") for one in met["unused"]],
        INDEXED,
        [LeftOut(dataset="triplets", record_id="gone", reason="named in --without-records")],
        [
            Negative(
                dataset="triplets",
                record_id="other",
                kind="text",
                source="refused",
                text="t",
                decided_by=one.record_id,
            )
            for one in met["negative"]
        ],
    )
    return [(row.record_id, row.role) for row in rows]


@given(FATES)
def test_every_decision_has_one_row_and_the_role_of_what_became_of_it(fates: list[str]) -> None:
    rows = _traced(POOL, fates)
    assert [record for record, _ in rows] == [*(one.record_id for one in POOL), "gone"]
    for decision, fate, (_, role) in zip(POOL, fates, rows, strict=False):
        if decision.dataset == "chunks":
            expected = "indexed" if decision.verdict == "accepted" else "index-removed"
        elif fate == "nothing" or (fate == "negative" and decision.verdict != "rejected"):
            expected = "unused"
        else:
            expected = fate
        assert role == expected
    assert rows[-1][1] == "left-out"


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "lineage.parquet"
    rows = trace(POOL, [_example(POOL[0])], [_example(POOL[1])], [], [], INDEXED)
    write_lineage(path, rows)
    assert read_lineage(path) == rows
    assert rows[0].votes[0].annotator == "simulated"
    assert rows[0].examples[0].place.startswith(CHUNKS[0].path)
    # One of an earlier version lacks what has been added since.
    table = pq.read_table(path).select(LINEAGE_SCHEMA.names[:8])
    pq.write_table(table, path)
    old = read_lineage(path)
    assert [(one.record_id, one.role, one.annotators) for one in old] == [
        (one.record_id, one.role, one.annotators) for one in rows
    ]
    assert not any(one.votes or one.examples for one in old)
    assert compare(POOL, old).total == 0


@given(FATES, st.booleans())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_read_by_columns_it_says_the_same(tmp_path: Path, fates: list[str], is_old: bool) -> None:
    path = tmp_path / "lineage.parquet"
    taken = [
        one for one, fate in zip(POOL, fates, strict=True) if fate == "train" and one.dataset != "chunks"
    ]
    write_lineage(path, trace(POOL, [_example(one) for one in taken], [], [], [], INDEXED))
    if is_old:
        pq.write_table(pq.read_table(path).select(LINEAGE_SCHEMA.names[:8]), path)
    rows = read_lineage(path)
    columns = ["dataset", "record_id", "annotators", "reason", "origin", "kept_record_id"]
    seen = {"role", *columns}
    expected = [one.model_dump(include=seen) for one in rows]
    assert [one.model_dump(include=seen) for one in lineage_outline(path, columns)] == expected
    assert count_roles(path) == Counter(one.role for one in rows)
    assert find_rows(path, rows[3].record_id) == [rows[3]]
    beginning = [one for one in rows if one.record_id.startswith("triplet-")]
    assert find_rows(path, "triplet-", only_begins=True) == beginning
    assert lineage_examples(path).to_pylist() == [one.model_dump() for row in rows for one in row.examples]


def test_a_damaged_one_is_named(tmp_path: Path) -> None:
    lineage, note = tmp_path / "lineage.parquet", tmp_path / "lineage.json"
    assert (read_lineage(lineage), read_note(note)) == ([], None)
    lineage.write_bytes(b"no table")
    note.write_text('{"selection": 3}')
    with pytest.raises(StateError, match=r"lineage\.parquet"):
        read_lineage(lineage)
    with pytest.raises(StateError, match=r"lineage\.json"):
        read_note(note)
    written = LineageNote(run="r", started_from="r0001-00000000", selection=Selection(filters=("x",)))
    write_note(note, written)
    assert read_note(note) == written


@given(st.sets(st.integers(0, len(POOL) - 1)), st.sets(st.integers(0, len(POOL) - 1)))
def test_news_is_the_difference_whatever_was_left_out(before: set[int], after: set[int]) -> None:
    known = trace([POOL[at] for at in sorted(before)], [], [], [], [], INDEXED)
    left = [LeftOut(dataset=one.dataset, record_id=one.record_id, reason="") for one in POOL]
    with_left_out = [*known, *trace([], [], [], [], [], INDEXED, left)]
    news = compare([POOL[at] for at in sorted(after)], with_left_out)
    assert (news.new, news.withdrawn) == (len(after - before), len(before - after))


def test_a_conversation_has_the_reason_of_its_example_and_another_datasets_record_is_another() -> None:
    talk = conversation(CHUNKS[0], "Where is it?", "rejected", [CHUNKS[1]], "2")
    said = {"dataset": talk.dataset, "record_id": talk.record_id}
    unused = [
        Unused(**said, reason="its chunk is held out", of="example"),
        Unused(**said, reason="no accepted pair to set it against", of="refusal"),
    ]
    twin = triplet(CHUNKS[2], "Where is it?", "rejected").model_copy(update={"record_id": talk.record_id})
    against = Negative(
        dataset="triplets",
        record_id="other",
        kind="text",
        source="refused",
        text="t",
        decided_by=talk.record_id,
        decided_in="triplets",
    )
    rows = trace([talk, twin], [], [], [], unused, INDEXED, negatives=[against])
    assert [(row.role, row.reason) for row in rows] == [
        ("unused", "its chunk is held out"),
        ("negative", "a negative text of record other"),
    ]


def test_what_was_dropped_but_set_against_another_counts_as_learned() -> None:
    """Its refusal is in the weights: to leave somebody out has to know that."""
    talk = conversation(CHUNKS[0], "Where is it?", "rejected", [CHUNKS[1]], "2")
    gone = Dropped(
        dataset=talk.dataset,
        record_id=talk.record_id,
        reason="same question",
        similarity=1.0,
        kept="Where is it then?",
        kept_record_id="other",
        query="Where is it?",
        chunk_id=CHUNKS[1].id,
        place="",
    )
    against = Negative(
        dataset="triplets",
        record_id="other",
        kind="text",
        source="refused",
        text="t",
        decided_by=talk.record_id,
        decided_in="conversations",
    )
    (row,) = trace([talk], [], [], [gone], [], INDEXED, negatives=[against])
    assert (row.role, row.kept_record_id) == ("negative", "other")
