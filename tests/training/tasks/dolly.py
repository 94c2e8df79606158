"""The dataset of version 1's guide to language models, small, and the guide's formatting functions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.training.tasks import folders
from tests.training.tasks.folders import record, write_folder

TEMPLATE = "instruction: {instruction} context: {context} response: {response}"


def write_dolly(folder: Path) -> Path:
    """Instructions and responses that an annotator wrote anew."""
    made = []
    for number in range(16):
        person, firm = folders.PEOPLE[number % 4], folders.FIRMS[(number // 4) % 4]
        fields = {
            "original-instruction": f"where is {person}",
            "original-context": f"{person} works for {firm}",
            "original-response": "nobody knows",
        }
        answers = {
            "new-instruction": [f"where does {person} work"],
            "new-context": [fields["original-context"]],
            "new-response": [f"{person} works for {firm}"],
        }
        made.append(record(f"d{number}", fields, **answers))
    questions = [folders.text(name) for name in ("new-instruction", "new-context", "new-response")]
    fields = ["original-instruction", "original-context", "original-response"]
    return write_folder(folder, fields, questions, made)


def to_text(sample: dict[str, Any]) -> str:
    return TEMPLATE.format(
        instruction=sample["new-instruction"][0]["value"],
        context=sample["new-context"][0]["value"],
        response=sample["new-response"][0]["value"],
    )


def to_pairs(sample: dict[str, Any]) -> Iterator[tuple[str, str]]:
    instruction, context = sample["original-instruction"], sample["original-context"]
    rejected = TEMPLATE.format(instruction=instruction, context=context, response=sample["original-response"])
    for response in sample["new-response"]:
        if response["status"] == "submitted":
            chosen = TEMPLATE.format(instruction=instruction, context=context, response=response["value"])
            if chosen != rejected:
                yield chosen, rejected


def to_prompts(sample: dict[str, Any]) -> Iterator[str]:
    for instruction, context in zip(sample["new-instruction"], sample["new-context"], strict=True):
        if instruction["status"] == "submitted":
            yield TEMPLATE.format(
                instruction=instruction["value"], context=context["value"][:500], response=""
            ).strip()


def to_preferences(sample: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    prompt = TEMPLATE.format(
        instruction=sample["original-instruction"], context=sample["original-context"], response=""
    )
    for response in sample["new-response"]:
        yield prompt, response["value"], sample["original-response"]


def to_chat(sample: dict[str, Any]) -> Iterator[list[tuple[str, str, str, str]]]:
    if sample["new-response"]:
        yield [
            (sample["id"], "0", "system", "works"),
            (sample["id"], "1", "user", sample["original-instruction"]),
            (sample["id"], "2", "assistant", sample["new-response"][0]["value"]),
        ]
