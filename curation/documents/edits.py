"""Which chunk took the place of one that an ingest took out.

People judged chunks that are edited later. What they said about an old chunk holds for its successor:

1. the chunk that came into the same section of the same document (of several, the most similar one);
2. if none came there, the chunk that came into the same document, else into the same source, and is nearly
   the same text (a renamed section, a moved file);
3. else none: the text was removed or rewritten.

Similarity is the resemblance of Broder, "On the resemblance and containment of documents" (1997): the Jaccard
similarity of two texts' sets of word sequences.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from curation.documents.corpus import Corpus
from curation.records.chunk import Chunk, FormerChunk

# Near duplicates have more than half of all their sequences of one to three words in common.
NEAR_DUPLICATE = 0.5
_WORD = r"[\u3040-\u30ff\u3400-\u9fff]|\w+"  # Chinese and Japanese put no spaces between words


def former_chunks(old: Corpus, new: Corpus) -> dict[str, FormerChunk]:
    """All chunks that were once in the corpus and are not in ``new``, by id, with their successors in
    ``new``.

    ``old`` is the corpus before. Its former chunks follow the edits of their successors; one without a
    successor gets one when a near duplicate of it comes. A chunk that is back in ``new`` is left out.
    """
    came = [chunk for chunk in new.chunks if chunk.id not in old.by_id]
    gone = [chunk for chunk in old.chunks if chunk.id not in new.by_id]
    former = {key: one for key, one in old.former.items() if key not in new.by_id}
    search = _Search(came)
    successors = {chunk.id: search.in_section(chunk) or search.near_duplicate(chunk) for chunk in gone}
    found = {chunk.id: FormerChunk(chunk=chunk, replaced_by=successors[chunk.id]) for chunk in gone}
    for key, one in former.items():
        now = successors.get(one.replaced_by, one.replaced_by) or search.near_duplicate(one.chunk)
        found[key] = one if now == one.replaced_by else one.model_copy(update={"replaced_by": now})
    return found


class _Search:
    """Looks for successors among the chunks that came."""

    def __init__(self, came: Sequence[Chunk]) -> None:
        self._came = came
        places: defaultdict[tuple[object, ...], list[int]] = defaultdict(list)
        for number, chunk in enumerate(came):
            for place in (_section(chunk), _section(chunk)[:2], _section(chunk)[:1]):
                places[place].append(number)
        self._places = {place: np.array(numbers) for place, numbers in places.items()}
        # (word sequences, chunks that came), sparse; made when the first text is compared
        self._table: Any = None
        self._sizes = np.zeros(0)

    def in_section(self, chunk: Chunk) -> str:
        """The id of the chunk that came into the section of ``chunk``; "" when none did."""
        numbers = self._places.get(_section(chunk))
        if numbers is None:
            return ""
        best = int(self._likeness(chunk, numbers).argmax()) if len(numbers) > 1 else 0
        return self._came[int(numbers[best])].id

    def near_duplicate(self, chunk: Chunk) -> str:
        """The id of the chunk that says nearly the same in the same document, else in the same source; else
        ""."""
        for place in (_section(chunk)[:2], _section(chunk)[:1]):
            numbers = self._places.get(place)
            if numbers is not None:
                likeness = self._likeness(chunk, numbers)
                if likeness.max() > NEAR_DUPLICATE:
                    return self._came[int(numbers[likeness.argmax()])].id
        return ""

    def _likeness(self, chunk: Chunk, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """The resemblance, 0 to 1, of the body of ``chunk`` to those of the chunks that came with these
        numbers."""
        own = self._sequences([chunk])
        if self._table is None:
            sets = self._sequences(self._came)
            self._table, self._sizes = sets.T.tocsr(), sets.getnnz(axis=1)
        common = (own @ self._table).toarray().ravel()[numbers]
        likeness: npt.NDArray[np.float64] = common / np.maximum(own.nnz + self._sizes[numbers] - common, 1)
        return likeness

    def _sequences(self, chunks: Sequence[Chunk]) -> Any:
        """(chunks, hashes), sparse: which sequences of one to three words the bodies have."""
        from sklearn.feature_extraction.text import HashingVectorizer

        hashing = HashingVectorizer(
            binary=True, norm=None, alternate_sign=False, ngram_range=(1, 3), token_pattern=_WORD
        )
        return hashing.transform([chunk.body for chunk in chunks])


def _section(chunk: Chunk) -> tuple[str, str, tuple[str, ...]]:
    return chunk.source, chunk.path, chunk.section
