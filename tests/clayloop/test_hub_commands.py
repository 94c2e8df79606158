"""export and publish, as a person calls them."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from curation import EXPORTS
from tests.clayloop.command import Command
from tests.object_store import ObjectStore
from tests.stand_in_hub import GOOD, StandInHub


def test_chunks_go_to_files_and_to_the_hub(
    clayloop: Command, pottery: Path, hub: StandInHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", GOOD)
    clayloop.well("ingest", str(pottery))
    clayloop.well("synthesize", "--headings-only")
    done = clayloop.well("export", "chunks", "chunks.parquet", "--json").json
    assert (done["what"], done["format"]) == ("chunks", "parquet")
    assert done["rows"] == len(pq.read_table("chunks.parquet"))
    assert "triplets are in set" in clayloop.well("export", "triplets", "set").out
    assert Path("set/qrels/test.tsv").exists()

    wanted = ("--with", "chunks", "--with", "triplets")
    told = clayloop.well("publish", "data", "me/pottery", *wanted, "--licence", "mit", "--json").json
    assert told["private"] and told["rows"]["chunks"] == done["rows"]
    made = hub.repos["dataset", "me/pottery"]
    assert made.private
    assert pq.read_table(io.BytesIO(made.files["data/chunks.parquet"])).num_rows == done["rows"]
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    refused = clayloop("publish", "data", "me/pottery", *wanted)
    assert (refused.code, made.commits) == (8, 1)
    assert "hf auth login" in refused.err


def test_what_cannot_be_exported_is_said(clayloop: Command, pottery: Path) -> None:
    nothing = clayloop("export", "chunks", "it.jsonl")
    assert nothing.code == 8 and "no documents" in nothing.err
    clayloop.well("ingest", str(pottery))
    wrong = clayloop("export", "chunk", "it.jsonl")
    assert wrong.code == 2 and all(name in wrong.err for name in EXPORTS)
    assert clayloop("export", "chunks", "it.csv").code == 2
    assert clayloop("export", "conversations", "it.jsonl").code == 4, "Argilla is not there"
    assert not list(Path().glob("it.*"))


def test_what_one_machine_ingests_another_works_with(
    clayloop: Command,
    pottery: Path,
    cloud: ObjectStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    clayloop.well("ingest", str(pottery))
    other = Command(tmp_path / "other", monkeypatch, capfd)
    for machine in (clayloop, other):
        machine.well("releases", "share", cloud.url)
    assert not (other.home / "corpus").exists(), "a machine that only serves needs no documents"
    fetched = other.well("export", "chunks", "it.jsonl")
    assert "changed elsewhere" in fetched.err
    cloud.fails("503")
    away = other.well("export", "chunks", "again.jsonl")
    assert "does not answer" in away.err
    assert Path("again.jsonl").read_bytes() == Path("it.jsonl").read_bytes() != b""
    for command in (("drop", str(pottery)), ("synthesize", "--headings-only")):
        refused = other(*command)
        assert refused.code == 8 and "does not answer" in refused.err
        assert "Going on" not in refused.err, "it fails before it begins"
    cloud.fails("")
    other.well("drop", str(pottery))
    other.well("releases", "share", "--off")
    left = clayloop("export", "chunks", "none.jsonl", "--json")
    assert "changed elsewhere" in left.err
