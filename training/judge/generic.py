"""A small set about everything but software: what a model forgets when it learns one documentation by heart.

64 questions, each with the passage that answers it, in 16 subjects of four, so that passages of one subject compete. They
were written for clayloop and are under its licence. A model that finds them as well as its base has forgotten little of
what it could do before; how good it is elsewhere they do not tell, since they are few and easy.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from training.judge.testsets import TestSet

NAME = "generic"
_FILE = Path(__file__).with_name("generic.jsonl")


@cache
def generic_set() -> TestSet:
    """The set that comes with clayloop."""
    rows = [json.loads(line) for line in _FILE.read_text(encoding="utf-8").splitlines()]
    return TestSet(
        name=NAME,
        queries={row["_id"]: row["text"] for row in rows},
        qrels={row["_id"]: {row["_id"]: 1} for row in rows},
        corpus={row["_id"]: row["passage"] for row in rows},
    )
