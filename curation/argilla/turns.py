"""The turns that Argilla holds, judged or not: all of them as a table, and the newest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from curation.argilla.api import Api, JsonObject
from curation.argilla.conversations import answer_in
from curation.argilla.datasets import find_kind
from curation.argilla.decisions import all_records, decision_of
from curation.argilla.schemas import YES
from curation.exports.tables import KINDS
from curation.progress import SILENT, Progress
from curation.records.gold import is_gold
from curation.settings import ArgillaSettings

if TYPE_CHECKING:
    import argilla as rg


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


class AskedTurn(BaseModel):
    """One question and its answer, as Argilla has it. ``chunk_id`` is the first source ("" for none),
    ``verdict`` what people decided ("" for nothing yet), ``thumb`` the visitor's word."""

    model_config = ConfigDict(frozen=True)

    record_id: str
    day: str
    question: str
    answer: str
    release: str
    chunk_id: str = ""
    sources: int = 0
    refused: bool = False
    thumb: str = ""
    seconds: float = 0.0
    verdict: str = ""


def read_newest_turns(client: rg.Argilla, settings: ArgillaSettings, most: int) -> list[AskedTurn]:
    """The newest first: a request or two. Empty without a dataset of conversations. Raises ArgillaError."""
    api = Api.of(client)
    datasets = find_kind(api, settings, "conversations")
    found = [record for dataset in datasets for record in api.newest(dataset.id, most)]
    found.sort(key=lambda record: str(record["inserted_at"]), reverse=True)
    return [_turn(record) for record in found if not is_gold(str(record["external_id"]))][:most]


def _turn(record: JsonObject) -> AskedTurn:
    row, metadata = _row(record), record.get("metadata") or {}
    more = {name: metadata[name] for name in ("sources", "thumb", "seconds") if name in metadata}
    return AskedTurn.model_validate({**row, **more, "record_id": row["id"], "chunk_id": row["cited"]})


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
