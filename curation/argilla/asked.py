"""The questions that people asked the bot, as the dataset of conversations keeps them."""

from __future__ import annotations

import argilla as rg
from pydantic import BaseModel, ConfigDict

from curation.argilla.api import Api
from curation.argilla.decisions import all_records, decision_of
from curation.argilla.schemas import YES
from curation.errors import StateError
from curation.progress import SILENT, Progress
from curation.records.identity import normalise
from curation.settings import ArgillaSettings


class AskedQuestions(BaseModel):
    """Each question once, the newest first. ``follow_ups`` cannot be understood without what was said before
    them, ``out_of_bounds`` were judged so: both are left out."""

    model_config = ConfigDict(frozen=True)

    questions: tuple[str, ...]
    follow_ups: int = 0
    out_of_bounds: int = 0


def read_questions(
    client: rg.Argilla, settings: ArgillaSettings, progress: Progress = SILENT
) -> AskedQuestions:
    """Raises ArgillaError when Argilla cannot be read, StateError when there is no conversation yet."""
    api = Api.of(client)
    found: dict[str, str] = {}
    follow_ups = out_of_bounds = 0
    with progress.task("Reading conversations", unit="records") as advance:
        for page in all_records(api, settings, "conversations"):
            for record in page:
                metadata = record.get("metadata") or {}
                question = str(metadata.get("question") or "").strip()
                decision = decision_of("conversations", record, {})
                if metadata.get("turn"):
                    follow_ups += 1
                elif decision is not None and decision.values.get("out_of_guardrails") == YES:
                    out_of_bounds += 1
                elif question:
                    found.pop(normalise(question), None)
                    found[normalise(question)] = question
            advance(len(page))
    if not found:
        raise StateError(
            f"Nobody has asked the bot anything yet that the dataset {settings.conversations!r} in workspace "
            f"{settings.workspace!r} keeps.",
            "Start it with `clayloop up` and ask; serving.bot.log_conversations must be on.",
        )
    return AskedQuestions(
        questions=tuple(reversed(found.values())), follow_ups=follow_ups, out_of_bounds=out_of_bounds
    )
