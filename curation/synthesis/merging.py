"""Putting together the triplets of the whole corpus: generated, and from headings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

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
) -> list[Triplet]:
    """Triplets in corpus order: of each chunk generated ones first, then headings.

    A chunk's generated triplets come from ``generations``, else from ``earlier`` (another model's, or when no
    model was asked). A generated query that several documents are said to answer is left out.
    """
    headings = heading_queries(corpus.chunks)
    ring = NegativeRing.of(headings or _first_queries(generations, corpus), corpus.by_id)
    kept, before = dict[tuple[str, str], str](), dict[str, list[Triplet]]()
    for triplet in earlier:
        kept[triplet.chunk_id, triplet.positive] = triplet.negative
        if triplet.origin != "heading":
            before.setdefault(triplet.chunk_id, []).append(triplet)
    make = _Maker(ring, kept, model)
    triplets: list[Triplet] = []
    for chunk in corpus.chunks:
        generation = generations.get(chunk.id)
        if generation is None:
            triplets += before.get(chunk.id, [])
        else:
            triplets += make.generated(chunk, generation)
        triplets += [make.triplet(chunk, query, "heading") for query in headings.get(chunk.id, ())]
    return _specific(triplets)


@dataclass(frozen=True)
class _Maker:
    """Makes triplets. ``kept`` are the negatives of earlier ones, by chunk id and positive: what annotators
    have judged stays as it was, whatever documents come and go."""

    ring: NegativeRing
    kept: Mapping[tuple[str, str], str]
    model: str

    def generated(self, chunk: Chunk, generation: Generation) -> list[Triplet]:
        if not generation.positive:
            return []
        first = self.triplet(chunk, generation.positive, "sentence-pair", generation.negative)
        first = first.model_copy(update={"style": generation.style})
        # All queries of a chunk share one negative, as in the tutorial's pipeline.
        return [
            first,
            *(self.triplet(chunk, query, "multiple-queries", first.negative) for query in generation.queries),
        ]

    def triplet(self, chunk: Chunk, query: str, origin: Origin, negative: str = "") -> Triplet:
        kept = self.kept.get((chunk.id, query), "")
        against = negative or self.ring.pick(query, place(chunk), kept)
        return Triplet(
            id=Triplet.make_id(chunk.id, query, against),
            chunk_id=chunk.id,
            anchor=chunk.text,
            positive=query,
            negative=against,
            origin=origin,
            model="" if origin == "heading" else self.model,
            path=chunk.path,
            section=chunk.heading,
        )


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
