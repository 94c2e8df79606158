"""Which chunk took the place of one that an ingest took out.

People judged chunks that are edited later. What they said about an old chunk holds for its successor, one of
the chunks that came:

1. the one that holds most of the old text, in the same section, else anywhere in the same document (a renamed
   section, a paragraph that moved to its neighbour);
2. else the one in the same section, of several the most similar one (rewritten text);
3. else the one that holds most of the old text, anywhere in the same source (a moved file);
4. else none: the text was removed.

Similarity is the containment of Broder, "On the resemblance and containment of documents" (1997): how many of
the old text's word sequences the new one has. On scrapy's documentation (2.10 to 2.12, 147 of 1,126 chunks
gone) the section alone named an unrelated chunk for 6 chunks whose text stood elsewhere in the document.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from curation.documents.corpus import Corpus
from curation.records.chunk import Chunk, FormerChunk

# A chunk holds most of an old text if it has this share of its sequences of one to three words: more than a
# half, so that neither part has it when a text is split in two.
MOST = 0.55
# Texts with fewer sequences (about ten words) stand in many places: for them only the section counts.
TOO_SHORT = 30
_WORD = r"[\u3040-\u30ff\u3400-\u9fff]|\w+"  # Chinese and Japanese put no spaces between words

_Place = tuple[object, ...]


def former_chunks(old: Corpus, new: Corpus) -> dict[str, FormerChunk]:
    """All chunks that were once in the corpus and are not in ``new``, by id, with their successors there.

    ``old`` is the corpus before. Its former chunks follow the edits of their successors; one without a
    successor gets one when its text comes back. A chunk that is back in ``new`` is left out.
    """
    came = [chunk for chunk in new.chunks if chunk.id not in old.by_id]
    gone = [chunk for chunk in old.chunks if chunk.id not in new.by_id]
    former = {key: one for key, one in old.former.items() if key not in new.by_id}
    search = _Search(came)
    successors = {chunk.id: search.successor(chunk) for chunk in gone}
    found = {chunk.id: FormerChunk(chunk=chunk, replaced_by=successors[chunk.id]) for chunk in gone}
    for key, one in former.items():
        now = successors.get(one.replaced_by, one.replaced_by) or search.same_text(one.chunk)
        found[key] = one if now == one.replaced_by else one.model_copy(update={"replaced_by": now})
    return found


class _Old(NamedTuple):
    """An old text: how many word sequences it has, and how many of them each chunk that came has."""

    sequences: int
    common: Any


class _Search:
    """Looks for successors among the chunks that came."""

    def __init__(self, came: Sequence[Chunk]) -> None:
        self._came = came
        places: defaultdict[_Place, list[int]] = defaultdict(list)
        for number, chunk in enumerate(came):
            for place in _places(chunk):
                places[place].append(number)
        self._numbers = {place: np.array(numbers) for place, numbers in places.items()}
        # (word sequences, chunks that came), sparse; made when the first text is compared
        self._table: Any = None
        self._sizes = np.zeros(0)

    def successor(self, chunk: Chunk) -> str:
        """The id of the chunk that took the place of ``chunk``; "" when none did."""
        section, document, source = _places(chunk)
        if source not in self._numbers:
            return ""
        old = self._compare(chunk)
        found = self._holds_most(old, section) or self._holds_most(old, document)
        if not found and section in self._numbers:
            return self._most_similar(old, section)[0]
        return found or self._holds_most(old, source)

    def same_text(self, chunk: Chunk) -> str:
        """The id of the chunk that holds most of the text of ``chunk``; "" when none in its source does."""
        places = _places(chunk)
        if places[-1] not in self._numbers:
            return ""
        old = self._compare(chunk)
        return next(filter(None, (self._holds_most(old, place) for place in places)), "")

    def _compare(self, chunk: Chunk) -> _Old:
        own = self._sequences([chunk])
        if self._table is None:
            sets = self._sequences(self._came)
            self._table, self._sizes = sets.T.tocsr(), sets.getnnz(axis=1)
        return _Old(own.nnz, (own @ self._table).toarray().ravel())

    def _holds_most(self, old: _Old, place: _Place) -> str:
        if place not in self._numbers:
            return ""
        found, share = self._most_similar(old, place)
        return found if share >= MOST else ""

    def _most_similar(self, old: _Old, place: _Place) -> tuple[str, float]:
        """Of the chunks that came to ``place`` the one with most of the text, of equals the shortest; and
        its share."""
        numbers = self._numbers[place]
        common = old.common[numbers]
        best = np.lexsort((self._sizes[numbers], -common))[0]
        share = float(common[best]) / old.sequences if old.sequences >= TOO_SHORT else 0.0
        return self._came[int(numbers[best])].id, share

    def _sequences(self, chunks: Sequence[Chunk]) -> Any:
        """(chunks, hashes), sparse: which sequences of one to three words the bodies have."""
        from sklearn.feature_extraction.text import HashingVectorizer

        hashing = HashingVectorizer(
            binary=True, norm=None, alternate_sign=False, ngram_range=(1, 3), token_pattern=_WORD
        )
        return hashing.transform([chunk.body for chunk in chunks])


def _places(chunk: Chunk) -> tuple[_Place, _Place, _Place]:
    """Its section, document and source."""
    return (chunk.source, chunk.path, chunk.section), (chunk.source, chunk.path), (chunk.source,)
