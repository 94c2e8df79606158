"""What a pipeline and the web page use beside searching: the SDK, progress, metrics, deletions, webhooks."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import argilla as rg
import httpx
import pytest

from tests.argilla_lite.listener import listening
from tests.argilla_lite.postgres import PostgresServer
from tests.argilla_lite.sample import EVERYTHING, Argilla, Sample, by, make_sample, terms

pytestmark = pytest.mark.argilla


def eventually(what: Callable[[], Any], seconds: float = 20.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (result := what()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return result


def sdk_ids(sample: Sample, query: rg.Query | str | None = None) -> list[str]:
    return [str(record.id) for record in sample.dataset.records(query)]


def test_sdk_queries(sample: Sample) -> None:
    clay = sample.filtered(lambda row: "clay" in f"{row.title} {row.body}".split())
    assert sorted(sdk_ids(sample, "clay")) == sorted(clay)
    filters = rg.Filter(
        [("metadata.length", ">=", 10), ("metadata.language", "in", ["en"]), ("status", "==", "pending")]
    )
    expected = sample.filtered(
        lambda row: (
            row.metadata.get("length", -1) >= 10
            and "en" in str(row.metadata.get("language"))
            and row.status == "pending"
        )
    )
    assert sorted(sdk_ids(sample, rg.Query(filter=filters))) == sorted(expected)
    scored = rg.Query(filter=rg.Filter([("verdict.score", ">=", 0.5), ("verdict.suggestion", "==", "yes")]))
    assert sorted(sdk_ids(sample, scored)) == sorted(
        sample.filtered(
            lambda row: (
                row.suggestions.get("verdict", {}).get("value") == "yes"
                and row.suggestions["verdict"]["score"] >= 0.5
            )
        )
    )
    answered = rg.Query(filter=rg.Filter(("verdict.response", "==", "no")))
    assert sorted(sdk_ids(sample, answered)) == sorted(
        sample.filtered(lambda row: any(one["values"]["verdict"] == "no" for one in row.responses.values()))
    )
    source = next(row for row in sample.rows if row.vector)
    near = list(sample.dataset.records(rg.Query(similar=rg.Similar("position", source.vector))))
    assert near[0][0].id == source.external_id
    assert near[0][1] == pytest.approx(1.0, abs=1e-4)


def test_progress(sample: Sample) -> None:
    progress = sample.owner.get(f"/datasets/{sample.dataset_id}/progress")
    statuses = Counter(row.status for row in sample.rows)
    assert (progress["total"], progress["completed"], progress["pending"]) == (
        len(sample.rows), statuses["completed"], statuses["pending"],
    )  # fmt: skip
    for name, api in sample.annotators.items():
        mine = api.get(f"/me/datasets/{sample.dataset_id}/metrics")["responses"]
        given = Counter(row.responses[name]["status"] for row in sample.rows if name in row.responses)
        assert mine == {
            "total": len(sample.rows),
            "submitted": given["submitted"],
            "discarded": given["discarded"],
            "draft": given["draft"],
            "pending": len(sample.rows) - given.total(),
        }


def test_filter_menus(sample: Sample) -> None:
    properties = sample.owner.get(f"/me/datasets/{sample.dataset_id}/metadata-properties")["items"]
    found = {
        item["name"]: sample.owner.get(f"/metadata-properties/{item['id']}/metrics") for item in properties
    }
    languages: Counter[str] = Counter()
    for row in sample.rows:
        value = row.metadata.get("language", [])
        languages.update(value if isinstance(value, list) else [value])
    assert found["language"]["total"] == languages.total()
    assert {item["term"]: item["count"] for item in found["language"]["values"]} == dict(languages)
    counts = [item["count"] for item in found["language"]["values"]]
    assert counts == sorted(counts, reverse=True)
    for name in ("length", "ratio"):
        values = [row.metadata[name] for row in sample.rows if name in row.metadata]
        assert (found[name]["min"], found[name]["max"]) == pytest.approx((min(values), max(values)), abs=0.01)


def test_metadata_property_added_later(own_sample: Sample) -> None:
    body = {"name": "late", "title": "late", "settings": {"type": "terms"}, "visible_for_annotators": True}
    made = own_sample.owner.send("POST", f"/datasets/{own_sample.dataset_id}/metadata-properties", body)
    empty = own_sample.owner.get(f"/metadata-properties/{made['id']}/metrics")
    assert (empty["total"], empty["values"]) == (0, [])
    own_sample.owner.send("PATCH", f"/records/{own_sample.rows[0].id}", {"metadata": {"late": "yes"}})
    query = terms("metadata", ["yes"], metadata_property="late")
    assert own_sample.search(filters=[query]) == (["row-0"], 1)
    assert own_sample.owner.get(f"/metadata-properties/{made['id']}/metrics")["total"] == 1


def test_annotating_changes_every_answer_at_once(own_sample: Sample) -> None:
    row = next(row for row in own_sample.rows if not row.responses)
    anna, ben = own_sample.annotators["anna"], own_sample.annotators["ben"]
    pending = [terms("response", ["pending"], property="status")]
    assert row.external_id in own_sample.search(filters=pending, user="anna")[0]
    draft = {"values": {"stars": {"value": 5}}, "status": "draft"}
    response = anna.send("POST", f"/records/{row.id}/responses", draft)
    assert row.external_id not in own_sample.search(filters=pending, user="anna")[0]
    assert row.external_id in own_sample.search(filters=pending, user="ben")[0]
    submitted = {"values": {"verdict": {"value": "yes"}, "stars": {"value": 4}}, "status": "submitted"}
    anna.send("PUT", f"/responses/{response['id']}", submitted)
    given = [terms("response", ["submitted"], property="status")]
    assert row.external_id in own_sample.search(filters=given, user="anna")[0]
    body = {"items": [{"record_id": row.id, **submitted}]}
    ben.send("POST", "/me/responses/bulk", body)
    completed = [terms("record", ["completed"], property="status")]
    assert row.external_id in own_sample.search(filters=completed)[0]
    anna.send("DELETE", f"/responses/{response['id']}")
    assert row.external_id not in own_sample.search(filters=completed)[0]
    assert row.external_id in own_sample.search(filters=pending, user="anna")[0]


def test_suggestions_replaced_and_deleted(own_sample: Sample) -> None:
    row = own_sample.rows[0]
    body = {"question_id": own_sample.questions["verdict"], "value": "maybe", "agent": "new", "score": 0.125}
    made = own_sample.owner.send("PUT", f"/records/{row.id}/suggestions", body)
    query = [terms("suggestion", ["new"], question="verdict", property="agent")]
    assert own_sample.search(filters=query)[0] == [row.external_id]
    assert own_sample.search(sort=[by("suggestion", question="verdict", property="score")])[1] == len(
        own_sample.rows
    )
    own_sample.owner.send("DELETE", f"/suggestions/{made['id']}")
    assert own_sample.search(filters=query)[0] == []


def test_deleting_a_user_and_a_dataset(argilla: Argilla) -> None:
    sample = make_sample(argilla, count=8)
    sample.owner.send("DELETE", f"/users/{sample.users['anna']}")
    expected = sample.filtered(lambda row: "ben" in row.responses)
    query = [terms("response", ["submitted", "draft", "discarded"], property="status")]
    assert sample.search(filters=query)[0] == expected
    sample.owner.send("DELETE", f"/datasets/{sample.dataset_id}")
    with pytest.raises(httpx.HTTPStatusError) as gone:
        sample.search("clay")
    assert gone.value.response.status_code == 404


def test_logging_twice_updates(own_sample: Sample) -> None:
    records = [
        {"id": "row-0", "title": "brandnew", "body": "text", "messages": [{"role": "user", "content": "x"}],
         "extra": {"a": 1}, "verdict": "no", "length": 39},
        {"id": "added", "title": "brandnew", "body": "more", "messages": [{"role": "user", "content": "y"}],
         "extra": {"a": 2}},
    ]  # fmt: skip
    own_sample.dataset.records.log(records)
    own_sample.dataset.records.log(records)
    time.sleep(own_sample.owner.settle)
    assert sorted(own_sample.search("brandnew")[0]) == ["added", "row-0"]
    assert own_sample.search("*")[1] == len(own_sample.rows) + 1


def test_webhooks_are_delivered(own_sample: Sample) -> None:
    wanted = ["response.created", "record.completed", "record.created"]
    with listening() as listener:
        webhook = own_sample.owner.send("POST", "/webhooks", {"url": listener.url, "events": wanted})
        try:
            row = next(row for row in own_sample.rows if not row.responses)
            body = {"values": {"verdict": {"value": "yes"}}, "status": "submitted"}
            for api in own_sample.annotators.values():
                api.send("POST", f"/records/{row.id}/responses", body)
            own_sample.dataset.records.log([{"id": "extra", "title": "t", "body": "b", "extra": {},
                                             "messages": [{"role": "user", "content": "x"}]}])  # fmt: skip

            def kinds() -> Counter[str]:
                return Counter(delivery.event for delivery in listener.deliveries)

            assert eventually(lambda: kinds()["record.completed"] and kinds()["record.created"])
            assert kinds()["response.created"] == 2
        finally:
            own_sample.owner.send("DELETE", f"/webhooks/{webhook['id']}")


def test_changing_the_distribution_updates_records(own_sample: Sample) -> None:
    """A background job: through Redis and the worker."""
    fresh = rg.Dataset(
        name=f"{own_sample.dataset.name}-fresh",
        workspace=own_sample.dataset.workspace,
        client=own_sample.client,
        settings=rg.Settings(
            fields=[rg.TextField("text")], questions=[rg.LabelQuestion("ok", labels=["yes", "no"])]
        ),
    )
    fresh.create()
    fresh.settings.distribution = rg.TaskDistribution(min_submitted=3)
    fresh.settings.update()
    stored = own_sample.owner.get(f"/datasets/{fresh.id}")
    assert stored["distribution"]["min_submitted"] == 3


def test_suggestions_of_text_ranking_and_span_questions(own_sample: Sample) -> None:
    """Elasticsearch, as upstream configures it, does not index these values; argilla_lite does."""
    if not own_sample.orders_by_itself:
        pytest.skip("another search engine")
    first, second = own_sample.rows[:2]
    values: dict[str, Any] = {
        "comment": "in words",
        "order": [{"value": "second", "rank": 1}, {"value": "first", "rank": 2}],
        "spans": [{"label": "part", "start": 0, "end": 3}],
    }
    for name, value in values.items():
        body = {"question_id": own_sample.questions[name], "value": value, "agent": "a", "type": "model"}
        own_sample.owner.send("PUT", f"/records/{first.id}/suggestions", body)
    for name, term in (("comment", "in words"), ("order", "second"), ("spans", "part")):
        query = terms("suggestion", [term], question=name, property="value")
        assert own_sample.search(filters=[query]) == ([first.external_id], 1), name
        assert own_sample.search(filters=[terms("suggestion", ["other"], question=name)]) == ([], 0), name
    values["comment"] = "an earlier word"
    body = {"question_id": own_sample.questions["comment"], "value": "an earlier word", "type": "model"}
    own_sample.owner.send("PUT", f"/records/{second.id}/suggestions", body)
    found, _ = own_sample.search(sort=[by("suggestion", question="comment", property="value")])
    assert found[:2] == [second.external_id, first.external_id]


def test_deleted_vector_settings_are_forgotten(own_sample: Sample) -> None:
    setting = {"name": "brief", "title": "brief", "dimensions": 2}
    made = own_sample.owner.send("POST", f"/datasets/{own_sample.dataset_id}/vectors-settings", setting)
    own_sample.owner.send("PATCH", f"/records/{own_sample.rows[0].id}", {"vectors": {"brief": [1.0, 0.0]}})
    assert own_sample.search(vector={"name": "brief", "value": [1.0, 0.0]})[1] == 1
    own_sample.owner.send("DELETE", f"/vectors-settings/{made['id']}")
    with pytest.raises(httpx.HTTPStatusError) as gone:
        own_sample.search(vector={"name": "brief", "value": [1.0, 0.0]})
    assert gone.value.response.status_code == 422
    # One of the same name starts empty.
    own_sample.owner.send("POST", f"/datasets/{own_sample.dataset_id}/vectors-settings", setting)
    assert own_sample.search(vector={"name": "brief", "value": [1.0, 0.0]}) == ([], 0)
    assert own_sample.search(vector={"name": "position", "record_id": own_sample.rows[0].id})[0]


def test_a_lost_database_connection_is_made_anew(own_sample: Sample, request: pytest.FixtureRequest) -> None:
    if "postgresql" not in request.node.callspec.id:
        pytest.skip("PostgreSQL's")
    postgres: PostgresServer = request.getfixturevalue("postgres")
    own_sample.search("clay")
    kill = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'argilla-lite search'"
    )
    assert "t" in postgres.run("psql", "-At", "-c", kill)
    assert own_sample.search(filters=[EVERYTHING])[1] == len(own_sample.rows)
