"""What a language model is told about each chunk: its text, the style of its query, and what people accepted
of other chunks' before."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from pydantic import BaseModel

from curation.records.chunk import Chunk
from curation.records.identity import content_id
from curation.records.triplet import QueryStyle, Triplet
from curation.synthesis.prompts import LONGEST_SMALL_TEXT, LONGEST_TEXT, SHOTS, fit
from curation.synthesis.styles import Example, style_of

Accepted = Mapping[QueryStyle, Sequence[tuple[str, Example]]]


class AskedChunk(BaseModel):
    """``topic`` are the headings, ``body`` the text below them, ``anchor`` both."""

    chunk_id: str
    topic: str
    body: str
    anchor: str
    style: QueryStyle
    accepted: list[Example] = []


def asked(chunk: Chunk, styles: Sequence[QueryStyle], accepted: Accepted) -> AskedChunk:
    """With examples of the chunk's style, none of them about the chunk's own page."""
    style = style_of(chunk, styles)
    return AskedChunk(
        chunk_id=chunk.id,
        topic=chunk.heading,
        body=fit(chunk.body, LONGEST_TEXT),
        anchor=fit(chunk.text, LONGEST_TEXT),
        style=style,
        accepted=[one for path, one in accepted.get(style, ()) if path != chunk.path][:SHOTS],
    )


def accepted_examples(
    triplets: Iterable[Triplet], ids: Collection[str], chunks: Mapping[str, Chunk]
) -> Accepted:
    """Those of the generated ``triplets`` whose ``ids`` people accepted, as examples of their style, each
    with its page; one of a page, always the same."""
    found: dict[QueryStyle, dict[str, tuple[str, Example]]] = {}
    for one in sorted(triplets, key=lambda one: content_id("example", one.id)):
        chunk = chunks.get(one.chunk_id)
        if one.id in ids and one.style and chunk is not None:
            text = fit(chunk.body, LONGEST_SMALL_TEXT)
            example = Example(topic=chunk.heading, text=text, query=one.positive)
            found.setdefault(one.style, {}).setdefault(chunk.path, (chunk.path, example))
    return {style: list(by_page.values()) for style, by_page in found.items()}
