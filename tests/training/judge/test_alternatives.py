"""Ways of cutting, and base models, are compared on the same questions, and nothing is stored."""

from __future__ import annotations

from pathlib import Path

import pytest

from curation import ChunkSettings, Corpus, Home, SettingsError, TestSet, ingest
from serving import Embedder, ModelTokenCounter, ServingSettings
from training import accepted_as_test_set, compare_cuttings, compare_models

ASKED = TestSet(
    name="mine",
    queries={"1": "how long must it dry?", "2": "what do I need to make a glaze?"},
    qrels={"1": {"clay.md": 1}, "2": {"glaze.md": 1}},
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("cuttings")
    docs = folder / "docs"
    docs.mkdir()
    clay = " ".join(f"Clay number {n} is dried for a week before it goes into the kiln." for n in range(12))
    glaze = " ".join(f"Glaze number {n} is mixed from ash and water and painted on." for n in range(12))
    (docs / "clay.md").write_text(f"# Clay\n\n{clay}\n")
    (docs / "glaze.md").write_text(f"# Glaze\n\n{glaze}\n")
    home = Home(folder / "state")
    ingest([str(docs)], home, ChunkSettings(), ModelTokenCounter(ServingSettings().embedding.model))
    return home


def test_each_way_has_its_sizes_and_its_score(home: Home) -> None:
    before = {path: path.stat().st_mtime_ns for path in Path(home.root).rglob("*")}
    ways = [
        ChunkSettings(max_tokens=size, overlap=overlap) for size, overlap in ((128, 0), (64, 0), (64, 24))
    ]
    large, small, overlapping = compare_cuttings(Corpus.load(home), ways, ASKED, ServingSettings())
    assert large.ndcg == small.ndcg == overlapping.ndcg == 1.0
    assert large.chunks < small.chunks <= overlapping.chunks
    assert small.tokens_median <= small.tokens_max <= 64 < large.tokens_max <= 128
    assert {path: path.stat().st_mtime_ns for path in Path(home.root).rglob("*")} == before


def test_base_models_are_compared_over_the_same_chunks(home: Home, tmp_path: Path) -> None:
    usual = ServingSettings().embedding.model
    mixed_up = Embedder(usual, ServingSettings().embedding).model
    words = mixed_up[0].auto_model.embeddings.word_embeddings.weight
    words.data = words.data.flip(0)  # each word has another one's meaning
    mixed_up.save(str(tmp_path / "mixed-up"))
    models = [usual, str(tmp_path / "mixed-up")]
    first, other = compare_models(Corpus.load(home), models, ASKED, ServingSettings())
    assert first.ndcg.estimate == 1.0 and first.change is None
    assert other.change is not None and other.ndcg.estimate == 1 + other.change.estimate <= 1.0
    for one in (first, other):
        assert one.dimension == 384 and one.index_seconds > 0 and one.query_ms > 0
        assert 80 < one.memory_mb < 100, "22 million weights"


def test_without_questions_it_says_what_to_do(home: Home) -> None:
    with pytest.raises(SettingsError, match="No question has been accepted"):
        accepted_as_test_set(home, Corpus.load(home), ServingSettings())
    elsewhere = TestSet(name="theirs", queries={"1": "?"}, qrels={"1": {"other.md": 1}})
    with pytest.raises(SettingsError, match="none of its 1 files"):
        compare_cuttings(Corpus.load(home), [ChunkSettings()], elsewhere, ServingSettings())
