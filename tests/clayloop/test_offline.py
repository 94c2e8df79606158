"""What works with neither Argilla nor a language model: from a folder of documents to measured search."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.clayloop.command import Command


def test_from_documents_to_a_measured_release(clayloop: Command, pottery: Path, tmp_path: Path) -> None:
    first = clayloop.well("ingest", str(pottery), "--json").json
    assert first["documents"] == 5
    assert first["added"] == first["chunks"] >= 5

    again = clayloop.well("ingest", str(pottery), "--json").json
    assert (again["added"], again["removed"], again["unchanged"]) == (0, 0, first["chunks"])

    release = clayloop.well("bootstrap", "--json").json
    assert release["index"]["rows"] == first["chunks"]
    assert [row["current"] for row in clayloop.well("releases", "--json").json] == [True]

    hits = clayloop.well("search", "How hot is it by default?", "-k", "3", "--json").json["hits"]
    assert len(hits) == 3
    assert hits[0]["path"] == "guide/kilns.md"
    assert [hit["score"] for hit in hits] == sorted((hit["score"] for hit in hits), reverse=True)

    queries, qrels = tmp_path / "queries.jsonl", tmp_path / "qrels.tsv"
    questions = {"q1": ("My pot has cracks", "faq.md"), "q2": ("make a pot blue", "guide/glazes.md")}
    queries.write_text(
        "".join(json.dumps({"_id": key, "text": text}) + "\n" for key, (text, _) in questions.items())
    )
    qrels.write_text("".join(f"{key}\t{path}\t1\n" for key, (_, path) in questions.items()))
    result = clayloop.well("evaluate", "--queries", str(queries), "--qrels", str(qrels), "--json").json
    assert result["release"] == release["id"]
    assert result["queries"] == 2
    assert set(result["metrics"]) == {"ndcg@10", "mrr@10", "recall@10"}
    assert result["metrics"]["ndcg@10"] > 0.8

    (tmp_path / "qrels").mkdir()
    qrels.rename(tmp_path / "qrels" / "test.tsv")
    assert clayloop.well("evaluate", str(tmp_path), "--json").json == result
    shown = clayloop.well("evaluate", str(tmp_path)).out
    assert "recall@50" in shown and release["id"] in shown
    assert clayloop("evaluate", str(tmp_path), "--queries", str(queries)).code == 2

    status = clayloop.well("status", "--json").json
    assert status["corpus"]["chunks"] == first["chunks"]
    assert status["release"]["served"] == release["id"]
    # The tables for people show the same without failing.
    for command in (["status"], ["releases"], ["search", "glaze"]):
        assert clayloop.well(*command).out.strip()


def test_a_changed_page_changes_only_its_own_chunks(clayloop: Command, pottery: Path) -> None:
    clayloop.well("ingest", str(pottery))
    page = pottery / "guide/glazes.md"
    page.write_text(page.read_text().replace("Cobalt gives blue", "Cobalt gives a deep blue"))
    changed = clayloop.well("ingest", str(pottery), "--json").json
    assert changed["added"] == changed["removed"] == 1
    page.unlink()
    gone = clayloop.well("ingest", str(pottery), "--json").json
    assert gone["added"] == 0
    assert gone["removed"] >= 1


def test_reindex_brings_changed_documents_to_the_same_model(clayloop: Command, pottery: Path) -> None:
    clayloop.well("ingest", str(pottery))
    first = clayloop.well("bootstrap", "--json").json
    assert clayloop.well("reindex", "--json").json is None
    (pottery / "wheel.md").write_text(
        "# The wheel\n\nTurn the wheel at two hundred rounds a minute to centre the clay.\n"
    )
    clayloop.well("ingest", str(pottery))
    second = clayloop.well("reindex", "--json").json
    assert second["parent"] == first["id"]
    assert second["index"]["rows"] == first["index"]["rows"] + 1
    weights = {name: digest for name, digest in second["files"].items() if name.endswith(".safetensors")}
    assert weights.items() <= first["files"].items()
    assert clayloop.well("search", "How fast does it turn?", "--json").json["hits"][0]["path"] == "wheel.md"


def test_a_folder_that_is_published_somewhere_gives_links(clayloop: Command, pottery: Path) -> None:
    clayloop.well("ingest", str(pottery))
    clayloop.well("bootstrap")
    Path("clayloop.toml").write_text(
        f'[curation.documents.pages."{pottery}"]\nurl = "https://docs.example.org/v1/{{path}}.html"\n'
        'anchors = "github"\n'
    )
    again = clayloop.well("ingest", str(pottery), "--json").json
    assert again["added"] == again["removed"] == 0
    clayloop.well("reindex")
    hit = clayloop.well("search", "kiln temperature", "-k", "1", "--json").json["hits"][0]
    page, _, anchor = hit["url"].partition("#")
    assert page == f"https://docs.example.org/v1/{hit['path'].rpartition('.')[0]}.html"
    assert anchor == hit["section"][-1].lower().replace(" ", "-") if len(hit["section"]) > 1 else not anchor


def test_the_way_back_to_an_older_release(served: Command) -> None:
    (first,) = (row["id"] for row in served.well("releases", "--json").json)
    second = served.well("bootstrap", "--force", "--json").json["id"]
    assert first != second
    assert served.well("status", "--json").json["release"]["served"] == second
    served.well("releases", "promote", first)
    assert served.well("status", "--json").json["release"]["served"] == first
    served.well("releases", "promote", second)
    assert f"Served: {first}" in served.well("releases", "rollback").out
    assert served("releases", "rollback").code == 8, "nothing is left to go back to"
    served.well("releases", "pin", first)
    marked = {row["id"]: (row["current"], row["pinned"]) for row in served.well("releases", "--json").json}
    assert marked == {first: (True, True), second: (False, False)}
    served.well("releases", "pin", first, "--off")
    assert served("releases", "pin", first, "--off").code == 6
    checked = served.well("releases", "verify", "--json").json
    assert [(one["release"], one["ok"]) for one in checked] == [(first, True), (second, True)]
    assert served("releases", "verify", "r0009-00000000").code == 6
    assert served.well("releases", "gc", "--keep", "1", "--json").json["releases"] == []
    served.well("bootstrap", "--force")
    assert served.well("releases", "gc", "--keep", "1", "--dry-run", "--json").json["releases"] == [second]
    assert served.well("releases", "gc", "--keep", "1", "--json").json["releases"] == [second]
    assert len(served.well("releases", "--json").json) == 2


def test_init_writes_a_file_that_is_read(clayloop: Command) -> None:
    clayloop.well("init")
    assert Path("clayloop.toml").is_file()
    refused = clayloop("init")
    assert refused.code == 2
    assert "already there" in refused.err
    clayloop.well("status")


def test_a_corrupt_release_is_not_served_and_the_other_stays(clayloop: Command, pottery: Path) -> None:
    clayloop.well("ingest", str(pottery))
    first = clayloop.well("bootstrap", "--json").json["id"]
    clayloop.well("bootstrap", "--force")
    clayloop.well("releases", "promote", first)
    second = next(row["id"] for row in clayloop.well("releases", "--json").json if row["id"] != first)
    weights = next((clayloop.home / "releases" / second).rglob("*.safetensors"))
    weights.chmod(0o644)
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 0xFF
    weights.write_bytes(data)
    refused = clayloop("releases", "promote", second)
    assert refused.code == 6
    assert weights.name in refused.err
    assert clayloop.well("status", "--json").json["release"]["served"] == first


def test_a_damaged_pointer_is_told_and_mended_by_promoting(served: Command) -> None:
    (first,) = (row["id"] for row in served.well("releases", "--json").json)
    (served.home / "releases" / "current").write_text("\x00 nonsense")
    (served.home / "services.json").write_text("{half")
    assert served("search", "glaze").code == 6
    listed = served.well("releases", "--json")
    assert [row["id"] for row in listed.json] == [first]
    assert "current" in listed.err
    served.well("releases", "promote", first)
    assert served.well("status", "--json").json["release"]["served"] == first


@pytest.mark.parametrize("command", [["bootstrap"], ["synthesize", "--headings-only"], ["push"]])
def test_without_a_corpus_the_error_says_what_comes_first(clayloop: Command, command: list[str]) -> None:
    ended = clayloop(*command)
    assert ended.code == 8
    assert "clayloop ingest" in ended.err


@pytest.mark.parametrize("command", [["search", "anything"], ["serve"]])
def test_without_a_release_the_error_says_what_comes_first(clayloop: Command, command: list[str]) -> None:
    ended = clayloop(*command)
    assert ended.code in (6, 8)
    assert "clayloop bootstrap" in ended.err
