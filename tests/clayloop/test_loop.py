"""The loop, once round, on real parts: a person's click in Argilla arrives in the next retrain and its
release."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from tests.browser import chromium_page
from tests.clayloop.command import Command
from tests.clayloop.stdlib_docs import write_stdlib_docs

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.argilla_lite.server import ArgillaLite, ArgillaServer

pytestmark = [pytest.mark.argilla, pytest.mark.slow]


@pytest.fixture
def prepared(
    clayloop: Command, argilla_lite: ArgillaServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Command:
    """A state folder with documents, a first release and pushed triplets, in a workspace of its own."""
    for name, value in {
        "CLAYLOOP_CURATION__ARGILLA__URL": argilla_lite.url,
        "CLAYLOOP_CURATION__ARGILLA__API_KEY": argilla_lite.api_key,
        "CLAYLOOP_CURATION__ARGILLA__WORKSPACE": f"loop-{abs(hash(tmp_path))}",
        "CLAYLOOP_CURATION__ARGILLA__TRIPLETS": "loop-triplets",
        "CLAYLOOP_CURATION__ARGILLA__CHUNKS": "loop-chunks",
        "CLAYLOOP_CURATION__ARGILLA__CONVERSATIONS": "loop-conversations",
        "CLAYLOOP_TRAINING__FIT__EPOCHS": "1",
        "CLAYLOOP_TRAINING__FIT__MAX_TOKENS": "32",
        # What is tested here is that a round arrives, not that seventy rows make a better model.
        "CLAYLOOP_TRAINING__GATE__MARGIN": "1.0",
        "CLAYLOOP_TRAINING__GATE__MIN_QUERIES": "10",
        "CLAYLOOP_TRAINING__GATE__CROSS_FIT_BELOW": "0",
    }.items():
        monkeypatch.setenv(name, value)
    write_stdlib_docs(tmp_path / "docs", modules=20)
    clayloop.well("ingest", str(tmp_path / "docs"))
    clayloop.well("bootstrap")
    clayloop.well("synthesize", "--headings-only")
    clayloop.well("push")
    return clayloop


@pytest.mark.browser
def test_a_click_in_argilla_arrives_in_the_next_release(
    prepared: Command, argilla_lite: ArgillaServer, tmp_path: Path
) -> None:
    first = prepared.well("status", "--json").json["release"]["served"]
    nobody = prepared.well("retrain", "--json", "-").json
    assert nobody["outcome"] == "nothing-new"
    assert nobody["release_after"] is None

    # The simulated annotator leaves ten triplets; a person answers two of them, with the mouse.
    triplets = pq.read_table(prepared.home / "corpus" / "triplets.parquet").to_pylist()
    prepared.well("simulate", "--limit", str(len(triplets) - 10))
    accepted, rejected = annotate_two_by_clicking(argilla_lite, "loop-triplets")

    summary_file = tmp_path / "summary.json"
    prepared.well("retrain", "--json", str(summary_file))
    summary = json.loads(summary_file.read_text())
    assert summary["outcome"] == "promoted", summary
    assert summary["release_before"] == first
    served = prepared.well("status", "--json").json["release"]["served"]
    assert served == summary["release_after"] != first

    lineage = pq.read_table(prepared.home / "releases" / served / "lineage.parquet").to_pylist()
    positives = {row["id"]: row["positive"] for row in triplets}
    by_hand = {
        positives[row["record_id"]]: row
        for row in lineage
        if argilla_lite.username in [vote["annotator"] for vote in row["votes"]]
    }
    assert set(by_hand) == {accepted, rejected}, "the person's two answers are in the release's lineage"
    assert by_hand[accepted]["verdict"] == "accepted"
    assert by_hand[rejected]["verdict"] == "rejected"

    again = prepared.well("retrain", "--json", "-").json
    assert again["outcome"] == "nothing-new"


def annotate_two_by_clicking(server: ArgillaLite, dataset: str) -> tuple[str, str]:
    """Log in, open ``dataset``, accept the first pending triplet and reject the second. Returns their
    positives."""
    with chromium_page() as page:
        page.goto(server.url)
        page.locator("input").first.fill(server.username)
        page.locator("input[type=password]").fill(server.password)
        page.keyboard.press("Enter")
        page.get_by_text(dataset, exact=True).first.click()
        return answer(page, "yes"), answer(page, "no")


def answer(page: Page, is_positive_relevant: str) -> str:
    """Click the answers to the record that is shown, and submit. Returns its positive."""
    first = page.get_by_label("Question: is_positive_relevant")
    first.wait_for()
    field = page.locator(".text_field_component", has_text="Positive:").locator(".content-area > div")
    positive = field.first.inner_text().strip()
    choose(first, is_positive_relevant)
    choose(page.get_by_label("Question: is_negative_irrelevant"), "yes")
    with page.expect_response(lambda response: "/responses" in response.url and response.ok):
        page.get_by_role("button", name="Submit").click()
    page.wait_for_timeout(1000)  # the page moves on to the next record
    return positive


def choose(question: Locator, value: str) -> None:
    """Click ``value`` unless it is chosen already (a click on the chosen one would take it back)."""
    label = question.locator("label", has_text=value)
    if "label-active" not in (label.get_attribute("class") or ""):
        label.click()
