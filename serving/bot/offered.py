"""The passages that annotators choose from: what the visitor saw, then the best others of two searches."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence

from curation import MOST_OFFERED, ClayloopError, Turn
from serving.releases.retriever import Retriever
from serving.retrieval.fulltext import FullText

log = logging.getLogger(__name__)

_DAMPING = 60  # the constant of reciprocal rank fusion


def offered_passages(retriever: Retriever, question: str, seen: Sequence[str]) -> tuple[str, ...]:
    """Ids of the chunks to choose from, ``MOST_OFFERED`` wherever the index has as many: those that
    the visitor has ``seen``, with the same numbers, then the best others. Curated answers are none of them.

    The others are ranked by dense and full-text search together: reciprocal rank fusion (Cormack, Clarke and
    Buettcher 2009). Raises ReleaseError when the release can't be searched.
    """
    # The seen ones are among the first again, so that many more are looked at.
    most = MOST_OFFERED + len(seen)
    dense = [hit.chunk.id for hit in retriever.search(question, most, only_documents=True)]
    by_words = FullText.open(retriever.index.folder).search(question, MOST_OFFERED, retriever.answers)
    scores: defaultdict[str, float] = defaultdict(float)
    for found in (dense, by_words):
        for place, chunk_id in enumerate(found, start=1):
            scores[chunk_id] += 1 / (_DAMPING + place)
    others = sorted(scores, key=lambda chunk_id: -scores[chunk_id])  # of equal ones, the dense one first
    return tuple(dict.fromkeys((*seen, *others)))[:MOST_OFFERED]


def with_offered(retriever: Retriever, turn: Turn) -> Turn:
    """The turn with what annotators choose from; without that when the release can't be searched: that is no
    reason to keep what was said from them."""
    try:
        offered = offered_passages(retriever, turn.meant or turn.question, turn.offered or turn.cited)
    except ClayloopError as error:
        log.warning("Nothing more could be offered for a turn: %s", error.message)
        return turn
    return turn.model_copy(update={"offered": offered})
