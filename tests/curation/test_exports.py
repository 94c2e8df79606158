"""Exports: whole or not at all, nobody's name in them, and readable by those who should read them."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation import Corpus, Decision, HubRepo, SettingsError, StateError, Triplet, load_folder
from curation.exports.publish import publish_tables
from curation.exports.tables import (
    KINDS,
    ExportName,
    accepted_table,
    chunk_table,
    question_table,
    triplet_table,
)
from curation.exports.writing import write_export
from curation.records.document import Document
from tests.curation.garden import chunk
from tests.curation.making import decision_of, vote_of
from tests.stand_in_hub import GOOD, StandInHub

CHUNKS = [chunk(name) for name in ("apple", "birch", "cedar")]
DOCUMENTS = [
    Document(
        id="d", source="folder:/home/anna/docs", path="apple.md", markup="markdown", title="A", text="…"
    ),
    Document(
        id="e", source="pypi:potter", version="1.2", path="x.md", markup="markdown", title="X", text="…"
    ),
]
CORPUS = Corpus(DOCUMENTS, CHUNKS)


def decision(record: str, question: str, verdict: str = "accepted", **more: object) -> Decision:
    values: dict[str, object] = {
        "record_id": record,
        "dataset": "triplets",
        "values": {"is_positive_relevant": "yes", "is_negative_irrelevant": "yes"},
        "votes": (vote_of("is_positive_relevant", "yes", "Berta Secret"),),
        "verdict": verdict,
        "fields": {"positive": question, "negative": "Who baked the pie?", "anchor": CHUNKS[0].text},
        "metadata": {"chunk_id": CHUNKS[0].id, "origin": "sentence-pair"},
    }
    return decision_of(**values | more)


DECISIONS = [
    decision("t1", "When is an apple planted?"),
    decision("t2", "Is this wrong?", "rejected"),
    decision("t3", "Growing apple", metadata={"chunk_id": CHUNKS[0].id, "origin": "heading"}),
    decision("t4", "Gone?", metadata={"chunk_id": "f" * 32, "origin": "sentence-pair"}),
    decision("t5", "Unsure", values={"is_positive_relevant": "yes"}),
    decision(
        "c1",
        "when is an  APPLE planted?",
        dataset="conversations",
        values={"is_response_correct": "yes", "out_of_guardrails": "no"},
        fields={"instruction": "escaped"},
        metadata={"question": "when is an  APPLE planted?", "chunk_id": CHUNKS[1].id},
    ),
]


@pytest.fixture(scope="module")
def tables() -> dict[ExportName, pa.Table]:
    accepted = accepted_table(DECISIONS, CORPUS)
    triplet = Triplet(id="x", chunk_id=CHUNKS[0].id, anchor="a", positive="p", origin="heading")
    return {
        "chunks": chunk_table(CORPUS),
        "triplets": triplet_table([triplet]),
        "accepted": accepted,
        "questions": question_table(accepted),
    }


def test_what_was_accepted_and_whose_chunk_is_there(tables: dict[ExportName, pa.Table]) -> None:
    rows = {row["id"]: row for row in tables["accepted"].to_pylist()}
    assert set(rows) == {"t1", "t3", "t5", "c1"}
    assert rows["t1"]["negative"] == "Who baked the pie?"
    assert rows["t5"]["negative"] == "", "nobody said that the negative may be used"
    assert (rows["c1"]["origin"], rows["c1"]["annotators"]) == ("conversation", 1)
    assert "Secret" not in str(tables["accepted"].to_pylist())


def test_a_question_comes_once_with_all_that_answers_it(tables: dict[ExportName, pa.Table]) -> None:
    rows = tables["questions"].to_pylist()
    assert [row["text"] for row in rows] == ["When is an apple planted?", "Unsure"]
    assert rows[0]["chunk_ids"] == [CHUNKS[0].id, CHUNKS[1].id]
    assert rows[0]["paths"] == ["apple.md", "birch.md"]


@pytest.mark.parametrize("what", ["chunks", "triplets", "accepted", "questions"])
def test_files_hold_all_columns(what: ExportName, tables: dict[ExportName, pa.Table], tmp_path: Path) -> None:
    done = write_export(what, tables[what], tmp_path / "x" / "it.parquet", tables["chunks"])
    assert done.rows == len(tables[what])
    assert pq.read_table(done.path).equals(tables[what])
    write_export(what, tables[what], tmp_path / "it.jsonl", tables["chunks"])
    lines = (tmp_path / "it.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == tables[what].to_pylist()
    assert KINDS[what].schema.names == tables[what].column_names
    assert (tmp_path / "it.jsonl").stat().st_mode & 0o077 == 0


def test_a_test_set_is_one_that_evaluate_reads(tables: dict[ExportName, pa.Table], tmp_path: Path) -> None:
    for _ in range(2):  # the second replaces the first
        write_export("questions", tables["questions"], tmp_path / "set", tables["chunks"])
    found = load_folder(tmp_path / "set")
    assert sorted(found.queries.values()) == ["Unsure", "When is an apple planted?"]
    assert found.corpus is not None and set(found.corpus) == {one.id for one in CHUNKS}
    assert {len(right) for right in found.qrels.values()} == {1, 2}
    assert [path.name for path in tmp_path.iterdir()] == ["set"], "nothing is left behind"


def test_what_cannot_be_written_leaves_what_was_there(
    tables: dict[ExportName, pa.Table], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError, match="ending that says nothing"):
        write_export("chunks", tables["chunks"], tmp_path / "it.csv", tables["chunks"])
    with pytest.raises(SettingsError, match="no test set to be made of chunks"):
        write_export("chunks", tables["chunks"], tmp_path / "folder", tables["chunks"])
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(SettingsError, match=r"thesis\.txt is no part of a test set"):
        write_export("questions", tables["questions"], tmp_path / "mine", tables["chunks"])
    target = tmp_path / "it.jsonl"
    target.write_text("before")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(json, "dumps", full)
    for place in (target, tmp_path / "set"):
        with pytest.raises(StateError, match="No space left"):
            write_export("questions", tables["questions"], place, tables["chunks"])
    assert target.read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["it.jsonl", "mine"]


def test_a_dataset_is_private_has_a_card_and_can_be_loaded(
    hub: StandInHub, tables: dict[ExportName, pa.Table], tmp_path: Path
) -> None:
    repo = HubRepo("me/docs", "dataset", private=True, token=GOOD)
    publish_tables(repo, {"triplets": tables["triplets"]}, CORPUS)
    address = publish_tables(
        repo, {"chunks": tables["chunks"], "accepted": tables["accepted"]}, CORPUS, "mit"
    )
    made = hub.repos["dataset", "me/docs"]
    assert (made.private, address) == (True, f"{hub.url}/datasets/me/docs")
    names = sorted(name for name in made.files if not name.startswith("."))
    assert names == ["README.md", "data/accepted.parquet", "data/chunks.parquet"]
    card = made.files["README.md"].decode()
    head = card.split("---")[1]
    assert 'license: "mit"' in head and "config_name: accepted" in head and "triplets" not in head
    assert "| `accepted` | 4 |" in card and "| pypi:potter | 1.2 | 1 |" in card
    assert all(f"| `{one.name}` |" in card for one in KINDS["accepted"].columns)
    assert "/home/anna" not in card + str(made.files["data/chunks.parquet"])
    (tmp_path / "chunks.parquet").write_bytes(made.files["data/chunks.parquet"])
    assert len(pq.read_table(tmp_path / "chunks.parquet")) == len(CHUNKS)


def test_nothing_private_goes_where_everybody_reads(
    hub: StandInHub, tables: dict[ExportName, pa.Table]
) -> None:
    publish_tables(HubRepo("me/open", "dataset", False, GOOD), {"chunks": tables["chunks"]}, CORPUS)
    before = dict(hub.repos["dataset", "me/open"].files)
    with pytest.raises(StateError, match="everybody can read it"):
        publish_tables(HubRepo("me/open", "dataset", True, GOOD), {"accepted": tables["accepted"]}, CORPUS)
    assert hub.repos["dataset", "me/open"].files == before


@pytest.mark.parametrize("token", ["hf_wrong", GOOD])
def test_a_refused_upload_says_so_and_changes_nothing(
    token: str, hub: StandInHub, tables: dict[ExportName, pa.Table]
) -> None:
    hub.refuses_commits = True
    with pytest.raises(StateError, match="Nothing was uploaded to 'me/docs'") as told:
        publish_tables(HubRepo("me/docs", "dataset", True, token), {"chunks": tables["chunks"]}, CORPUS)
    assert "hf auth login" in told.value.hint
    assert not any(repo.files for repo in hub.repos.values())
