"""The ledger on disk says what was written, whole or by columns, and a damaged one is named."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from curation import StateError, Vote
from tests.training.ledger.made_up import ROWS
from training.ledger.rows import LedgerRow, by_decision
from training.ledger.selection import Selection
from training.ledger.store import (
    LEDGER_SCHEMA,
    LedgerOrigin,
    count_fates,
    find_rows,
    read_ledger,
    read_origin,
    write_ledger,
)

ROW = LedgerRow(dataset="triplets", record_id="one", fate="train")


@given(st.lists(ROWS, max_size=8), st.sets(st.sampled_from(LEDGER_SCHEMA.names), min_size=1))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_it_is_read_as_it_was_written(tmp_path: Path, rows: list[LedgerRow], columns: set[str]) -> None:
    path = tmp_path / "ledger.parquet"
    write_ledger(path, rows)
    assert read_ledger(path) == rows
    seen = read_ledger(path, sorted(columns))
    columns |= {"dataset", "record_id"}
    assert [row.model_dump(include=columns) for row in seen] == [
        row.model_dump(include=columns) for row in rows
    ]
    assert all(row.model_fields_set == columns for row in seen)
    assert count_fates(path) == Counter(row.fate for row in by_decision(rows))
    for row in rows:
        assert find_rows(path, row.record_id) == [one for one in rows if one.record_id == row.record_id]
    assert find_rows(path, "record-", only_begins=True) == rows
    assert find_rows(path, "another") == []


def test_two_rows_of_one_decision_are_counted_once(tmp_path: Path) -> None:
    path = tmp_path / "ledger.parquet"
    write_ledger(path, [ROW, ROW.settled("negative"), ROW.model_copy(update={"record_id": "two"})])
    assert count_fates(path) == {"train": 2}


def test_its_origin_is_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "ledger.parquet"
    assert (read_ledger(path), read_origin(path)) == ([], LedgerOrigin())
    origin = LedgerOrigin(run="r", selection=Selection(filters=("x",), people={"ada": ("1",)}))
    write_ledger(path, [ROW], origin)
    assert read_origin(path) == origin
    write_ledger(path, [ROW])
    assert read_origin(path) == LedgerOrigin()


@pytest.mark.parametrize("damaged", [b"", b"no table", b"PAR1PAR1", None])
def test_a_damaged_file_is_named(tmp_path: Path, damaged: bytes | None) -> None:
    path = tmp_path / "lineage.parquet"
    write_ledger(path, [ROW])
    path.write_bytes(path.read_bytes()[:-40] if damaged is None else damaged)
    for read in (read_ledger, read_origin, count_fates, lambda at: find_rows(at, "one")):
        with pytest.raises(StateError, match=r"lineage\.parquet"):
            read(path)


def test_a_table_of_something_else_is_damaged_too(tmp_path: Path) -> None:
    path = tmp_path / "lineage.parquet"
    write_ledger(path, [ROW])
    table = pq.read_table(path)
    pq.write_table(table.drop_columns(["fate"]).replace_schema_metadata(None), path)
    for read in (read_ledger, read_origin, count_fates):
        with pytest.raises(StateError, match=r"lineage\.parquet"):
            read(path)
    wrong = table.set_column(table.schema.get_field_index("fate"), "fate", [["no such fate"]])
    pq.write_table(wrong, path)
    with pytest.raises(StateError, match=r"lineage\.parquet"):
        read_ledger(path)


def test_many_rows_are_read_by_columns_without_their_votes(tmp_path: Path) -> None:
    path = tmp_path / "ledger.parquet"
    vote = Vote(question="q", value="yes", annotator="ada", annotator_id="1", response_id="r")
    write_ledger(path, [ROW.model_copy(update={"votes": (vote,)})])
    many = pq.read_table(path).take([0] * 100_000)
    names = pa.array(str(number) for number in range(len(many)))
    pq.write_table(many.set_column(many.schema.get_field_index("record_id"), "record_id", names), path)
    assert count_fates(path) == {"train": 100_000}
    rows = read_ledger(path, ["verdict"])
    assert len(rows) == 100_000
    assert (rows[7].votes, rows[7].record_id, rows[7].fate) == ((), "7", "open")
    assert find_rows(path, "99999")[0].votes == (vote,)
