"""The first screen, on a loop that has gone round with a real Argilla: each figure worked out again from what
Argilla and the release's files say, and the records that the numbers lead to."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import httpx
import krippendorff
import numpy as np
import pyarrow.parquet as pq
import pytest

from curation import SIMULATED_ANNOTATOR, Api, Home, connect_to_argilla, find_dataset
from dashboards.data.releases import read_releases
from dashboards.data.runs import read_run
from dashboards.data.standing import Standing, StandingReader
from dashboards.handover import Handover
from dashboards.launch import prepare
from dashboards.report import write_report
from serving import ReleaseStore
from tests.argilla_lite.server import ArgillaServer, only_argilla_lite
from tests.browser import chromium_page
from tests.dashboards.annotated import go_round
from tests.dashboards.test_browser import served

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.argilla

Record = dict[str, Any]


@pytest.fixture(scope="module")
def round_made(argilla_lite: ArgillaServer, tmp_path_factory: pytest.TempPathFactory) -> Handover:
    return go_round(Home(tmp_path_factory.mktemp("round") / "home"), argilla_lite, "screen")


@pytest.fixture(scope="module")
def standing(round_made: Handover) -> Standing:
    (found,) = StandingReader(round_made)()
    return found


def records(given: Handover, kind: Any) -> Iterator[Record]:
    """All records as Argilla's API gives them, with their submitted answers."""
    api = Api.of(connect_to_argilla(given.argilla, given.home))
    dataset = find_dataset(api, given.argilla, kind)
    assert dataset is not None
    for page in api.records(dataset.id, include=["responses"]):
        for record in page:
            said = [one for one in record["responses"] or () if one["status"] == "submitted"]
            yield {**record, "responses": said}


def is_tie(record: Record) -> bool:
    """Whether as many said yes as no to what decides a triplet: then nothing is decided."""
    said = [one["values"].get("is_positive_relevant", {}).get("value") for one in record["responses"]]
    return "yes" in said and said.count("yes") == said.count("no")


def names(given: Handover) -> dict[str, str]:
    api = Api.of(connect_to_argilla(given.argilla, given.home))
    return {one["id"]: one["username"] for one in api.request("GET", "/api/v1/users", "asking")["items"]}


def test_new_decisions_are_those_that_the_ledger_lacks(round_made: Handover, standing: Standing) -> None:
    store = ReleaseStore(round_made.home)
    ledger = pq.read_table(store.folder(store.current().id) / "lineage.parquet").to_pylist()
    known = {(row["dataset"], row["record_id"]) for row in ledger}
    who = names(round_made)
    people, simulated = set(), set()
    for kind in ("chunks", "triplets", "conversations"):
        for record in records(round_made, kind):
            by = {who[one["user_id"]] for one in record["responses"]}
            if by and not is_tie(record) and (kind, record["external_id"]) not in known:
                (simulated if by == {SIMULATED_ANNOTATOR} else people).add(record["external_id"])
    assert {one.record_id for one in standing.people} == people
    assert {one.record_id for one in standing.simulated} == simulated
    assert (len(people), len(simulated)) == (11 + 6, 4), "one of the twelve is a tie"


def test_agreement_is_alpha_over_the_answers_in_argilla(round_made: Handover, standing: Standing) -> None:
    said: dict[str, list[list[str]]] = defaultdict(list)
    for record in records(round_made, "triplets"):
        for question in ("is_positive_relevant", "is_negative_irrelevant"):
            given = [one["values"][question]["value"] for one in record["responses"]]
            if len(given) > 1:
                said[question].append(given)
    assert standing.agreement is not None
    found = {one.question: one.alpha for one in standing.agreement.questions if one.dataset == "triplets"}
    answers = np.array(said["is_positive_relevant"]).T
    coded = [[1.0 if value == "yes" else 0.0 for value in row] for row in answers]
    alpha = krippendorff.alpha(reliability_data=coded, level_of_measurement="nominal")
    shown = found["is_positive_relevant"]
    assert shown.value == pytest.approx(alpha)
    assert shown.records == answers.shape[1]
    assert shown.low is not None and shown.high is not None
    assert shown.low <= alpha <= shown.high


def test_questions_are_those_of_the_last_two_weeks(round_made: Handover, standing: Standing) -> None:
    today = datetime.now(timezone.utc).date()
    counted = {"asked": [0, 0], "refused": [0, 0], "wrong": [0, 0]}
    for record in records(round_made, "conversations"):
        about = record["metadata"]
        age = (today - datetime.fromisoformat(about["day"]).date()) // timedelta(days=1)
        week = age // 7
        if week > 1:
            continue
        counted["asked"][week] += 1
        counted["refused"][week] += about["refused"] == "yes"
        counted["wrong"][week] += any(
            one["values"]["is_response_correct"]["value"] == "no" for one in record["responses"]
        )
    for kind, (last, before) in counted.items():
        assert (standing.week(kind), standing.week(kind, back=1)) == (last, before), kind
    assert counted["asked"] == [14, 14] and sum(counted["wrong"]) == 2
    read = StandingReader(round_made)
    assert [read()[0].days for _ in range(2)] == [standing.days] * 2, (
        "also where only the last days are asked"
    )


def test_the_verdict_is_that_of_the_gate_on_the_questions_of_the_release(round_made: Handover) -> None:
    home = round_made.home
    served = read_releases(home).served
    assert served is not None and served.release.run_id is not None
    row = read_run(home, served.release.run_id)
    assert row is not None and row.gate is not None
    folder = home.runs / served.release.run_id
    gate = json.loads((folder / "judge" / "gate.json").read_text())
    assert row.verdict == json.loads((folder / "run.json").read_text())["verdict"] != ""
    assert row.gate.model_dump(mode="json") == gate
    asked = json.loads((home.releases / served.id / "evaluation.json").read_text())["holdout"]
    headings = sum(one["is_heading"] for one in asked)
    assert served.evaluation.kinds.get("section headings", 0) == headings
    assert served.evaluation.questions == len(asked)


def test_what_comes_next_leads_to_its_records(round_made: Handover, standing: Standing) -> None:
    wrong = {
        record["external_id"]
        for record in records(round_made, "conversations")
        if any(one["values"]["is_response_correct"]["value"] == "no" for one in record["responses"])
    }
    later = standing.next
    if later.retrain:  # what was decided since comes first
        assert "A retrain is due" in later.words
    else:
        assert set(unquote(later.address).split("search=")[1].split("~")[0].split("|")) == wrong


def test_the_report_says_the_same(round_made: Handover, standing: Standing, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    assert write_report(round_made, path) == []
    text = path.read_text()
    assert f"{len(standing.people)} by people, {len(standing.simulated)} by the simulated annotator" in text
    assert ReleaseStore(round_made.home).current().id in text
    assert "<script" not in text
    down = round_made.model_copy(update={"argilla": round_made.argilla.model_copy(update={"url": "x"})})
    assert write_report(down, path), "without Argilla the rest is there, and the file says so"
    assert ReleaseStore(round_made.home).current().id in path.read_text()


def test_argilla_with_another_schema_is_said(round_made: Handover, tmp_path: Path) -> None:
    foreign = round_made.argilla.model_copy(update={"triplets": round_made.argilla.conversations})
    given = round_made.model_copy(update={"argilla": foreign})
    (trouble, *_) = write_report(given, tmp_path / "report.html")
    assert foreign.conversations in trouble, trouble


def first_link(page: Page, table: Locator, row: int = 0) -> tuple[float, float]:
    """Where a link in a row of a table can be clicked. The table is a canvas: only the pointer tells."""
    table.scroll_into_view_if_needed()
    box = table.bounding_box()
    assert box is not None
    y = box["y"] + 35 * (row + 1) + 17
    for x in range(int(box["x"] + box["width"]) - 8, int(box["x"]), -8):
        page.mouse.move(x, y)
        pointer = "at => getComputedStyle(document.elementFromPoint(at[0], at[1])).cursor"
        if page.evaluate(pointer, [x, y]) == "pointer":
            return x, y
    raise AssertionError("no link in that row")


@pytest.mark.browser
@only_argilla_lite("its page opens no records that others completed")
def test_links_open_the_right_records_in_argilla(
    round_made: Handover, standing: Standing, argilla_lite: ArgillaServer, tmp_path: Path
) -> None:
    """Completed by others, answered by both, pending: each opens as the links say, and nothing else. Clicked
    in a table, and opened by their addresses."""
    (conflict, *_) = standing.decided.conflicts
    pending = next(record for record in records(round_made, "triplets") if record["status"] == "pending")
    launch = prepare(round_made)
    with served(launch, tmp_path), chromium_page() as page:
        page.goto(argilla_lite.url)
        page.locator("input").first.fill(argilla_lite.username)
        page.locator("input[type=password]").fill(argilla_lite.password)
        page.keyboard.press("Enter")
        page.get_by_text(round_made.argilla.triplets).first.wait_for()
        page.goto(f"{launch.url}/annotation")
        page.get_by_text("wait for a reviewer").first.wait_for()
        differently = page.get_by_test_id("stDataFrame").last
        differently.get_by_text("is_positive_relevant: ").first.wait_for(state="attached")
        with page.expect_popup() as opened:
            page.mouse.click(*first_link(page, differently))
        opened.value.get_by_text(conflict.decision.question).first.wait_for()
        opened.value.get_by_text("1 of 1").first.wait_for()
        apart = page.get_by_test_id("stDataFrame").nth(1)  # on which question people agree least
        with page.expect_popup() as opened:
            page.mouse.click(*first_link(page, apart, row=4))
        opened.value.get_by_text(f"1 of {len(standing.decided.conflicts)}").first.wait_for()
        page.goto(standing.links.pending("triplets", {"origin": "heading"}))
        total = httpx.get(
            f"{argilla_lite.url}/api/v1/datasets/{pending['dataset_id']}/progress",
            headers={"X-Argilla-Api-Key": argilla_lite.api_key},
            timeout=60,
        ).json()
        assert total["pending"] > 0
        page.get_by_text("Anchor: a chunk of the documentation").first.wait_for()
