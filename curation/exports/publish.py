"""Publishing tables as one dataset on the Hugging Face Hub, a configuration for each."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from curation.documents.corpus import Corpus
from curation.exports.card import UNKNOWN_LICENCE, dataset_card
from curation.exports.tables import ExportName, public_sources
from curation.hub import HubRepo, push_folder


def publish_tables(
    repo: HubRepo, tables: Mapping[ExportName, pa.Table], corpus: Corpus, licence: str = ""
) -> str:
    """Upload the tables with a card, in one commit, and return the dataset's address. Tables that were
    published before and are not among them go. Raises StateError: then nothing has changed there."""
    with tempfile.TemporaryDirectory(prefix="clayloop-dataset-") as made:
        folder = Path(made)
        (folder / "data").mkdir()
        for name, table in tables.items():
            pq.write_table(public_sources(table), folder / "data" / f"{name}.parquet", compression="zstd")
        card = dataset_card(repo.id, tables, corpus, licence or UNKNOWN_LICENCE)
        (folder / "README.md").write_text(card, encoding="utf-8")
        return push_folder(repo, folder, "Published with clayloop", delete=["data/*.parquet"])
