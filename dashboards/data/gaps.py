"""Topics without good answers, by `clayloop gaps`: questions that mean the same stand together."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, TypeAdapter

from dashboards.data.commands import run_clayloop
from dashboards.handover import Handover


class Topic(BaseModel):
    """Questions about the same thing, some of them as ``examples``; ``lacks`` counts how it showed that
    nothing answers them, ``records`` are all of them."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    questions: int
    examples: tuple[str, ...]
    lacks: Mapping[str, int]
    records: tuple[str, ...]


_TOPICS = TypeAdapter(list[Topic])


def read_topics(handover: Handover) -> list[Topic]:
    """Of the served release, the largest first. Raises ClayloopError."""
    return _TOPICS.validate_python(run_clayloop(handover.clayloop, "gaps", "--json", "--most", "100"))
