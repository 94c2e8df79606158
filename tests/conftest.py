"""Shared fixtures: the real parts, each started at most once a session."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings

from curation import Home, SharedFolders
from tests.browser import chromium

# CI must say the same of the same commit twice: there hypothesis draws the same examples each time
# (HYPOTHESIS_PROFILE=ci). Everybody else searches on with fresh ones.
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("fresh", print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fresh"))

if TYPE_CHECKING:
    from tests.argilla_lite.server import ArgillaServer
    from tests.model_server import ModelServer
    from tests.object_store import ObjectStore
    from tests.stand_in_hub import StandInHub


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a browser its tests are skipped; where CI promised one (CLAYLOOP_REQUIRE_BROWSER) they fail
    instead."""
    if chromium() or os.environ.get("CLAYLOOP_REQUIRE_BROWSER"):
        return
    skip = pytest.mark.skip(reason="no chromium on this machine (apt-get install chromium)")
    for item in items:
        if "browser" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(autouse=True, scope="module")
def _old_things_are_no_garbage() -> None:
    """Each start of a training collects garbage, which takes 0.6 s once torch, gradio and all the others are
    imported; what is left of the modules before need not be looked through again."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty state folder."""
    return Home(tmp_path / "home")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real model that trains in a second: see tests/training/rounds.py."""
    from tests.training import rounds

    return rounds.tiny_model(tmp_path_factory.mktemp("tiny") / "model", rounds.make_corpus())


@pytest.fixture(scope="session")
def bootstrapped(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home that serves the tiny model over ``make_chunks``. Tests work on copies (``rounds.copied``)."""
    from tests.training import material, rounds

    root = tmp_path_factory.mktemp("bootstrapped") / "home"
    return rounds.bootstrapped(root, tiny_model, material.make_chunks())


@pytest.fixture(scope="module")
def object_store() -> Iterator[ObjectStore]:
    """An S3-compatible server on this machine, to which the environment leads."""
    from tests.object_store import running_object_store

    with pytest.MonkeyPatch.context() as patch, running_object_store(patch) as found:
        yield found


@pytest.fixture
def cloud(
    object_store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ObjectStore]:
    """The object store with a folder of its own for each test, and machines of little patience."""
    monkeypatch.setattr(SharedFolders, "patience", timedelta(seconds=1))
    monkeypatch.setattr(SharedFolders, "silence", timedelta(seconds=0.5))
    object_store.url = f"s3://bot/{tmp_path.name}"
    object_store.fails("")
    yield object_store
    object_store.fails("")


@pytest.fixture(scope="session")
def argilla_lite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArgillaServer]:
    """A real argilla_lite on a free port; or the Argilla that CLAYLOOP_TEST_ARGILLA_URL names."""
    from tests.argilla_lite.server import given_argilla, running_argilla_lite

    home = tmp_path_factory.mktemp("argilla-lite")
    if given := given_argilla(home):
        yield given
        return
    with running_argilla_lite(home) as server:
        yield server


@pytest.fixture(scope="session")
def model_server() -> Iterator[ModelServer]:
    """The real embedded language model behind its OpenAI-compatible server, on a free port."""
    from tests.model_server import running_model_server

    with running_model_server() as server:
        yield server


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandInHub]:
    """A stand-in for the Hugging Face Hub, to which this process talks instead of the real one."""
    from huggingface_hub import constants

    from tests.stand_in_hub import running_stand_in_hub

    with running_stand_in_hub() as running:
        monkeypatch.setattr(constants, "ENDPOINT", running.url)
        files = f"{running.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", files)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # it speaks LFS only
        yield running
