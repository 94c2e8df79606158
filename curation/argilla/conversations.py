"""Logging to Argilla what people asked the bot and what it said."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from html import escape
from textwrap import shorten
from typing import TYPE_CHECKING

from pydantic import BaseModel

from curation.argilla.api import UPSERT_BATCH, Api, JsonObject, storable
from curation.argilla.datasets import RemoteDataset, asked_twice, ensure_dataset, find_kind, vector_slug
from curation.argilla.filters import Metadata, score, term
from curation.argilla.queue import SMALL_TALK, area_of, is_asked_twice
from curation.argilla.schemas import AREA, ASKED, HISTORY, LOOK_AT, NO, QUEUE, YES
from curation.argilla.suggestions import remembered, scorers_for
from curation.argilla.upsert import Finished, Outline, Shelf, payload
from curation.argilla.vectors import VectorSource
from curation.errors import ArgillaError, StateError
from curation.records.chunk import Chunk
from curation.records.turn import MOST_OFFERED, Turn
from curation.settings import ArgillaSettings
from curation.shown.page import prose, web_address
from curation.shown.records import harmless_markdown, inert, literal, original, readable
from curation.suggestions.choice import guess
from curation.suggestions.features import answer_features
from curation.suggestions.hints import look_at_answer
from curation.suggestions.priority import is_empty_talk

if TYPE_CHECKING:
    import argilla as rg

    from curation.documents.corpus import Corpus

_MESSAGES, _MESSAGE = 500, 20_000  # Argilla's own limits of a chat
_HEADING, _FIRST_WORDS, _EXCERPT = 160, 60, 280  # characters of a source that are shown
_THUMBS = {"up": 1.0, "down": -1.0}
_FENCE = re.compile(r"^[ \t]*(?:```|~~~).*$", re.MULTILINE)
# As harmless_markdown shows a link, whose words may hold escaped brackets.
_LINK = re.compile(
    r"(?<!&#92;)(?<!!)\\\[((?:[^\[\]\n]|&#92;\\[\[\]])+?)(?<!&#92;)\\\]\((https?&#58;//[^\s()<>]+)\)"
)
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
    def of_text(cls, path: str, text: str, url: str) -> Source:
        heading, _, body = text.partition("\n")
        return cls(path=path, heading=heading, body=body.strip(), url=url)

    @property
    def address(self) -> str:
        """``url`` as the bot's answers have it; "" where it is no address."""
        return web_address(self.url)

    @property
    def line(self) -> str:
        """Its page and its section. Several passages of a section have the same."""
        heading = shorten(self.heading, _HEADING, placeholder=" …")
        return " · ".join(literal(part) for part in (self.path, heading) if part)

    @property
    def said(self) -> str:
        """Its text on one line."""
        return " ".join((" ".join(prose(self.body)).strip() or _FENCE.sub("", self.body)).split())

    def card(self, number: int, is_alike: bool = False) -> str:
        """Where it is (if that ``is_alike`` for another, its first words too), a line of it, and all of it to
        unfold."""
        title = f"**{number}.** {self.line}"
        if is_alike and self.said:
            title += f" · “{literal(shorten(self.said, _FIRST_WORDS, placeholder=' …'))}”"
        if self.address:
            title += f" · [open]({self.address})"
        if not self.body.strip():
            return title
        excerpt = escape(shorten(self.said, _EXCERPT, placeholder=" …"))
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
    metadata hold ``question`` (as it was asked; the fields that annotators see are escaped), ``meant`` (what
    a follow-up was taken for: that is what is trained on) and ``offered`` (the ids of the passages in the
    order of their numbers). The passages are those of the ``corpus``, if there is one; one that it has not,
    as it was pushed. Raises ArgillaError; everything before the failing batch of 256 is then stored.
    """
    latest = {turn.id: turn for turn in turns}.values()
    for one, is_twice in ((settings, False), (asked_twice(settings), True)):
        pending = [turn for turn in latest if is_asked_twice(turn.id, settings.overlap) is is_twice]
        if pending:
            _log(Api.of(client), one, pending, vectors, corpus)


def _log(
    api: Api,
    settings: ArgillaSettings,
    pending: Sequence[Turn],
    vectors: VectorSource | None,
    corpus: Callable[[], Corpus] | None,
) -> None:
    dataset, vector, _ = ensure_dataset(api, settings, "conversations", vectors)
    # What was learned comes with the next push: here is only what there is to learn from.
    by = scorers_for(dataset.spec.judged, {}, vector_slug(vectors.name) if vectors else "no-model")
    shelf = Shelf(dataset, vector=vector, suggests=False)
    for start in range(0, len(pending), UPSERT_BATCH):
        batch = pending[start : start + UPSERT_BATCH]
        sources = _sources(api, settings, batch, corpus)
        embedded = vectors.queries([turn.meant or turn.question for turn in batch]) if vectors else None
        bodies = []
        for row, turn in enumerate(batch):
            cited = [sources[chunk].text for chunk in turn.cited if chunk in sources]
            thumb = _THUMBS.get(turn.thumb or "", 0.0)
            score_of_best = 0.0 if math.isnan(turn.score) else turn.score
            looked_at = answer_features(turn.question, turn.answer, cited, score_of_best, thumb)
            guesses = {name: guess(name, turn.id, looked_at, {}) for name in dataset.spec.judged}
            asked = not is_empty_talk(turn.question)
            known = remembered(guesses, by, asked)
            known[QUEUE.name] = ASKED if asked else SMALL_TALK
            first = sources.get(turn.cited[0]) if turn.cited else None
            known[AREA.name] = area_of(first.path if first else "", settings.experts)
            finished = Finished(known, {}, None if embedded is None else embedded[row])
            outline = _outline(turn, sources, dataset)
            bodies.append(payload(outline, finished, shelf))
        api.upsert(dataset.id, bodies)


def render_history(turn: Turn) -> list[dict[str, str]]:
    """What was said before, as the messages of a chat; of very much the last."""
    return [
        {
            "role": message.role,
            "content": (literal if message.role == "user" else harmless_markdown)(message.content)[:_MESSAGE],
        }
        for message in turn.history[-_MESSAGES:]
        if message.content.strip()
    ]


def render_instruction(turn: Turn) -> str:
    """The question as Markdown that shows it literally; after all that was said before, for a dataset without
    a field for that."""
    if not turn.history:
        return literal(turn.question)
    names = {"user": "Person", "assistant": "Bot"}
    parts = [f"**{names[one['role']]}:**\n\n{one['content']}" for one in render_history(turn)]
    parts.append(f"---\n\n**Person (to be judged):**\n\n{literal(turn.question)}")
    return "\n\n".join(parts)


def _offered(turn: Turn) -> tuple[str, ...]:
    """The chunks that annotators choose from: those that the visitor saw where nobody looked for more."""
    return (turn.offered or turn.cited)[:MOST_OFFERED]


def render_response(turn: Turn, sources: dict[str, Source]) -> str:
    """The answer, and under it the passages, with enough of each to tell which one answers the question. Only
    what leads to one of them is a link."""
    known = {sources[key].address for key in _offered(turn) if key in sources} - {""}

    def link(match: re.Match[str]) -> str:
        title, address = match[1].replace("&#92;\\", "\\"), readable(match[2])
        return f"[{title}]({address})" if address in known else match[0]

    parts = [_LINK.sub(link, harmless_markdown(turn.answer)) or "*(empty)*"]
    lines = Counter(sources[key].line for key in _offered(turn) if key in sources)
    cards = []
    for number, chunk_id in enumerate(_offered(turn), 1):
        source = sources.get(chunk_id)
        cards.append(
            f"**{number}.** chunk {literal(chunk_id)}"
            if source is None
            else source.card(number, lines[source.line] > 1)
        )
    if cards:
        given = min(len(turn.cited), len(cards))
        which = {0: "the bot used none of them", 1: "the bot was given the first"}
        title = which.get(given, f"the bot was given the first {given}")
        parts.append(f"{_SOURCES}{title}**\n\n" + "\n\n---\n\n".join(cards))
    return "\n\n".join(parts)


def answer_in(response: str) -> str:
    """The answer in what ``render_response`` made of it. It stays the Markdown that shows no HTML."""
    return response.rpartition(f"\n\n{_SOURCES}")[0] or response


def render_worth_a_look(turn: Turn, cited: Sequence[str]) -> str:
    """What the visitor made of the answer (never a response or a suggestion), and what a machine noticed."""
    thumbs = {"up": "The visitor found this helpful.", "down": "The visitor did not find this helpful."}
    said = [thumbs[turn.thumb]] if turn.thumb else []
    if turn.comment:
        said.append(f"The visitor wrote: “{turn.comment}”")
    hint = look_at_answer(turn.answer, cited, turn.refused, len(_offered(turn)))
    return inert("\n".join([*said, hint] if hint else said))


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
    if not math.isnan(turn.score):  # it would be refused for ever
        metadata["score"] = score(min(max(turn.score, -1.0), 1.0))  # accepted questions may raise it above 1
    if turn.thumb is not None:
        metadata["thumb"] = turn.thumb
    if turn.meant:
        metadata["meant"] = storable(turn.meant)
    if turn.comment:
        metadata["comment"] = storable(turn.comment)
    if turn.drafted:
        metadata["drafted"] = " ".join(term(release) if release else "both" for release in turn.drafted)
    if turn.preferred:
        metadata["preferred"] = term(turn.preferred)
    if turn.cited:
        metadata["chunk_id"] = term(turn.cited[0])
    if offered := _offered(turn):
        metadata["offered"] = " ".join(map(term, offered))
    cited = [sources[chunk].text for chunk in turn.cited if chunk in sources]
    fields: JsonObject = {
        HISTORY: render_history(turn),
        "instruction": literal(turn.question) if HISTORY in dataset.fields else render_instruction(turn),
        LOOK_AT: render_worth_a_look(turn, cited),
        "response": render_response(turn, sources),
    }
    return Outline(
        id=turn.id,
        fields={
            name: shown
            for name, shown in fields.items()
            if name in dataset.fields and (shown or dataset.fields[name]["required"])
        },
        metadata=metadata,
    )


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
        datasets = find_kind(api, settings, "chunks")
    except ArgillaError:  # a foreign dataset of that name is for `push` to complain about, not for the bot
        return found
    for record in (one for own in datasets for one in api.by_ids(own.id, wanted, kind="external_id")):
        fields, known = record["fields"], record["metadata"] or {}
        path = str(known.get("path") or original(fields["filename"]))  # the tutorial's has no path
        address = str(known.get("address", ""))
        found[str(record["external_id"])] = Source.of_text(path, readable(fields["chunk"]), address)
    return found
