"""The score of a chunk: its own vector, its pieces, and the accepted questions that lead to it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from serving.retrieval import index as index_module
from serving.retrieval.curated import CURATED
from serving.retrieval.index import ChunkIndex, IndexedQuestion, build_index, pages_of
from serving.retrieval.making import carry_questions, embed_chunks, lead_questions
from serving.retrieval.space import Leads, QuestionLeads, SearchSpace, nearness
from serving.retrieval.weighing import choose_weight
from tests.training.material import MODEL, make_chunks, serving

SIZE = 8


def _unit(chance: np.random.Generator, number: int) -> Any:
    rows = chance.normal(size=(number, SIZE)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _space(seed: int, chunks: int, pieces: int, questions: int) -> SearchSpace:
    chance = np.random.default_rng(seed)
    leads = Leads.ordered(_unit(chance, questions), chance.integers(0, chunks, questions))
    return SearchSpace(
        _unit(chance, chunks),
        Leads.ordered(_unit(chance, pieces), chance.integers(0, chunks, pieces)),
        QuestionLeads(leads, leads.rows // 3, 0.25 + 0.5 * chance.random()),  # three chunks a page
    )


def _score(space: SearchSpace, query: Any, row: int) -> float:
    """As the words say it, one chunk at a time."""
    own = float(query @ space.chunks[row])
    pieces = space.pieces.vectors[space.pieces.rows == row]
    found = (own + float((pieces @ query).max())) / 2 if len(pieces) else own
    asked, cosines = space.questions, space.questions.leads.vectors @ query
    raises = []
    for place in np.flatnonzero(asked.leads.rows == row):
        rival = cosines[asked.pages != asked.pages[place]].max(initial=-1.0)
        above = max(float(cosines[place]) - max(0.15, 0.85 * float(rival)), 0.0)
        raises.append(asked.weight * above + 5 * max(float(cosines[place]) - 0.9, 0.0))
    return found + max(raises, default=0.0)


@given(st.integers(0, 10_000), st.integers(1, 9), st.integers(0, 20), st.integers(0, 12))
@settings(max_examples=60, deadline=None)
def test_a_score_is_the_mean_of_chunk_and_best_piece_raised_by_one_question(
    seed: int, chunks: int, pieces: int, questions: int
) -> None:
    space = _space(seed, chunks, pieces, questions)
    queries = _unit(np.random.default_rng(seed + 1), 3)
    wanted = [[_score(space, query, row) for row in range(chunks)] for query in queries]
    np.testing.assert_allclose(space.scores(queries), wanted, atol=1e-5)
    chosen = np.random.default_rng(seed).permutation(chunks)[: max(1, chunks // 2)]
    some = space.taking(chosen)
    np.testing.assert_allclose(some.likeness(queries), space.likeness(queries)[:, chosen], atol=1e-5)
    assert len(some.questions) == np.isin(space.questions.leads.rows, chosen).sum()


@given(st.integers(0, 10_000), st.integers(1, 12))
@settings(max_examples=10, deadline=None)
def test_an_index_gives_what_its_space_scores(
    tmp_path_factory: pytest.TempPathFactory, seed: int, k: int
) -> None:
    folder = tmp_path_factory.mktemp("index") / "index"
    chunks = make_chunks()[:20]
    space = _space(seed, len(chunks), 30, 15)
    pages = pages_of(chunks)[space.questions.leads.rows]
    space = space.asking(replace(space.questions, pages=pages))
    questions = [
        IndexedQuestion(
            text=f"question {place}",
            chunk_id=chunks[int(row)].id,
            dataset="triplets",
            record_id=str(place),
        )
        for place, row in enumerate(space.questions.leads.rows)
    ]
    build_index(folder, chunks, space, questions)
    index = ChunkIndex.open(folder)
    assert index.questions() == questions and index.chunks() == chunks
    (query,) = _unit(np.random.default_rng(seed + 2), 1)
    scores = space.scores(query[None, :])[0]
    hits = index.search(query, k)
    assert [hit.chunk for hit in hits] == [chunks[row] for row in np.argsort(-scores)[:k]]
    np.testing.assert_allclose([hit.score for hit in hits], np.sort(scores)[::-1][:k], atol=1e-5)
    for hit in hits:
        row = chunks.index(hit.chunk)
        raised = scores[row] - space.likeness(query[None, :])[0, row]
        assert (hit.asked is not None) == (raised > 1e-7)
        assert hit.asked is None or hit.asked.chunk_id == hit.chunk.id


def test_how_near_few_chunks_come() -> None:
    for scores, near in (([0.4], 0.4), ([0.1, 0.4], 0.4), ([0.0, 0.2, 0.4, 0.1], 0.3)):
        assert nearness(np.array([scores])) == pytest.approx([near])
    assert nearness(np.arange(30.0)[None, ::-1]) == pytest.approx([(29 + 20) / 2])


@pytest.mark.parametrize("in_parts_from", [10, 400])
def test_an_index_too_large_for_memory_finds_the_same(
    in_parts_from: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All three kinds are cut into parts, or the pieces alone. Its last chunks are curated answers, which may
    be passed over."""
    chunks = [
        chunk.model_copy(update={"id": f"{copy} {chunk.id}", "path": f"{copy}/{chunk.path}"})
        for copy in range(11)
        for chunk in make_chunks()
    ]
    curated = {"source": CURATED, "document_id": ""}
    chunks = [*chunks[:-6], *(chunk.model_copy(update=curated) for chunk in chunks[-6:])]
    space = _space(3, len(chunks), 500, 0)
    space = space.asking(_space(5, len(chunks) - 6, 0, 200).questions)
    questions = [
        IndexedQuestion(
            text=f"question {place}", chunk_id=chunks[row].id, dataset="triplets", record_id=str(place)
        )
        for place, row in enumerate(space.questions.leads.rows)
    ]
    build_index(tmp_path / "small", chunks, space, questions)
    monkeypatch.setattr(index_module, "RESIDENT", 10)
    monkeypatch.setattr(index_module, "ANN_FROM", in_parts_from)
    build_index(tmp_path / "large", chunks, space, questions)
    small, large = (ChunkIndex.open(tmp_path / name) for name in ("small", "large"))
    asked = _unit(np.random.default_rng(4), 10)
    for query in [*asked, *space.questions.leads.vectors[:20], *space.chunks[-6:]]:
        for k, only_documents in ((1, False), (3, False), (3, True)):
            wanted = small.search(query, k, only_documents)
            found = large.search(query, k, only_documents)
            assert [hit.near for hit in found] == pytest.approx([hit.near for hit in wanted])
            assert [(hit.chunk, hit.asked) for hit in found] == [(hit.chunk, hit.asked) for hit in wanted]
            assert [hit.score for hit in found] == pytest.approx([hit.score for hit in wanted])
            assert not (only_documents and any(hit.chunk.source == CURATED for hit in found))
    assert large.chunks() == chunks and large.documents() == chunks[:-6]


def test_questions_lead_to_their_chunk_and_are_not_embedded_twice(tmp_path: Path) -> None:
    from serving import Embedder

    embedder = Embedder(MODEL, serving().embedding)
    chunks = make_chunks()[:12]
    space = embed_chunks(embedder, chunks)
    texts = {"What do I rub it down with?": 7, "Is it heavy to carry about?": 2, "And where from?": 7}
    questions = [
        IndexedQuestion(text=text, chunk_id=chunks[row].id, dataset="triplets", record_id=text)
        for text, row in texts.items()
    ]
    gone = IndexedQuestion(text="Gone?", chunk_id="gone", dataset="triplets", record_id="gone")
    chosen, space = lead_questions(embedder, chunks, space, [gone, *questions])
    assert {one.text for one in chosen} == set(texts)
    build_index(tmp_path / "index", chunks, space, chosen)
    index = ChunkIndex.open(tmp_path / "index")
    for text, row in texts.items():
        (first, *_) = index.search(embedder.queries([text])[0], 3)
        assert first.chunk == chunks[row]
        assert first.asked is not None and first.asked.text == text

    embedder.queries = None  # type: ignore[method-assign, assignment] - a call would fail
    again, known = lead_questions(
        embedder, chunks[:8], embed_chunks(embedder, chunks[:8], index), questions, index
    )
    assert {one.text for one in again} == set(texts)
    np.testing.assert_array_equal(known.questions.leads.vectors, space.questions.leads.vectors)
    carried, leads = carry_questions(index, chunks[:8], lambda one: "from" in one.text)
    assert [one.text for one in carried] == ["Is it heavy to carry about?", "What do I rub it down with?"]
    assert leads.leads.rows.tolist() == [2, 7]


def test_questions_count_less_where_they_would_mislead_others() -> None:
    """Sixty pages, a question each. In a space of few dimensions questions about others lie near."""
    rows = np.arange(60)
    for dimensions, is_crowded in ((64, False), (8, True)):
        chance = np.random.default_rng(5)
        chunks, noise = chance.normal(size=(2, 60, dimensions)).astype(np.float32)
        chunks /= np.linalg.norm(chunks, axis=1, keepdims=True)
        asked = chunks + 0.3 * noise / np.linalg.norm(noise, axis=1, keepdims=True)
        asked /= np.linalg.norm(asked, axis=1, keepdims=True)
        space = SearchSpace.plain(chunks)
        assert (choose_weight(space, QuestionLeads(Leads(asked, rows), rows)).weight < 0.5) == is_crowded
        few = QuestionLeads(Leads(asked[:39], rows[:39]), rows[:39])
        assert choose_weight(space, few).weight == 0.5, "too few to choose by"
