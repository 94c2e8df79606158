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


def ranked(*options: str) -> list[dict[str, Any]]:
    """An answer to a ranking, the best first."""
    return [{"value": one, "rank": rank} for rank, one in enumerate(options, 1)]


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


PEOPLE = ("ann", "bob", "cat", "dan")
FIRMS = ("acme", "globex", "initech", "hooli")


def names(folder: Path, size: int = 32) -> Path:
    """Who works where: spans of people and firms, the question that asks for the firm, a summary, and two
    topics. The third annotator marks nothing."""
    records = []
    for number in range(size):
        person, firm = PEOPLE[number % 4], FIRMS[(number // 4) % 4]
        words = f"today {person} works for {firm} here"
        first, second = words.index(person), words.index(firm)
        spans_of_both = [
            {"start": first, "end": first + len(person), "label": "PER"},
            {"start": second, "end": second + len(firm), "label": "ORG"},
        ]
        topics = [topic for topic, there in (("early", number % 4 < 2), ("firm", number % 8 < 4)) if there]
        answers: dict[str, list[Any]] = {
            "spans": [spans_of_both, spans_of_both, []],
            "firm": [spans_of_both[1:], spans_of_both[1:], None],
            "answer": [firm],
            "summary": [f"{person} {firm}"],
            "topics": [topics, topics],
        }
        records.append(record(f"n{number}", {"text": words, "question": f"where is {person}"}, **answers))
    questions = [
        spans("spans", "text", "PER", "ORG"),
        spans("firm", "text", "ORG"),
        text("answer"),
        text("summary"),
        label("topics", "early", "firm", multi=True),
    ]
    return write_folder(folder, ["text", "question"], questions, records)
