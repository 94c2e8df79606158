"""Similarity search against cosines computed here."""

from __future__ import annotations

import random

import httpx
import numpy as np
import pytest

from tests.argilla_lite.sample import DIMENSIONS, Row, Sample, terms

pytestmark = pytest.mark.argilla


def ranking(rows: list[Row], value: list[float], least: bool = False) -> list[str]:
    def cosine(row: Row) -> float:
        one, two = np.array(row.vector), np.array(value)
        return float(one @ two / np.linalg.norm(one) / np.linalg.norm(two))

    present = [row for row in rows if row.vector]
    return [row.external_id for row in sorted(present, key=cosine, reverse=not least)]


def random_vector(seed: int) -> list[float]:
    rng = random.Random(seed)
    return [rng.gauss(0, 1) for _ in range(DIMENSIONS)]


@pytest.mark.parametrize("order", ["most_similar", "least_similar"])
def test_by_value(sample: Sample, order: str) -> None:
    value = random_vector(3)
    found, total = sample.search(vector={"name": "position", "value": value, "order": order}, limit=10)
    assert found == ranking(sample.rows, value, order == "least_similar")[:10]
    assert total == 10


@pytest.mark.parametrize("order", ["most_similar", "least_similar"])
def test_by_record(sample: Sample, order: str) -> None:
    source = next(row for row in sample.rows if row.vector)
    assert source.vector is not None
    found, _ = sample.search(vector={"name": "position", "record_id": source.id, "order": order})
    others = [row for row in sample.rows if row is not source]
    assert found == ranking(others, source.vector, order == "least_similar")


def test_scores(sample: Sample) -> None:
    source = next(row for row in sample.rows if row.vector)
    assert source.vector is not None
    body = {"query": {"vector": {"name": "position", "value": source.vector}}}
    found = sample.owner.send("POST", f"/datasets/{sample.dataset_id}/records/search?limit=1000", body)[
        "items"
    ]
    assert found[0]["query_score"] == pytest.approx(1.0, abs=1e-5)
    scores = [item["query_score"] for item in found]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_with_text_and_filters(sample: Sample) -> None:
    value = random_vector(5)
    filters = [terms("metadata", ["en", "de"], metadata_property="language")]
    found, _ = sample.search("clay", vector={"name": "position", "value": value}, filters=filters)
    kept = [
        row
        for row in sample.rows
        if "clay" in f"{row.title} {row.body}".split()
        and {"en", "de"} & set(np.atleast_1d(row.metadata.get("language", [])).tolist())
    ]
    assert found == ranking(kept, value)
    nothing = sample.search("absent", vector={"name": "position", "value": value})
    assert nothing == ([], 0)


def test_with_the_annotators_own_filter(sample: Sample) -> None:
    value = random_vector(6)
    filters = [terms("response", ["pending"], property="status")]
    found, _ = sample.search(vector={"name": "position", "value": value}, filters=filters, user="anna")
    assert found == ranking([row for row in sample.rows if "anna" not in row.responses], value)


def test_pages(sample: Sample) -> None:
    value = random_vector(8)
    expected = ranking(sample.rows, value)
    found = [
        one
        for offset in range(0, 30, 6)
        for one in sample.search(vector={"name": "position", "value": value}, limit=6, offset=offset)[0]
    ]
    assert found == expected[:30]


def test_wrong_length_is_refused(sample: Sample) -> None:
    with pytest.raises(httpx.HTTPStatusError) as refused:
        sample.search(vector={"name": "position", "value": [1.0, 2.0]})
    assert refused.value.response.status_code == 422


def test_changes_are_seen(own_sample: Sample) -> None:
    value = random_vector(9)
    query = {"name": "position", "value": value}
    before = own_sample.search(vector=query)[0]
    last = own_sample.row(before[-1])
    own_sample.owner.send("PATCH", f"/records/{last.id}", {"vectors": {"position": value}})
    after = own_sample.search(vector=query)[0]
    assert after[0] == last.external_id
    assert len(after) == len(before)
    own_sample.owner.send("DELETE", f"/records/{last.id}")
    assert own_sample.search(vector=query)[0] == before[:-1]
    fields = {"title": "t", "body": "b", "messages": [{"role": "u", "content": "c"}], "extra": {}}
    new = {"external_id": "new", "fields": fields, "vectors": {"position": value}}
    own_sample.owner.send("POST", f"/datasets/{own_sample.dataset_id}/records/bulk", {"items": [new]})
    assert own_sample.search(vector=query)[0] == ["new", *before[:-1]]


def test_vector_settings_added_later(own_sample: Sample) -> None:
    setting = {"name": "late", "title": "late", "dimensions": 2}
    own_sample.owner.send("POST", f"/datasets/{own_sample.dataset_id}/vectors-settings", setting)
    assert own_sample.search(vector={"name": "late", "value": [1.0, 0.0]}) == ([], 0)
    own_sample.owner.send("PATCH", f"/records/{own_sample.rows[3].id}", {"vectors": {"late": [1.0, 1.0]}})
    assert own_sample.search(vector={"name": "late", "value": [1.0, 0.0]})[0] == [
        own_sample.rows[3].external_id
    ]
