"""FeedbackDatasets as Argilla 1 wrote them: the columns and types of its `format_as("datasets")`, settings
as YAML, and the `argilla.cfg` of versions up to 1.12."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ANN = "a1a1a1a1-0000-4000-8000-000000000001"
BOB = "b2b2b2b2-0000-4000-8000-000000000002"

SETTINGS: dict[str, Any] = {
    "fields": [
        {"name": "text", "title": "The text", "required": True, "type": "text", "use_markdown": True},
        {"name": "hint", "title": None, "required": False, "type": "text", "use_markdown": False},
    ],
    "questions": [
        {
            "name": "label",
            "title": "Good?",
            "description": "Which is it",
            "required": True,
            "type": "label_selection",
            "labels": {"good": "It is good", "bad": "It is bad"},
            "visible_labels": None,
        },
        {
            "name": "topics",
            "required": False,
            "type": "multi_label_selection",
            "labels": ["x", "y", "z"],
            "visible_labels": 3,
            "labels_order": "natural",
        },
        {"name": "stars", "required": False, "type": "rating", "values": [1, 2, 3]},
        {"name": "order", "required": False, "type": "ranking", "values": ["p", "q"]},
        {
            "name": "names",
            "required": False,
            "type": "span",
            "field": "text",
            "labels": [{"value": "PER", "text": "Person", "description": None}],
            "visible_labels": None,
            "allow_overlapping": False,
        },
        {"name": "why", "required": False, "type": "text", "use_markdown": False},
    ],
    "guidelines": "Say what you think.",
    "metadata_properties": [
        {"name": "year", "title": "Year", "type": "integer", "min": 1900, "max": 2100},
        {"name": "place", "title": None, "type": "terms", "values": ["Oslo", "Rome"]},
        {"name": "weight", "type": "float", "min": None, "max": None, "visible_for_annotators": False},
    ],
    "allow_extra_metadata": True,
    "vectors_settings": [{"id": None, "name": "place-vector", "title": "Place", "dimensions": 2}],
}


def row(number: int, **columns: Any) -> dict[str, Any]:
    """A row as `format_as("datasets")` makes it: nothing answered but what ``columns`` say."""
    made: dict[str, Any] = {"text": f"Ann is here {number}", "hint": None}
    for question in SETTINGS["questions"]:
        made[question["name"]] = []
        made[f"{question['name']}-suggestion"] = None
        made[f"{question['name']}-suggestion-metadata"] = {"type": None, "score": None, "agent": None}
    made |= {"external_id": f"r{number}", "metadata": "{}", "vectors": {"place-vector": None}}
    return {**made, **columns}


def answer(user: str | None, value: Any, status: str = "submitted") -> dict[str, Any]:
    return {"user_id": user, "value": value, "status": status}


def everything() -> list[dict[str, Any]]:
    """Three records: one with all that there is, one of users without ids and a draft, one with nothing."""
    spans = {"start": [0], "end": [3], "label": ["PER"], "text": ["Ann"]}
    first = row(
        0,
        hint="a hint",
        label=[answer(ANN, "good"), answer(BOB, "bad")],
        topics=[answer(ANN, ["x", "y"])],
        stars=[answer(ANN, 3)],
        order=[answer(ANN, {"rank": [2, 1], "value": ["p", "q"]})],
        names=[answer(ANN, spans)],
        why=[answer(BOB, "because")],
        metadata=json.dumps({"year": 2023, "place": "Oslo", "weight": 2, "more": ["a"]}),
        vectors={"place-vector": [0.5, 1.0]},
        **{
            "label-suggestion": "good",
            "label-suggestion-metadata": {"type": "model", "score": 0.5, "agent": "a/model"},
            "names-suggestion": {**spans, "score": [0.25]},
            "topics-suggestion": ["z"],
            "topics-suggestion-metadata": {"type": "human", "score": [0.75], "agent": None},
        },
    )
    second = row(
        1,
        label=[answer(None, "good"), answer(None, "bad"), answer(BOB, "bad", "draft")],
        why=[answer(ANN, "no idea", "discarded")],
        external_id=None,
    )
    return [first, second, row(2)]


def write_settings(folder: Path, settings: Mapping[str, Any] = SETTINGS) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "argilla.yaml").write_text(yaml.safe_dump(dict(settings)))
    return folder


def write_parquet(folder: Path, rows: list[dict[str, Any]], split: str = "train") -> Path:
    """As `push_to_huggingface` does it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    (folder / "data").mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "data" / f"{split}-00000-of-00001.parquet")
    return folder


def write_lines(folder: Path, rows: list[dict[str, Any]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "records.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    return folder


def as_client(record: dict[str, Any]) -> dict[str, Any]:
    """A row as version 1's client has the record: answers by user."""
    users: dict[Any, dict[str, Any]] = {}
    for question in SETTINGS["questions"]:
        name = question["name"]
        for given in record[name]:
            value = given["value"]
            if question["type"] in ("ranking", "span"):
                value = [dict(zip(value, parts, strict=True)) for parts in zip(*value.values(), strict=True)]
            one = users.setdefault(
                given["user_id"], {"user_id": given["user_id"], "status": given["status"], "values": {}}
            )
            one["values"][name] = {"value": value}
    return {
        "fields": {name: record[name] for name in ("text", "hint") if record[name] is not None},
        "responses": list(users.values()),
        "suggestions": [
            {"question_name": "label", "value": "good", "type": None, "score": None, "agent": None}
        ],
        "metadata": json.loads(record["metadata"]),
        "vectors": {"place-vector": record["vectors"]["place-vector"]} if record["hint"] else {},
        "external_id": record["external_id"],
    }


# What version 1.8 to 1.12 wrote beside the parquet files.
CFG: dict[str, Any] = {
    "fields": [
        {
            "id": "f",
            "name": "text",
            "title": "Text",
            "required": True,
            "settings": {"type": "text", "use_markdown": False},
            "inserted_at": "2023-06-01T00:00:00",
            "updated_at": "2023-06-01T00:00:00",
        }
    ],
    "questions": [
        {
            "id": "q",
            "name": "label",
            "title": "Label",
            "description": None,
            "required": True,
            "settings": {
                "type": "label_selection",
                "options": [{"value": "good", "text": "Good"}, {"value": "bad", "text": "Bad"}],
                "visible_options": None,
            },
        },
        {
            "name": "stars",
            "title": "Stars",
            "required": False,
            "settings": {"type": "rating", "options": [{"value": 1}, {"value": 2}]},
        },
    ],
    "guidelines": None,
}
