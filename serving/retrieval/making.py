"""The vectors of an index: of chunks, of their pieces, and of the questions that lead to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from curation import SILENT, Chunk, Progress
from serving.retrieval.embedding import Embedder
from serving.retrieval.index import ChunkIndex, IndexedQuestion, pages_of
from serving.retrieval.pieces import pieces
from serving.retrieval.space import Leads, QuestionLeads, SearchSpace
from serving.retrieval.token_weights import WEIGHTS_LAYER, weigh_tokens
from serving.retrieval.vectors import Vectors
from serving.retrieval.weighing import choose_weight
from serving.retrieval.whitening import WHITENING, whiten

PIECE_TOKENS = 128  # half a chunk; smaller and larger ones find less (docs/measurements)

# Layers that a corpus gives to a model. They come off before the model is trained or given another corpus's.
FITTED = (WEIGHTS_LAYER, *WHITENING)


def fit_space(
    embedder: Embedder, chunks: Sequence[Chunk], strength: float, progress: Progress = SILENT
) -> SearchSpace:
    """Fit ``embedder.model`` to ``chunks``, and embed them and their pieces: it weighs tokens by how rare
    they are there, and whitens with ``strength``. What an earlier corpus gave it comes off.

    Raises ReleaseError when the model gives NaN.
    """
    embedder.remove_layers(FITTED)
    weigh_tokens(embedder, chunks)
    space = embed_chunks(embedder, chunks, progress=progress)
    return whiten(embedder, space, chunks, strength)


def embed_chunks(
    embedder: Embedder,
    chunks: Sequence[Chunk],
    known: ChunkIndex | None = None,
    progress: Progress = SILENT,
) -> SearchSpace:
    """The vectors of ``chunks`` and of their pieces.

    ``known`` is an index that was made with the same model: what it has is not embedded again. Raises
    ReleaseError when the model gives NaN.
    """
    row_of = {chunk.id: row for row, chunk in enumerate(known.chunks())} if known else {}
    there = [place for place, chunk in enumerate(chunks) if chunk.id in row_of]
    missing = [place for place, chunk in enumerate(chunks) if chunk.id not in row_of]
    texts, leads_to = [chunks[place].text for place in missing], []
    for place in missing:
        if embedder.counter is not None and chunks[place].tokens > PIECE_TOKENS:
            found = pieces(chunks[place], PIECE_TOKENS, embedder.counter)
            texts += found
            leads_to += [place] * len(found)
    what = f"Embedding {len(missing):,} chunks"
    what += f" and {len(leads_to):,} pieces of them" if leads_to else ""
    new = embedder.documents(texts, progress=progress, what=what)

    vectors: Vectors = np.empty((len(chunks), embedder.dimension), dtype=np.float32)
    vectors[missing] = new[: len(missing)]
    piece_vectors, rows = [new[len(missing) :]], [np.asarray(leads_to, dtype=np.int64)]
    if known is not None and there:
        old = known.space().taking([row_of[chunks[place].id] for place in there])
        vectors[there] = old.chunks
        piece_vectors.append(old.pieces.vectors)
        rows.append(np.asarray(there, dtype=np.int64)[old.pieces.rows])
    return SearchSpace(vectors, Leads.ordered(np.concatenate(piece_vectors), np.concatenate(rows)))


def lead_questions(
    embedder: Embedder,
    chunks: Sequence[Chunk],
    space: SearchSpace,
    questions: Sequence[IndexedQuestion],
    known: ChunkIndex | None = None,
) -> tuple[list[IndexedQuestion], SearchSpace]:
    """``questions`` in the order of their ``chunks``, and the ``space`` in which they lead there.

    Those that lead to none of the chunks are left out. ``known`` is an index that was made with the same
    model: what it has is not embedded again.
    """
    vectors: dict[str, Vectors] = {}
    if known is not None:
        texts = [one.text for one in known.questions()]
        vectors = dict(zip(texts, known.space().questions.leads.vectors, strict=True))
    missing = [text for text in dict.fromkeys(one.text for one in questions) if text not in vectors]
    if missing:
        vectors |= dict(zip(missing, embedder.queries(missing), strict=True))
    asked = np.stack([vectors[one.text] for one in questions]) if questions else space.chunks[:0]
    chosen, leads = _lead_to(chunks, questions, asked)
    return chosen, space.asking(choose_weight(space, leads))


def _lead_to(
    chunks: Sequence[Chunk], questions: Sequence[IndexedQuestion], vectors: Vectors
) -> tuple[list[IndexedQuestion], QuestionLeads]:
    """``questions``, whose unit ``vectors`` are (m, d), in the order of their chunks, and how they lead
    there.

    Those that lead to none of ``chunks`` are left out.
    """
    row_of = {chunk.id: row for row, chunk in enumerate(chunks)}
    there = [place for place, one in enumerate(questions) if one.chunk_id in row_of]
    there.sort(key=lambda place: row_of[questions[place].chunk_id])
    chosen = [questions[place] for place in there]
    rows = np.array([row_of[one.chunk_id] for one in chosen], dtype=np.int64)
    return chosen, QuestionLeads(Leads(vectors[there], rows), pages_of(chunks)[rows])


def carry_questions(
    index: ChunkIndex, chunks: Sequence[Chunk], leaves_out: Callable[[IndexedQuestion], bool]
) -> tuple[list[IndexedQuestion], QuestionLeads]:
    """The questions of ``index`` for other ``chunks``, but for those that ``leaves_out`` says so of."""
    carried = [
        one.model_copy(update={"chunk_id": ""}) if leaves_out(one) else one for one in index.questions()
    ]
    chosen, leads = _lead_to(chunks, carried, index.space().questions.leads.vectors)
    return chosen, replace(leads, weight=index.space().questions.weight)
