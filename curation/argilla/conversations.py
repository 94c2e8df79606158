"""Logging to Argilla what people asked the bot and what it said."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from html import escape
from textwrap import shorten
from typing import TYPE_CHECKING

import argilla as rg
from pydantic import BaseModel

from curation.argilla.api import UPSERT_BATCH, Api, JsonObject, storable
from curation.argilla.datasets import RemoteDataset, ensure_dataset, find_dataset, vector_slug
from curation.argilla.filters import Metadata, score, term
from curation.argilla.schemas import LOOK_AT, NO, YES
from curation.argilla.suggestions import remembered, scorers_for
from curation.argilla.upsert import Finished, Outline, Standing, payload
from curation.argilla.vectors import VectorSource
from curation.errors import ArgillaError, StateError
from curation.records.chunk import Chunk
from curation.records.turn import MOST_OFFERED, Turn
from curation.settings import ArgillaSettings
from curation.shown.records import harmless_markdown, inert, literal, original, readable
from curation.suggestions.choice import guess
from curation.suggestions.features import answer_features
from curation.suggestions.hints import look_at_answer
from curation.suggestions.priority import is_empty_talk

if TYPE_CHECKING:
    from curation.documents.corpus import Corpus

_LOOKUP = 200  # external ids in one filter; Argilla takes 250
_HEADING, _EXCERPT = 160, 280  # characters of a source that are shown
_SOURCES = "---\n\n**Sources to choose from: "  # stands between an answer and its passages


class Source(BaseModel):
    """A chunk as annotators see it. ``url`` is the address of its section; "" where it is not known."""

    path: str
    heading: str
    body: str
    url: str = ""

    @property
    def text(self) -> str:
        return f"{self.heading}\n\n{self.body}"

    @classmethod
    def of_chunk(cls, chunk: Chunk) -> Source:
        return cls(path=chunk.path, heading=chunk.heading, body=chunk.body, url=chunk.url)

    @classmethod
    def of_text(cls, path: str, text: str) -> Source:
        heading, _, body = text.partition("\n")
        return cls(path=path, heading=heading, body=body.strip())

    def card(self, number: int) -> str:
        """Where it is, a line of it, and all of it to unfold."""
        title = f"**{number}.** {literal(self.path)}"
        if self.heading:
            title += f" · {literal(shorten(self.heading, _HEADING, placeholder=' …'))}"
        if re.fullmatch(r"https?://[^\s<>()\[\]\"'\\]+", self.url):
            title += f" · [open]({self.url})"
        if not self.body.strip():
            return title
        excerpt = escape(shorten(self.body, _EXCERPT, placeholder=" …"))
        passage = harmless_markdown(self.body, keep_lines=True)
        return f"{title}\n\n<details><summary>{excerpt}</summary>\n\n{passage}\n\n</details>"


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
    ``offered`` (the ids of the passages in the order of their numbers). The passages are those of the
    ``corpus``, if there is one; one that it has not, as it was pushed. Raises ArgillaError; everything
    before the failing batch of 256 is then stored.
    """
    if not turns:
        return
    api = Api.of(client)
    dataset, vector, _ = ensure_dataset(api, settings, "conversations", vectors)
    latest = {turn.id: turn for turn in turns}
    pending = list(latest.values())
    # What was learned comes with the next push: here is only what there is to learn from.
    by = scorers_for(dataset.spec.judged, {}, vector_slug(vectors.name) if vectors else "no-model")
    standing = Standing({}, suggests=False)
    for start in range(0, len(pending), UPSERT_BATCH):
        batch = pending[start : start + UPSERT_BATCH]
        sources = _sources(api, settings, batch, corpus)
        embedded = vectors.queries([turn.question for turn in batch]) if vectors else None
        bodies = []
        for row, turn in enumerate(batch):
            cited = [sources[chunk].text for chunk in turn.cited if chunk in sources]
            looked_at = answer_features(turn.question, turn.answer, cited, _known(turn.score))
            guesses = {name: guess(name, turn.id, looked_at, {}) for name in dataset.spec.judged}
            known = remembered(guesses, by, asked=not is_empty_talk(turn.question))
            finished = Finished(known, {}, None if embedded is None else embedded[row])
            outline = _outline(turn, sources, dataset)
            if LOOK_AT in dataset.fields and (hint := _hint(turn, cited)):
                outline.fields[LOOK_AT] = inert(hint)
            bodies.append(payload(outline, finished, dataset, standing, vector))
        api.upsert(dataset.id, bodies)


def render_instruction(turn: Turn) -> str:
    """The question as Markdown that shows it literally; after all that was said before, if anything."""
    if not turn.history:
        return literal(turn.question)
    names = {"user": "Person", "assistant": "Bot"}
    parts = []
    for message in turn.history:
        text = literal(message.content) if message.role == "user" else harmless_markdown(message.content)
        parts.append(f"**{names[message.role]}:**\n\n{text}")
    parts.append(f"---\n\n**Person (to be judged):**\n\n{literal(turn.question)}")
    return "\n\n".join(parts)


def _offered(turn: Turn) -> tuple[str, ...]:
    """The chunks that annotators choose from: only those that were cited where nobody looked for more."""
    return (turn.offered or turn.cited)[:MOST_OFFERED]


def render_response(turn: Turn, sources: dict[str, Source]) -> str:
    """The answer, and under it the passages, with enough of each to tell which one answers the question."""
    parts = [harmless_markdown(turn.answer) or "*(empty)*"]
    cards = []
    for number, chunk_id in enumerate(_offered(turn), 1):
        source = sources.get(chunk_id)
        cards.append(f"**{number}.** chunk {literal(chunk_id)}" if source is None else source.card(number))
    if cards:
        given = min(len(turn.cited), len(cards))
        which = {0: "the bot used none of them", 1: "the bot was given the first"}
        title = which.get(given, f"the bot was given the first {given}")
        parts.append(f"{_SOURCES}{title}**\n\n" + "\n\n".join(cards))
    if said := _said(turn):
        parts.append(f"---\n\n**{said}**" + (f"\n\n{literal(turn.comment)}" if turn.comment else ""))
    return "\n\n".join(parts)


def answer_in(response: str) -> str:
    """The answer in what ``render_response`` made of it. It stays the Markdown that shows no HTML."""
    return response.rpartition(f"\n\n{_SOURCES}")[0] or response


def _said(turn: Turn) -> str:
    """What the visitor made of the answer: shown to annotators, never a response or a suggestion."""
    if turn.thumb is None:
        return "The visitor's comment:" if turn.comment else ""
    helped = {"up": "The visitor found this helpful", "down": "The visitor did not find this helpful"}[
        turn.thumb
    ]
    return f"{helped}, and wrote:" if turn.comment else f"{helped}."


def _outline(turn: Turn, sources: dict[str, Source], dataset: RemoteDataset) -> Outline:
    metadata: Metadata = {
        "conv_id": term(turn.conversation_id),
        "turn": _within(turn.turn, dataset.filters.get("turn", {})),
        "release": term(turn.release_id),
        "refused": YES if turn.refused else NO,
        "sources": len(turn.cited),
        "seconds": max(turn.seconds, 0.0),
        "day": turn.created_at.date().isoformat(),
        "question": storable(turn.question),
    }
    if turn.score == turn.score:  # a NaN would be refused for ever
        metadata["score"] = score(min(max(turn.score, -1.0), 1.0))  # accepted questions may raise it above 1
    if turn.thumb is not None:
        metadata["thumb"] = turn.thumb
    if turn.comment:
        metadata["comment"] = storable(turn.comment)
    if turn.cited:
        metadata["chunk_id"] = term(turn.cited[0])
    if offered := _offered(turn):
        metadata["offered"] = " ".join(map(term, offered))
    return Outline(
        id=turn.id,
        fields={"instruction": render_instruction(turn), "response": render_response(turn, sources)},
        metadata=metadata,
        derived=frozenset(),
    )


def _hint(turn: Turn, cited: Sequence[str]) -> str:
    return look_at_answer(turn.answer, cited, turn.refused, len(_offered(turn)))


def _known(score: float) -> float:
    """A NaN says nothing."""
    return score if score == score else 0.0


def _within(value: int, limits: JsonObject) -> int:
    """``value`` cut to the ``limits``: the tutorial's datasets allow 100 turns, and a longer conversation
    must not block the outbox."""
    most = limits.get("max")
    return value if most is None else min(value, int(most))


def _sources(
    api: Api, settings: ArgillaSettings, turns: Sequence[Turn], corpus: Callable[[], Corpus] | None
) -> dict[str, Source]:
    """The chunks to choose from, by id: as they are in the corpus, else as they were pushed to Argilla."""
    wanted = sorted({chunk for turn in turns for chunk in (*_offered(turn), *turn.cited[:MOST_OFFERED])})
    found: dict[str, Source] = {}
    if wanted and corpus is not None:
        with suppress(StateError):  # no documents: not a reason to keep what people asked
            by_id = corpus().by_id
            found = {key: Source.of_chunk(by_id[key]) for key in wanted if key in by_id}
    return {**_pushed(api, settings, [key for key in wanted if key not in found]), **found}


def _pushed(api: Api, settings: ArgillaSettings, wanted: Sequence[str]) -> dict[str, Source]:
    """Those of the chunks that Argilla's dataset of chunks holds."""
    found: dict[str, Source] = {}
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
            fields, known = record["fields"], record["metadata"] or {}
            path = str(known.get("path") or original(fields["filename"]))  # the tutorial's has no path
            source = Source.of_text(path, readable(fields["chunk"]))
            found[str(record["external_id"])] = source.model_copy(
                update={"url": str(known.get("address", ""))}
            )
    return found
