"""Every turn that Argilla holds, judged or not, as a table."""

from __future__ import annotations

from typing import Any

import argilla as rg
import pyarrow as pa

from curation.argilla.api import Api, JsonObject
from curation.argilla.conversations import answer_in
from curation.argilla.decisions import all_records, decision_of
from curation.argilla.schemas import YES
from curation.exports.tables import KINDS
from curation.progress import SILENT, Progress
from curation.settings import ArgillaSettings


def conversation_table(
    client: rg.Argilla, settings: ArgillaSettings, progress: Progress = SILENT
) -> pa.Table:
    """Empty without a dataset of conversations. Raises ArgillaError when Argilla cannot be read or the
    dataset is not ours."""
    api = Api.of(client)
    rows: list[dict[str, Any]] = []
    with progress.task("Reading conversations", unit="records") as advance:
        for page in all_records(api, settings, "conversations"):
            rows += map(_row, page)
            advance(len(page))
    rows.sort(key=lambda row: (row["day"], row["conversation_id"], row["turn"], row["id"]))
    return pa.Table.from_pylist(rows, KINDS["conversations"].schema)


def _row(record: JsonObject) -> dict[str, Any]:
    metadata, fields = record.get("metadata") or {}, record["fields"]
    decision = decision_of("conversations", record, {})
    correction = decision.correction if decision else None
    return {
        "id": str(record.get("external_id") or record["id"]),
        "conversation_id": str(metadata.get("conv_id", "")),
        "turn": int(metadata.get("turn", 0)),
        "question": str(metadata.get("question") or fields.get("instruction", "")),
        "answer": answer_in(str(fields.get("response", ""))),
        "refused": metadata.get("refused") == YES,
        "release": str(metadata.get("release", "")),
        "day": str(metadata.get("day", "")),
        "cited": str(metadata.get("chunk_id", "")),
        "verdict": decision.verdict if decision else "",
        "right_source": (decision.named_source or "") if decision else "",
        "correction": correction.text if correction and correction.standing == "accepted" else "",
        "annotators": len({vote.annotator_id for vote in decision.votes}) if decision else 0,
        "agreement": decision.agreement if decision else None,
    }
