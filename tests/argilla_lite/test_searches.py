"""argilla_lite finds what Elasticsearch finds, but for what `searches.py` lists."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any
from uuid import uuid4

import argilla as rg
import pytest

from tests.argilla_lite import elasticsearch
from tests.argilla_lite.sample import EVERYTHING, Argilla, Sample, between, eventually, terms
from tests.argilla_lite.searches import CASES, DATES, OTHERWISE
from tests.argilla_lite.server import interpreter

RECORDED: dict[str, Any] = json.loads(elasticsearch.RECORDED.read_text(encoding="utf-8"))
# Prints each of the dates that it reads as lower and as upper bound, in milliseconds.
_BOUNDS = """
import json, sys
from argilla_lite.engine.dates import micros
dates = json.load(sys.stdin)
print(json.dumps({date: [micros(date, upper) // 1000 for upper in (False, True)] for date in dates}))
"""


@pytest.fixture(scope="module")
def searched(argilla: Argilla) -> Sample:
    client = rg.Argilla(api_url=argilla.url, api_key=argilla.api_key)
    dataset = rg.Dataset(
        name=f"searches-{uuid4().hex[:8]}",
        workspace=argilla.workspace,
        client=client,
        settings=rg.Settings(
            fields=[
                rg.TextField(name="a"),
                rg.TextField(name="b"),
                rg.ChatField(name="chat", required=False),
            ],
            questions=[rg.LabelQuestion(name="ok", labels=["yes", "no"])],
            metadata=[rg.TermsMetadataProperty(name="case")],
        ),
    )
    dataset.create()
    owner = argilla.api()
    items = [
        {"external_id": f"{name}/{record}", "fields": case.fields(record), "metadata": {"case": name}}
        for name, case in CASES.items()
        for record in case.records
    ]
    owner.send("POST", f"/datasets/{dataset.id}/records/bulk", {"items": items})
    found = Sample(owner, {}, str(dataset.id), [], {}, {}, client, dataset, argilla.orders_by_itself)
    eventually(lambda: found.search(filters=[EVERYTHING])[1] == len(items))
    return found


@pytest.mark.argilla
@pytest.mark.parametrize("name", CASES)
def test_finds_what_elasticsearch_finds(searched: Sample, name: str) -> None:
    within_case = [terms("metadata", [name], metadata_property="case")]
    wrong = {}
    for query in CASES[name].queries:
        recorded = set(RECORDED["found"][name][query])
        expected, reason = OTHERWISE.get((name, query), (recorded, ""))
        assert not reason or expected != recorded, f"{query} is no difference"
        found = {one.partition("/")[2] for one in searched.search(query, filters=within_case)[0]}
        if found != expected:
            wrong[query] = (found, expected)
    assert not wrong


@pytest.mark.argilla
def test_dates_as_elasticsearch_reads_them() -> None:
    done = subprocess.run(
        [*interpreter(), "-c", _BOUNDS], input=json.dumps(DATES), capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == RECORDED["dates"]


@pytest.mark.argilla
def test_date_math_in_filters(searched: Sample) -> None:
    def count(**bounds: str) -> int:
        # A filter a bound: Argilla itself compares the bounds of one as text.
        filters = [between("record", property="inserted_at", **{key: date}) for key, date in bounds.items()]
        return searched.search(filters=filters)[1]

    everything = searched.search(filters=[EVERYTHING])[1]
    assert count(ge="now-1d", le="now") == everything
    assert count(ge="now-1y/M", le="now+1d/d") == everything
    assert count(le="now-1d") == count(ge="now+1h") == count(le="2026-01-01||+1M/d") == 0


@pytest.mark.argilla
@pytest.mark.parametrize(
    "date", ["now-", "now-1q", "now - 1d", "now/2d", "||+1d", "2026-01-01|+1d", "now+999999999y"]
)
def test_what_is_no_date_math(searched: Sample, date: str) -> None:
    body = {"filters": {"and": [between("record", ge=date, property="inserted_at")]}}
    refused = searched.owner.client.post(f"/api/v1/datasets/{searched.dataset_id}/records/search", json=body)
    assert refused.status_code == 422
    assert date in refused.text


def test_the_recorded_answers_are_those_of_elasticsearch() -> None:
    url = os.environ.get("CLAYLOOP_TEST_ELASTICSEARCH_URL")
    if not url:
        pytest.skip("CLAYLOOP_TEST_ELASTICSEARCH_URL names no Elasticsearch")
    answers = elasticsearch.answers(url)
    assert answers["found"] == RECORDED["found"]
    assert answers["dates"] == RECORDED["dates"]
