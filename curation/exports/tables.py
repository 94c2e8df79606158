"""The tables that can be exported, and what each column means.

No table says who answered: annotators are counted, not named.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import pyarrow as pa

from curation.documents.corpus import Corpus
from curation.documents.naming import place_named_sources
from curation.records.decision import Decision
from curation.records.identity import content_id, normalise
from curation.records.triplet import Triplet

ExportName = Literal["chunks", "triplets", "accepted", "questions", "conversations"]
EXPORTS: tuple[ExportName, ...] = ("chunks", "triplets", "accepted", "questions", "conversations")


class Column(NamedTuple):
    name: str
    type: pa.DataType
    meaning: str


@dataclass(frozen=True)
class Kind:
    """One table: what it holds, and its columns."""

    about: str
    columns: tuple[Column, ...]

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([(one.name, one.type) for one in self.columns])


_TEXT, _COUNT, _SHARE = pa.string(), pa.int32(), pa.float64()
_LIST = pa.list_(pa.string())
_CHUNK_ID = Column("chunk_id", _TEXT, "the id of the chunk that answers")
_PATH = Column("path", _TEXT, "the page's path within its source")
_SECTION = Column("section", _LIST, "the headings above it, outermost first")
_ORIGIN = Column(
    "origin", _TEXT, "sentence-pair, multiple-queries (generated), heading, or conversation (a person asked)"
)
_ANNOTATORS = Column("annotators", _COUNT, "how many people answered the record")
_AGREEMENT = Column("agreement", _SHARE, "share of their votes that went to what was decided, 0 to 1")

KINDS: dict[ExportName, Kind] = {
    "chunks": Kind(
        "the documentation, cut into chunks of at most some 256 tokens",
        (
            Column("id", _TEXT, "hash of path, headings and text"),
            Column("source", _TEXT, "where it was read from"),
            _PATH,
            Column("url", _TEXT, "where people can open it"),
            _SECTION,
            Column("text", _TEXT, "the heading line, a blank line, the body"),
            Column("tokens", _COUNT, "length of the text for the embedding model"),
            Column("position", _COUNT, "its place in the page, from 0"),
        ),
    ),
    "triplets": Kind(
        "training queries for the chunks, as they were proposed to annotators",
        (
            Column("id", _TEXT, "hash of chunk, positive and negative"),
            _CHUNK_ID,
            Column("anchor", _TEXT, "the chunk's text"),
            Column("positive", _TEXT, "a query that the chunk should answer"),
            Column("negative", _TEXT, "a query in like words that it should not answer; may be empty"),
            _ORIGIN,
            Column("style", _TEXT, "how a generated first query was to be put; empty for others"),
            Column("model", _TEXT, "the language model that wrote it; empty for headings"),
            _PATH,
        ),
    ),
    "accepted": Kind(
        "questions that annotators accepted, each with the chunk that answers it",
        (
            Column("id", _TEXT, "the record's id in Argilla"),
            Column("dataset", _TEXT, "triplets or conversations"),
            _CHUNK_ID,
            Column("anchor", _TEXT, "the chunk's text today"),
            Column("positive", _TEXT, "the question"),
            Column(
                "negative", _TEXT, "a question that annotators said the chunk does not answer; may be empty"
            ),
            _ORIGIN,
            _PATH,
            _ANNOTATORS,
            _AGREEMENT,
        ),
    ),
    "questions": Kind(
        "different accepted questions but for headings, and all that answers each: a test set",
        (
            Column("id", _TEXT, "hash of the question"),
            Column("text", _TEXT, "the question"),
            _ORIGIN,
            Column("chunk_ids", _LIST, "the ids of the chunks that answer it"),
            Column("paths", _LIST, "their pages"),
        ),
    ),
    "conversations": Kind(
        "what people asked the bot and it said, with what annotators decided. People's own words: look "
        "before you share them",
        (
            Column("id", _TEXT, "the record's id in Argilla"),
            Column("conversation_id", _TEXT, "the same for all turns of a conversation"),
            Column("turn", _COUNT, "counted from 0"),
            Column("question", _TEXT, "as it was asked"),
            Column("answer", _TEXT, "what the bot said, as Markdown that shows no HTML"),
            Column("refused", pa.bool_(), "the bot said that it does not know"),
            Column("release", _TEXT, "the release that answered"),
            Column("day", _TEXT, "when, ISO"),
            Column("cited", _TEXT, "the id of the first source; may be empty"),
            Column("verdict", _TEXT, "accepted, rejected or undecided; empty while nobody has answered"),
            Column("right_source", _TEXT, "the id of the chunk that annotators named; may be empty"),
            Column("correction", _TEXT, "what the answer should have been, where they agree; may be empty"),
            _ANNOTATORS,
            _AGREEMENT,
        ),
    ),
}


def chunk_table(corpus: Corpus) -> pa.Table:
    """All chunks of the last ingest."""
    return pa.Table.from_pylist([one.model_dump() for one in corpus.chunks], KINDS["chunks"].schema)


def triplet_table(triplets: Iterable[Triplet]) -> pa.Table:
    """All triplets of the last synthesis."""
    return pa.Table.from_pylist([one.model_dump() for one in triplets], KINDS["triplets"].schema)


def accepted_table(decisions: Sequence[Decision], corpus: Corpus) -> pa.Table:
    """The accepted questions whose chunk, or what took its place, is among the documents."""
    rows = []
    for decision in place_named_sources(decisions, corpus.chunks):
        chunk = corpus.by_id.get(corpus.today(decision.chunk_id))
        question = decision.question.strip()
        if not decision.affirms or chunk is None or not question:
            continue
        is_negative = decision.values.get("is_negative_irrelevant") == "yes"
        rows.append(
            {
                "id": decision.record_id,
                "dataset": decision.dataset,
                "chunk_id": chunk.id,
                "anchor": chunk.text,
                "positive": question,
                "negative": decision.fields.get("negative", "").strip() if is_negative else "",
                "origin": str(decision.metadata.get("origin", "")) or _origin(decision),
                "path": chunk.path,
                "annotators": len(decision.annotators),
                "agreement": decision.agreement,
            }
        )
    return pa.Table.from_pylist(rows, KINDS["accepted"].schema)


def question_table(accepted: pa.Table) -> pa.Table:
    """The questions in a table of accepted ones: each once, however it is written."""
    found: dict[str, dict[str, object]] = {}
    answers: dict[str, dict[str, str]] = {}
    for row in accepted.to_pylist():
        if row["origin"] == "heading":
            continue
        key = normalise(row["positive"])
        values = {"id": content_id("question", key), "text": row["positive"], "origin": row["origin"]}
        found.setdefault(key, values)
        answers.setdefault(key, {})[row["chunk_id"]] = row["path"]
    rows = [
        {**values, "chunk_ids": list(answers[key]), "paths": list(dict.fromkeys(answers[key].values()))}
        for key, values in found.items()
    ]
    return pa.Table.from_pylist(rows, KINDS["questions"].schema)


def public_sources(table: pa.Table) -> pa.Table:
    """The table without where folders lie on this disk: their names are enough for others."""
    if "source" not in table.column_names:
        return table
    place = table.schema.get_field_index("source")
    names = pa.array([public_source(one) for one in table["source"].to_pylist()], _TEXT)
    return table.set_column(place, table.schema.field(place), names)


def public_source(source: str) -> str:
    """A source as others may see it."""
    kind, _, place = source.partition(":")
    return f"folder:{place.rstrip('/').rpartition('/')[2]}" if kind == "folder" else source


def _origin(decision: Decision) -> str:
    return "conversation" if decision.dataset == "conversations" else ""
