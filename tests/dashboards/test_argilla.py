"""Annotation progress on the page, read from a real Argilla."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import pytest
from streamlit.testing.v1 import AppTest

from curation import (
    ArgillaSettings,
    Corpus,
    Home,
    annotate_as_simulated,
    connect_to_argilla,
    push_to_argilla,
    read_progress,
)
from dashboards.data.argilla import ArgillaReader
from dashboards.handover import write_handover
from tests.curation.making import FakeVectors, chunk_of
from tests.dashboards.state import told
from tests.dashboards.test_page import APP, heard_from_argilla, run_until, shown

if TYPE_CHECKING:
    from tests.argilla_lite.server import ArgillaServer

pytestmark = pytest.mark.argilla

CHUNKS = 4


@pytest.fixture
def corpus() -> Corpus:
    text = "Part {0}\n\nSet the option to {0} before you start the server."
    parts = range(CHUNKS)
    return Corpus([], [chunk_of("guide.md", [f"Part {number}"], text.format(number)) for number in parts])


def test_progress_from_nothing_to_annotated(
    home: Home, argilla_lite: ArgillaServer, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.argilla.mkdir(parents=True)
    shutil.copy(argilla_lite.home / "credentials.json", home.argilla)
    settings = ArgillaSettings(
        workspace="dashboard-tests",
        chunks="dashboard-chunks",
        triplets="dashboard-triplets",
        conversations="dashboard-conversations",
    )
    path = write_handover(told(home, refresh_seconds=0.01).model_copy(update={"argilla": settings}))
    assert argilla_lite.api_key not in path.read_text()  # it stays in Argilla's own file
    monkeypatch.setattr(sys, "argv", [str(APP), str(path)])
    page = heard_from_argilla(AppTest.from_file(str(APP), default_timeout=30).run())
    assert "clayloop push" in shown(page)

    client = connect_to_argilla(settings, home)
    push_to_argilla(client, settings, corpus, [], FakeVectors())
    annotate_as_simulated(client, settings, corpus, FakeVectors(), {"chunks": 3})
    run_until(page, lambda page: f"{CHUNKS - 3} pending" in shown(page))
    assert f"{CHUNKS - 3} pending" in shown(page)
    assert argilla_lite.api_key not in shown(page)


def test_a_client_that_fails_is_not_used_again(home: Home, argilla_lite: ArgillaServer) -> None:
    home.argilla.mkdir(parents=True)
    shutil.copy(argilla_lite.home / "credentials.json", home.argilla)
    read = ArgillaReader(home, ArgillaSettings(workspace="dashboard-tests"), read_progress)
    assert [row.dataset for row in read()] == ["chunks", "triplets", "conversations"]
    first = read._client
    assert first is not None
    read()
    assert read._client is first
    first.http_client.close()
    with pytest.raises(Exception):  # noqa: B017 - whatever a closed connection says
        read()
    assert len(read()) == 3
