"""What goes wrong is told: what, where, and what to do; and nothing that was good is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clayloop.command import Command

UNUSED_PORT = "http://127.0.0.1:9"  # discard: nothing listens there


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("no/such/folder", "no/such/folder"),
        ("ftp:somewhere", "ftp"),
        ("pypi:", "pypi"),
        ("pypi:../../etc", "etc"),
    ],
)
def test_a_source_that_is_none(clayloop: Command, source: str, named: str) -> None:
    ended = clayloop("ingest", source)
    assert ended.code == 3
    assert named in ended.err
    assert "Traceback" not in ended.err


def test_an_empty_folder(clayloop: Command, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ended = clayloop("ingest", str(tmp_path / "empty"))
    assert ended.code == 3
    assert "empty" in ended.err


def test_a_bad_source_leaves_the_corpus_as_it_was(clayloop: Command, pottery: Path) -> None:
    before = clayloop.well("ingest", str(pottery), "--json").json
    assert clayloop("ingest", "no/such/folder").code == 3
    after = clayloop.well("ingest", str(pottery), "--json").json
    assert after["unchanged"] == before["chunks"]


def test_odd_files_are_skipped_and_reported(clayloop: Command, pottery: Path) -> None:
    (pottery / "latin1.md").write_bytes("# Grüße\n\nÄÖÜ\n".encode("latin-1"))
    (pottery / "empty.md").write_text("")
    with (pottery / "huge.md").open("wb") as file:
        file.truncate(50_000_000)
    report = clayloop.well("ingest", str(pottery), "--json").json
    assert report["documents"] == 5
    skipped = {item["path"]: item["reason"] for item in report["skipped"]}
    assert set(skipped) == {"latin1.md", "empty.md", "huge.md"}
    assert "UTF-8" in skipped["latin1.md"]


def test_argilla_that_is_down(clayloop: Command, pottery: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clayloop.well("ingest", str(pottery))
    clayloop.well("bootstrap")
    monkeypatch.setenv("CLAYLOOP_CURATION__ARGILLA__URL", UNUSED_PORT)
    monkeypatch.setenv("CLAYLOOP_CURATION__ARGILLA__API_KEY", "secret-key-of-a-test")
    for command in (["push"], ["retrain"], ["simulate"]):
        ended = clayloop(*command)
        assert ended.code == 4, (command, ended.err)
        assert UNUSED_PORT in ended.err
        assert "secret-key-of-a-test" not in ended.err + ended.out


def test_a_language_model_that_is_down(
    clayloop: Command, pottery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clayloop.well("ingest", str(pottery))
    monkeypatch.setenv("CLAYLOOP_CURATION__LANGUAGE_MODEL__BASE_URL", UNUSED_PORT + "/v1")
    ended = clayloop("synthesize")
    assert ended.code == 5
    assert UNUSED_PORT in ended.err


def test_a_wrong_setting_names_its_key(clayloop: Command) -> None:
    Path("clayloop.toml").write_text("[serving.bot]\nprot = 1\n")
    ended = clayloop("status")
    assert ended.code == 2
    assert "serving.bot.prot" in ended.err


@pytest.mark.parametrize(
    ("queries", "qrels", "named"),
    [
        ("not json\n", "q1\ta.md\t1\n", "queries.jsonl"),
        ('{"_id": "q1", "text": "x"}\n', "q1 a.md\n", "qrels.tsv"),
        ('{"_id": "q1", "text": "x"}\n', "", "qrels.tsv"),
        ("", "q1\ta.md\t1\n", "queries.jsonl"),
    ],
)
def test_questions_that_cannot_be_read(
    clayloop: Command, pottery: Path, tmp_path: Path, queries: str, qrels: str, named: str
) -> None:
    clayloop.well("ingest", str(pottery))
    clayloop.well("bootstrap")
    (tmp_path / "queries.jsonl").write_text(queries)
    (tmp_path / "qrels.tsv").write_text(qrels)
    ended = clayloop(
        "evaluate",
        "--queries",
        str(tmp_path / "queries.jsonl"),
        "--qrels",
        str(tmp_path / "qrels.tsv"),
        "--json",
    )
    assert ended.code != 0
    assert named in ended.err
    assert ended.out == ""


@pytest.mark.parametrize("model", ["/no/such/model", "package:no-such-package", "."])
def test_an_embedding_model_that_is_not_there(
    clayloop: Command, pottery: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    clayloop.well("ingest", str(pottery))
    monkeypatch.setenv("CLAYLOOP_SERVING__EMBEDDING__MODEL", model)
    ended = clayloop("bootstrap")
    assert ended.code == 2, ended.err
    assert "embedding" in ended.err
    assert "Traceback" not in ended.err
    assert clayloop.well("releases", "--json").json == []


def test_an_empty_question_is_wrong_usage(clayloop: Command) -> None:
    ended = clayloop("search", " ")
    assert ended.code == 2
    assert "empty question" in ended.err


def test_a_source_that_was_never_ingested_cannot_be_dropped(clayloop: Command, pottery: Path) -> None:
    clayloop.well("ingest", str(pottery))
    ended = clayloop("drop", "pypi:potter")
    assert ended.code == 3
    assert str(pottery) in ended.err
    dropped = clayloop.well("drop", str(pottery), "--json").json
    assert (dropped["total_chunks"], dropped["source"]) == (0, f"folder:{pottery}")


def test_what_cannot_be_explained_is_named(clayloop: Command) -> None:
    ended = clayloop("explain")
    assert ended.code == 8
    assert "bootstrap" in ended.err
    ended = clayloop("explain", "r0001-00000000")
    assert ended.code == 6
    assert "r0001-00000000" in ended.err
    ended = clayloop("explain", "../etc")
    assert ended.code == 6


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--filter", "status == done"], "pending or completed"),
        (["--without-records", "no-such-file"], "no-such-file"),
        (["--since", "yesterday"], "yesterday"),
        (["--max-records", "0"], "--max-records"),
    ],
)
def test_a_selection_that_means_nothing(clayloop: Command, options: list[str], named: str) -> None:
    ended = clayloop("retrain", *options)
    assert ended.code == 2
    assert named in ended.err
