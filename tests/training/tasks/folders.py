"""Folders as ``Dataset.to_disk`` writes them, made without a server (test_server.py holds them to the real
thing), and a few datasets with several annotators."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ANN, BOB, CAT = "11111111-0000-0000-0000-000000000000", "2222", "3333"
USERS = (ANN, BOB, CAT)

Record = dict[str, Any]


def label(name: str, *options: str, multi: bool = False) -> dict[str, Any]:
    kind = "multi_label_selection" if multi else "label_selection"
    return {"name": name, "settings": {"type": kind, "options": [{"value": one} for one in options]}}


def rating(name: str, *options: int) -> dict[str, Any]:
    return {"name": name, "settings": {"type": "rating", "options": [{"value": one} for one in options]}}


def ranking(name: str, *options: str) -> dict[str, Any]:
    return {"name": name, "settings": {"type": "ranking", "options": [{"value": one} for one in options]}}


def spans(name: str, field: str, *options: str) -> dict[str, Any]:
    settings = {"type": "span", "field": field, "options": [{"value": one} for one in options]}
    return {"name": name, "settings": settings}


def text(name: str) -> dict[str, Any]:
    return {"name": name, "settings": {"type": "text"}}


def record(key: str, fields: Mapping[str, Any], **answers: Sequence[Any]) -> Record:
    """A record; ``answers`` holds for each question what ann, bob and cat say, None for nothing."""
    responses = {
        name: [
            {"value": value, "user_id": user}
            for user, value in zip(USERS, several, strict=False)
            if value is not None
        ]
        for name, several in answers.items()
    }
    return {
        "id": key,
        "fields": dict(fields),
        "metadata": {},
        "suggestions": {},
        "responses": {name: several for name, several in responses.items() if several},
        "vectors": {},
        "status": "completed" if any(responses.values()) else "pending",
        "_server_id": f"server-{key}",
    }


def write_folder(
    folder: Path,
    fields: Sequence[str],
    questions: Sequence[Mapping[str, Any]],
    records: Sequence[Record],
    min_submitted: int = 1,
) -> Path:
    """The folder of a dataset called "made"; ``fields`` are text fields."""
    (folder / ".argilla").mkdir(parents=True)
    settings = {
        "fields": [{"name": name, "settings": {"type": "text"}} for name in fields],
        "questions": list(questions),
        "distribution": {"strategy": "overlap", "min_submitted": min_submitted},
    }
    (folder / ".argilla" / "settings.json").write_text(json.dumps(settings))
    (folder / ".argilla" / "dataset.json").write_text(json.dumps({"name": "made"}))
    (folder / "records.json").write_text(json.dumps(list(records)))
    return folder


GOOD = ("lovely sunny day", "great happy friend", "sunny happy great day", "lovely great friend")
BAD = ("awful rainy night", "sad broken thing", "awful sad night", "rainy broken night")


def emotions(folder: Path, size: int = 16) -> Path:
    """Texts that three annotators find good or bad; cat is sometimes wrong."""
    records = []
    for number in range(size):
        value = ("good", "bad")[number % 2]
        words = (GOOD, BAD)[number % 2][(number // 2) % 4]
        wrong = "bad" if value == "good" else "good"
        third = wrong if number % 5 == 0 else value
        records.append(record(f"r{number}", {"text": f"{words} {number}"}, label=[value, value, third]))
    return write_folder(folder, ["text"], [label("label", "good", "bad")], records)
