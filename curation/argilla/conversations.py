"""Logging to Argilla what people asked the bot and what it said."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import shorten

import argilla as rg
from pydantic import BaseModel

from curation.argilla.api import UPSERT_BATCH, Api, JsonObject, storable
from curation.argilla.datasets import RemoteDataset, ensure_dataset, find_dataset, vector_slug
from curation.argilla.escaping import harmless, literal, original
from curation.argilla.filters import Metadata, score, term
from curation.argilla.schemas import NO, YES
from curation.argilla.suggestions import ANSWER_RULE, agent_name, suggest_answer
from curation.argilla.upsert import Finished, Outline, Standing, payload
from curation.argilla.vectors import VectorSource
from curation.errors import ArgillaError
from curation.records.turn import Turn
from curation.settings import ArgillaSettings

_LOOKUP = 200  # external ids in one filter; Argilla takes 250
_MOST_SOURCES = 10
_HEADING, _EXCERPT = 160, 280  # characters of a source that are shown


class _Source(BaseModel):
    """A cited chunk as Argilla holds it."""

    path: str
    text: str


def log_turns(
    client: rg.Argilla, settings: ArgillaSettings, turns: Sequence[Turn], vectors: VectorSource | None
) -> None:
    """Store turns in the conversations dataset, which is made when it is missing.

    Sending a turn again updates its record, so an outbox may send twice. Beside the filters, a record's
    metadata hold ``question`` (as it was asked, for training; the fields that annotators see are escaped) and
    ``cited`` (the ids of the sources in the order of their numbers). Raises ArgillaError; everything before
    the failing batch of 256 is then stored.
    """
    if not turns:
        return
    api = Api.of(client)
    dataset, vector, _ = ensure_dataset(api, settings, "conversations", vectors)
    latest = {turn.id: turn for turn in turns}
    pending = list(latest.values())
    agent = agent_name(ANSWER_RULE, vector_slug(vectors.name) if vectors else "no-model")
    standing = Standing({}, suggests=api.shows_suggestions())
    for start in range(0, len(pending), UPSERT_BATCH):
        batch = pending[start : start + UPSERT_BATCH]
        sources = _sources(api, settings, batch)
        embedded = vectors.queries([turn.question for turn in batch]) if vectors else None
        bodies = []
        for row, turn in enumerate(batch):
            cited = [sources[chunk] for chunk in turn.cited if chunk in sources]
            finished = Finished(
                suggestions=suggest_answer(turn, [source.text for source in cited], agent),
                vector=None if embedded is None else embedded[row],
            )
            bodies.append(payload(_outline(turn, sources, dataset), finished, dataset, standing, vector))
        api.upsert(dataset.id, bodies)


def render_instruction(turn: Turn) -> str:
    """The question as Markdown that shows it literally; after all that was said before, if anything."""
    if not turn.history:
        return literal(turn.question)
    names = {"user": "Person", "assistant": "Bot"}
    parts = []
    for message in turn.history:
        text = literal(message.content) if message.role == "user" else harmless(message.content)
        parts.append(f"**{names[message.role]}:**\n\n{text}")
    parts.append(f"---\n\n**Person (to be judged):**\n\n{literal(turn.question)}")
    return "\n\n".join(parts)


def render_response(turn: Turn, sources: dict[str, _Source]) -> str:
    """The answer, and under it its sources, with enough of each to tell which one answers the question."""
    parts = [harmless(turn.answer) or "*(empty)*"]
    lines = []
    for number, chunk_id in enumerate(turn.cited[:_MOST_SOURCES], 1):
        source = sources.get(chunk_id)
        if source is None:
            lines.append(f"{number}. chunk {literal(chunk_id)}")
        else:
            heading, _, body = source.text.partition("\n")
            lines.append(f"{number}. {literal(source.path)}: {literal(heading[:_HEADING])}")
            if body.strip():
                excerpt = shorten(body, _EXCERPT, placeholder=" …")
                lines.append(f"\n    {literal(excerpt)}\n")
    if lines:
        parts.append("---\n\n**Sources that the bot was given**\n\n" + "\n".join(lines))
    return "\n\n".join(parts)


def _outline(turn: Turn, sources: dict[str, _Source], dataset: RemoteDataset) -> Outline:
    metadata: Metadata = {
        "conv_id": term(turn.conversation_id),
        "turn": _within(turn.turn, dataset.filters.get("turn", {})),
        "release": term(turn.release_id),
        "refused": YES if turn.refused else NO,
        "sources": len(turn.cited),
        "day": turn.created_at.date().isoformat(),
        "question": storable(turn.question),
    }
    if turn.score == turn.score and abs(turn.score) <= 1:  # a NaN would be refused for ever
        metadata["score"] = score(turn.score)
    if turn.cited:
        metadata["chunk_id"] = term(turn.cited[0])
        metadata["cited"] = " ".join(map(term, turn.cited[:_MOST_SOURCES]))
    return Outline(
        id=turn.id,
        fields={"instruction": render_instruction(turn), "response": render_response(turn, sources)},
        metadata=metadata,
        derived=frozenset(),
        agents={},
    )


def _within(value: int, limits: JsonObject) -> int:
    """``value`` cut to the ``limits``: the tutorial's datasets allow 100 turns, and a longer conversation
    must not block the outbox."""
    most = limits.get("max")
    return value if most is None else min(value, int(most))


def _sources(api: Api, settings: ArgillaSettings, turns: Sequence[Turn]) -> dict[str, _Source]:
    """The cited chunks that Argilla's dataset of chunks holds, by id."""
    wanted = sorted({chunk for turn in turns for chunk in turn.cited[:_MOST_SOURCES]})
    if not wanted:
        return {}
    try:
        dataset = find_dataset(api, settings, "chunks")
    except ArgillaError:  # a foreign dataset of that name is for `push` to complain about, not for the bot
        return {}
    found: dict[str, _Source] = {}
    for start in range(0, len(wanted) if dataset else 0, _LOOKUP):
        assert dataset is not None  # noqa: S101 - the range is empty otherwise
        part = wanted[start : start + _LOOKUP]
        scope = {"entity": "record", "property": "external_id"}
        records, _ = api.search(
            dataset.id, [{"type": "terms", "scope": scope, "values": part}], limit=_LOOKUP
        )
        for record in records:
            fields = record["fields"]
            found[str(record["external_id"])] = _Source(
                path=original(fields["filename"]), text=original(fields["chunk"])
            )
    return found
