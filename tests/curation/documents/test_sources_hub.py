"""Datasets, from a server that stands in for the Hub."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.documents.sources.files import SourceFile
from curation.documents.sources.kinds import open_source
from curation.errors import SourceError
from curation.settings import ChunkSettings, HubSettings
from tests.stand_in_hub import StandInHub, StandInRepo

CONFIGS = b"""---
configs:
- config_name: one
  data_files: one/*.jsonl
- config_name: two
  data_files: two/*.jsonl
---
"""


def lines(*rows: dict[str, Any]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def publish(hub: StandInHub, name: str, files: dict[str, bytes]) -> None:
    hub.repos["dataset", name] = StandInRepo("dataset", False, files=files)


def opened(spec: str, hub: StandInHub, downloads: Path, **more: Any) -> Any:
    return open_source(spec, ChunkSettings(hub=HubSettings(endpoint=hub.url, **more)), downloads)


def test_rows_of_one_file_are_one_document(hub: StandInHub, tmp_path: Path) -> None:
    table = pa.table(
        {
            "filename": ["docs/a.md", "docs/a.md", "docs/b.rst", "../../c"],
            "chunks": ["# A\n\nOne.", "Two.", "B\n=\n\nText.", "Plain words."],
            "repo_name": ["who/clay"] * 4,
        }
    )
    held = io.BytesIO()
    pq.write_table(table, held)
    publish(hub, "who/docs", {"data/train-00000-of-00001.parquet": held.getvalue(), "x.py": b"raise"})
    source = opened("hub:who/docs", hub, tmp_path)
    assert (source.name, source.version) == ("hub:who/docs", hub.repos["dataset", "who/docs"].sha[:12])
    files = [item for item in source.read() if isinstance(item, SourceFile)]
    assert [(file.path, file.markup, file.text) for file in files] == [
        ("c", "markdown", "Plain words."),
        ("docs/a.md", "markdown", "# A\n\nOne.\n\nTwo."),
        ("docs/b.rst", "restructuredtext", "B\n=\n\nText."),
    ]
    assert files[0].url == f"{hub.url}/datasets/who/docs"
    assert not [path for path in hub.asked if path.endswith("x.py")]
    hub.asked.clear()
    opened("hub:who/docs", hub, tmp_path)  # what was fetched is not fetched again
    assert not [path for path in hub.asked if path.endswith(".parquet")]


def test_a_configuration_is_named_where_there_are_several(hub: StandInHub, tmp_path: Path) -> None:
    row = {"url": "https://x.org/a", "text": "Words."}
    files = {"README.md": CONFIGS, "one/a.jsonl": lines(row), "two/a.jsonl": lines({"notes": "W", "n": 1})}
    publish(hub, "who/two", files)
    (file,) = opened("hub:who/two:one", hub, tmp_path).read()
    assert (file.url, file.text) == ("https://x.org/a", "Words.")
    with pytest.raises(SourceError, match="several configurations") as caught:
        opened("hub:who/two", hub, tmp_path)
    assert "hub:who/two:one, hub:who/two:two" in caught.value.hint
    with pytest.raises(SourceError, match="no configuration three"):
        opened("hub:who/two:three", hub, tmp_path)
    with pytest.raises(SourceError, match=r"no column that is known to hold text\. It has notes, n"):
        opened("hub:who/two:two", hub, tmp_path)
    (file,) = opened("hub:who/two:two", hub, tmp_path, text_column="notes").read()
    assert file.text == "W"


def test_what_cannot_be_had_is_named(hub: StandInHub, tmp_path: Path) -> None:
    publish(hub, "who/bad", {"a.jsonl": b"\xff{not json"})
    publish(hub, "who/code", {"load.py": b"raise"})
    for spec, message in [
        ("hub:who/none", "shows no dataset who/none"),
        ("hub:who/bad", "cannot be read as rows"),
        ("hub:who/code", "no data files"),
        ("hub:a/b/c", "is not a dataset"),
        ("hub:../x", "is not a dataset"),
    ]:
        with pytest.raises(SourceError, match=message):
            opened(spec, hub, tmp_path)
    with pytest.raises(SourceError, match=r"holds 10 bytes, more than"):
        opened("hub:who/bad", hub, tmp_path, max_bytes=5)
