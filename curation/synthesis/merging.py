"""Putting together the triplets of the whole corpus: generated, and from headings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from curation.documents.corpus import Corpus
from curation.records.chunk import Chunk
from curation.records.triplet import Origin, Triplet
from curation.synthesis.cleaning import sameness
from curation.synthesis.headings import heading_queries
from curation.synthesis.negatives import NegativeRing, place
from curation.synthesis.store import Generation


def merge(
    corpus: Corpus,
    generations: Mapping[str, Generation],
    model: str,
    earlier: Iterable[Triplet],
    with_headings: bool,
) -> list[Triplet]:
    """Triplets in corpus order: of each chunk generated ones first, then headings.

    A chunk's generated triplets come from ``generations``, else from ``earlier`` (another model's, or when no
    model was asked). A generated query that several documents are said to answer is left out.
    """
    headings = heading_queries(corpus.chunks)
    ring = NegativeRing.of(headings or _first_queries(generations, corpus), corpus.by_id)
    before: dict[str, list[Triplet]] = {}
    for triplet in earlier:
        if triplet.origin != "heading":
            before.setdefault(triplet.chunk_id, []).append(triplet)
    triplets: list[Triplet] = []
    for chunk in corpus.chunks:
        generation = generations.get(chunk.id)
        if generation is None:
            triplets += before.get(chunk.id, [])
        else:
            triplets += _generated(chunk, generation, model, ring)
        if with_headings and chunk.id in headings:
            triplets += _triplets(chunk, headings[chunk.id], "", "heading", "", ring)
    return _specific(triplets)


def _generated(chunk: Chunk, generation: Generation, model: str, ring: NegativeRing) -> list[Triplet]:
    if not generation.positive:
        return []
    first = _triplets(chunk, [generation.positive], generation.negative, "sentence-pair", model, ring)
    # All queries of a chunk share one negative, as in the tutorial's pipeline.
    negative = generation.negative or first[0].negative
    return first + _triplets(chunk, generation.queries, negative, "multiple-queries", model, ring)


def _triplets(
    chunk: Chunk, queries: Iterable[str], negative: str, origin: Origin, model: str, ring: NegativeRing
) -> list[Triplet]:
    made = []
    for query in queries:
        against = negative or ring.pick(query, place(chunk))
        made.append(
            Triplet(
                id=Triplet.make_id(chunk.id, query, against),
                chunk_id=chunk.id,
                anchor=chunk.text,
                positive=query,
                negative=against,
                origin=origin,
                model=model,
                path=chunk.path,
                section=chunk.heading,
            )
        )
    return made


def _specific(triplets: list[Triplet]) -> list[Triplet]:
    places = {(sameness(t.positive), t.path) for t in triplets if t.origin != "heading"}
    documents = Counter(key for key, _ in places)
    return [t for t in triplets if t.origin == "heading" or documents[sameness(t.positive)] <= 1]


def _first_queries(generations: Mapping[str, Generation], corpus: Corpus) -> dict[str, list[str]]:
    return {
        chunk_id: [generation.positive]
        for chunk_id, generation in generations.items()
        if generation.positive and chunk_id in corpus.by_id
    }
