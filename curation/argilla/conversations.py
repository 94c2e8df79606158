"""Logging to Argilla what people asked the bot and what it said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from textwrap import shorten
from typing import TYPE_CHECKING

import argilla as rg
from pydantic import BaseModel

from curation.argilla.api import UPSERT_BATCH, Api, JsonObject, storable
from curation.argilla.datasets import RemoteDataset, ensure_dataset, find_dataset, vector_slug
from curation.argilla.escaping import harmless, linked, literal, original
from curation.argilla.filters import Metadata, score, term
from curation.argilla.schemas import NO, YES
from curation.argilla.suggestions import ANSWER_RULE, agent_name, suggest_answer
from curation.argilla.upsert import Finished, Outline, Standing, payload
from curation.argilla.vectors import VectorSource
from curation.errors import ArgillaError, StateError
from curation.records.turn import MOST_OFFERED, Turn
from curation.settings import ArgillaSettings

if TYPE_CHECKING:
    from curation.documents.corpus import Corpus

_LOOKUP = 200  # external ids in one filter; Argilla takes 250
_HEADING, _EXCERPT = 160, 280  # characters of a source that are shown


class _Source(BaseModel):
    """A chunk as annotators see it."""

    path: str
    url: str
    text: str


def log_turns(
    client: rg.Argilla,
    settings: ArgillaSettings,
    turns: Sequence[Turn],
    vectors: VectorSource | None,
    corpus: Callable[[], Corpus] | None = None,
) -> None:
    """Store turns in the conversations dataset, which is made when it is missing.

    Sending a turn again updates its record, so an outbox may send twice. Beside the filters, a record's
    metadata hold ``question`` (as it was asked, for training; the fields that annotators see are escaped) and
    ``offered`` (the ids of the passages in the order of their numbers). The passages are those that were
    pushed; one that was not comes from the ``corpus``, if there is one. Raises ArgillaError; everything
    before the failing batch of 256 is then stored.
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
        sources = _sources(api, settings, batch, corpus)
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


def _offered(turn: Turn) -> tuple[str, ...]:
    """The chunks that annotators choose from: only those that were cited where nobody looked for more."""
    return (turn.offered or turn.cited)[:MOST_OFFERED]


def render_response(turn: Turn, sources: dict[str, _Source]) -> str:
    """The answer, and under it the passages, with enough of each to tell which one answers the question."""
    parts = [harmless(turn.answer) or "*(empty)*"]
    lines = []
    for number, chunk_id in enumerate(_offered(turn), 1):
        source = sources.get(chunk_id)
        if source is None:
            lines.append(f"{number}. chunk {literal(chunk_id)}")
        else:
            heading, _, body = source.text.partition("\n")
            lines.append(f"{number}. {linked(f'{source.path}: {heading[:_HEADING]}', source.url)}")
            if body.strip():
                excerpt = shorten(body, _EXCERPT, placeholder=" …")
                lines.append(f"\n    {literal(excerpt)}\n")
    if lines:
        given = min(len(turn.cited), len(lines))
        which = {0: "the bot used none of them", 1: "the bot was given the first"}
        title = f"Sources to choose from: {which.get(given, f'the bot was given the first {given}')}"
        parts.append(f"---\n\n**{title}**\n\n" + "\n".join(lines))
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
    if turn.score == turn.score:  # a NaN would be refused for ever
        metadata["score"] = score(min(max(turn.score, -1.0), 1.0))  # accepted questions may raise it above 1
    if turn.cited:
        metadata["chunk_id"] = term(turn.cited[0])
    if offered := _offered(turn):
        metadata["offered"] = " ".join(map(term, offered))
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


def _sources(
    api: Api, settings: ArgillaSettings, turns: Sequence[Turn], corpus: Callable[[], Corpus] | None
) -> dict[str, _Source]:
    """The chunks to choose from, by id: as they were pushed to Argilla, else as they are in the corpus."""
    wanted = sorted({chunk for turn in turns for chunk in (*_offered(turn), *turn.cited[:MOST_OFFERED])})
    found = _pushed(api, settings, wanted)
    missing = [chunk_id for chunk_id in wanted if chunk_id not in found]
    if missing and corpus is not None:
        with suppress(StateError):  # no documents: not a reason to keep what people asked
            by_id = corpus().by_id
            for chunk in (by_id[chunk_id] for chunk_id in missing if chunk_id in by_id):
                found[chunk.id] = _Source(path=chunk.path, url=chunk.url, text=chunk.text)
    return found


def _pushed(api: Api, settings: ArgillaSettings, wanted: Sequence[str]) -> dict[str, _Source]:
    """Those of the chunks that Argilla's dataset of chunks holds."""
    found: dict[str, _Source] = {}
    if not wanted:
        return found
    try:
        dataset = find_dataset(api, settings, "chunks")
    except ArgillaError:  # a foreign dataset of that name is for `push` to complain about, not for the bot
        return found
    for start in range(0, len(wanted) if dataset else 0, _LOOKUP):
        assert dataset is not None  # noqa: S101 - the range is empty otherwise
        part = wanted[start : start + _LOOKUP]
        scope = {"entity": "record", "property": "external_id"}
        records, _ = api.search(
            dataset.id, [{"type": "terms", "scope": scope, "values": part}], limit=_LOOKUP
        )
        for record in records:
            known = record["metadata"] or {}
            found[str(record["external_id"])] = _Source(
                path=str(known.get("path") or original(record["fields"]["filename"])),  # the tutorial's
                url=str(known.get("address", "")),
                text=original(record["fields"]["chunk"]),
            )
    return found
