"""import-v1: from the command line to a dataset of Argilla 2."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.clayloop.command import Command

if TYPE_CHECKING:
    from tests.argilla_lite.server import ArgillaServer

SETTINGS = """\
fields: [{name: text, type: text, required: true}]
questions: [{name: label, type: label_selection, labels: [good, bad], required: true}]
"""
ANN = "a1a1a1a1-0000-4000-8000-00000000000a"


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    return Command(tmp_path / "home", monkeypatch, capfd)


@pytest.mark.argilla
def test_a_folder_becomes_a_dataset(
    argilla_lite: ArgillaServer, call: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import argilla as rg

    rows = [
        {"text": f"text {number}", "label": [{"user_id": ANN, "value": said, "status": "submitted"}]}
        for number, said in enumerate(("good", "bad", "ugly"))
    ]
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "argilla.yaml").write_text(SETTINGS)
    (tmp_path / "old" / "records.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setenv("CLAYLOOP_CURATION__ARGILLA__URL", argilla_lite.url)
    monkeypatch.setenv("CLAYLOOP_CURATION__ARGILLA__API_KEY", argilla_lite.api_key)
    shown = " ".join(call.well("import-v1", str(tmp_path / "old"), "--name", "of-old").out.split())
    assert "has 3 records with 2 submitted responses and 0 suggestions" in shown
    assert "v1-a1a1a1a1" in shown
    assert "an answer to label that" in shown
    again = call("import-v1", str(tmp_path / "old"), "--name", "of-old")
    assert again.code != 0
    assert "There is a dataset 'of-old' already" in again.err
    made = call.well("import-v1", str(tmp_path / "old"), "--name", "of-old-2", "--json").json
    assert (made["records"], made["responses"], made["users"][0]["made"]) == (3, {"submitted": 2}, False)
    assert made["left_out"][0]["records"] == ["record 2"]
    client = rg.Argilla(api_url=argilla_lite.url, api_key=argilla_lite.api_key)
    for name in ("of-old", "of-old-2"):
        client.datasets(name, workspace=argilla_lite.workspace).delete()
    client.users("v1-a1a1a1a1").delete()
