"""What a trained model came from: one row for each example, and a file that says how it was trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.tasks.examples import TrainingData

LINEAGE_FILE = "lineage.parquet"
RECORD_FILE = "training.json"


def write_lineage(folder: Path, data: TrainingData, described: dict[str, Any]) -> None:
    """``lineage.parquet``: record, users (Argilla's ids) and side of each example; ``training.json``: the
    rest."""
    import pyarrow as pa

    from curation import write_json, write_table

    sides = [("train", one) for one in data.train] + [("held out", one) for one in data.held_out]
    table = pa.table(
        {
            "record": [one.record for _, one in sides],
            "users": pa.array([list(one.users) for _, one in sides], pa.list_(pa.string())),
            "side": [side for side, _ in sides],
        }
    )
    write_table(folder / LINEAGE_FILE, table)
    write_json(folder / RECORD_FILE, described)
