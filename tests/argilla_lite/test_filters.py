"""Filters through the HTTP API against plain Python over the same rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tests.argilla_lite.sample import AGENTS, LABELS, LANGUAGES, TOPICS, Row, Sample, between, by, terms

pytestmark = pytest.mark.argilla
Case = tuple[dict[str, Any], Callable[[Row], bool]]


def as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def within(value: Any, ge: float | None, le: float | None) -> bool:
    return any((ge is None or one >= ge) and (le is None or one <= le) for one in as_list(value))


def language_case(values: list[str]) -> Case:
    return (
        terms("metadata", values, metadata_property="language"),
        lambda row: bool(set(as_list(row.metadata.get("language"))) & set(values)),
    )


def number_case(name: str, ge: float | None, le: float | None) -> Case:
    return (
        between("metadata", ge, le, metadata_property=name),
        lambda row: within(row.metadata.get(name), ge, le),
    )


def suggestion_case(question: str, values: list[Any]) -> Case:
    return (
        terms("suggestion", values, question=question, property="value"),
        lambda row: bool(set(as_list(row.suggestions.get(question, {}).get("value"))) & set(values)),
    )


def score_case(question: str, ge: float | None, le: float | None) -> Case:
    return (
        between("suggestion", ge, le, question=question, property="score"),
        lambda row: within(row.suggestions.get(question, {}).get("score"), ge, le),
    )


def agent_case(question: str, values: list[str]) -> Case:
    return (
        terms("suggestion", values, question=question, property="agent"),
        lambda row: row.suggestions.get(question, {}).get("agent") in values,
    )


def response_case(question: str, values: list[Any], user: str | None) -> Case:
    def keep(row: Row) -> bool:
        responses = row.responses.values() if user is None else as_list(row.responses.get(user))
        return any(set(as_list(one["values"].get(question))) & set(values) for one in responses)

    return terms("response", values, question=question), keep


def stars_case(ge: float | None, le: float | None, user: str | None) -> Case:
    def keep(row: Row) -> bool:
        responses = row.responses.values() if user is None else as_list(row.responses.get(user))
        return any(within(one["values"].get("stars"), ge, le) for one in responses)

    return between("response", ge, le, question="stars"), keep


def status_case(values: list[str], user: str | None) -> Case:
    def keep(row: Row) -> bool:
        responses = list(row.responses.values()) if user is None else as_list(row.responses.get(user))
        if "pending" in values and not responses:
            return True
        return any(one["status"] in values for one in responses)

    return terms("response", values, property="status"), keep


def record_status_case(values: list[str]) -> Case:
    return terms("record", values, property="status"), lambda row: row.status in values


def external_id_case(values: list[str]) -> Case:
    return terms("record", values, property="external_id"), lambda row: row.external_id in values


CASES: dict[str, Case] = {
    "terms": language_case(["en", "pt-br"]),
    "terms, unknown value": language_case(["xx"]),
    "integer range": number_case("length", 10, 20),
    "integer from": number_case("length", 35, None),
    "integer terms": (
        terms("metadata", ["3", "17", "x"], metadata_property="length"),
        lambda row: row.metadata.get("length") in (3, 17),
    ),
    "float to": number_case("ratio", None, -0.25),
    "label suggestion": suggestion_case("verdict", ["yes"]),
    "multi-label suggestion": suggestion_case("topics", ["heat", "shape"]),
    "suggestion type": (
        terms("suggestion", ["model"], question="stars", property="type"),
        lambda row: "stars" in row.suggestions,
    ),
    "suggestion type, none": (
        terms("suggestion", ["human"], question="stars", property="type"),
        lambda row: False,
    ),
    "score": score_case("verdict", 0.5, None),
    "list of scores": score_case("topics", 0.2, 0.4),
    "agent": agent_case("verdict", ["model-b"]),
    "anybody's label": response_case("verdict", ["no"], None),
    "anybody's stars": stars_case(4, None, None),
    "anybody's status": status_case(["submitted"], None),
    "pending for all": status_case(["pending"], None),
    "pending or discarded": status_case(["pending", "discarded"], None),
    "completed": record_status_case(["completed"]),
    "external ids": external_id_case(["row-3", "row-5", "nothing"]),
}


@pytest.mark.parametrize("name", CASES)
def test_each_filter(sample: Sample, name: str) -> None:
    query, keep = CASES[name]
    expected = sample.filtered(keep)
    assert sample.search(filters=[query]) == (expected, len(expected))


@pytest.mark.parametrize("user", ["anna", "ben"])
@pytest.mark.parametrize(
    "statuses", [["pending"], ["submitted"], ["draft", "discarded"], ["pending", "draft"]]
)
def test_own_status(sample: Sample, user: str, statuses: list[str]) -> None:
    query, keep = status_case(statuses, user)
    found, total = sample.search(filters=[query], user=user)
    expected = sample.filtered(keep)
    assert (sorted(found), total) == (sorted(expected), len(expected))


def test_own_values(sample: Sample) -> None:
    for query, keep in (response_case("topics", ["heat"], "anna"), stars_case(2, 3, "anna")):
        found, total = sample.search(
            filters=[query], user="anna", sort=[by("record", property="inserted_at")]
        )
        assert found == sample.filtered(keep)
        assert total == len(found)


def test_record_ids(sample: Sample) -> None:
    wanted = [row.id for row in sample.rows[4:7]]
    assert sample.search(filters=[terms("record", wanted, property="id")])[0] == sample.all_ids()[4:7]
    assert sample.search(filters=[terms("record", ["no id"], property="id")]) == ([], 0)


def test_dates(sample: Sample) -> None:
    records = sample.owner.get(f"/datasets/{sample.dataset_id}/records", limit=1000)["items"]
    stamps = {record["external_id"]: record["inserted_at"] for record in records}
    middle = sorted(stamps.values())[len(stamps) // 2]
    found, _ = sample.search(filters=[between("record", le=middle, property="inserted_at")])
    # Elasticsearch keeps milliseconds and finer, the stored form microseconds: equal for both.
    assert found == [row.external_id for row in sample.rows if stamps[row.external_id] <= middle]
    today = middle[:10]
    assert sample.search(filters=[between("record", ge=today, le=today, property="inserted_at")])[1] == len(
        stamps
    )
    assert sample.search(filters=[between("record", ge="2999-01-01T00:00:00Z", property="updated_at")]) == (
        [],
        0,
    )


def test_filters_and_text_together(sample: Sample) -> None:
    query, keep = language_case(["en"])
    found, total = sample.search("clay", filters=[query])
    expected = sample.filtered(lambda row: keep(row) and "clay" in f"{row.title} {row.body}".split())
    assert (sorted(found), total) == (sorted(expected), len(expected))


@pytest.mark.parametrize(
    "query",
    [
        between("record", ge="not a date", property="inserted_at"),
        between("metadata", ge="many", metadata_property="length"),
        terms("metadata", ["en"], metadata_property="unknown"),
        terms("suggestion", ["yes"], question="unknown"),
    ],
)
def test_nonsense_is_refused(sample: Sample, query: dict[str, Any]) -> None:
    with pytest.raises(httpx.HTTPStatusError) as refused:
        sample.search(filters=[query])
    assert refused.value.response.status_code == 422


bounds = st.one_of(st.none(), st.integers(-2, 42))
fractions = st.one_of(st.none(), st.floats(-1, 1).map(lambda number: round(number, 3)))


def ordered(pair: tuple[Any, Any]) -> bool:
    low, high = pair
    return not (low is None and high is None) and (low is None or high is None or low <= high)


def some(values: list[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True)


cases = st.one_of(
    some(LANGUAGES).map(language_case),
    st.tuples(bounds, bounds).filter(ordered).map(lambda pair: number_case("length", *pair)),
    st.tuples(fractions, fractions).filter(ordered).map(lambda pair: number_case("ratio", *pair)),
    some(LABELS).map(lambda values: suggestion_case("verdict", values)),
    some(TOPICS).map(lambda values: suggestion_case("topics", values)),
    some([1, 2, 3, 4, 5]).map(lambda values: suggestion_case("stars", values)),
    st.tuples(fractions, fractions).filter(ordered).map(lambda pair: score_case("topics", *pair)),
    some(AGENTS).map(lambda values: agent_case("stars", values)),
    some(LABELS).map(lambda values: response_case("verdict", values, None)),
    some(["submitted", "draft", "discarded", "pending"]).map(lambda values: status_case(values, None)),
    some(["pending", "completed"]).map(record_status_case),
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=st.lists(cases, min_size=1, max_size=4), offset=st.integers(0, 20), limit=st.integers(1, 30))
def test_any_filters_agree_with_python(sample: Sample, chosen: list[Case], offset: int, limit: int) -> None:
    expected = sample.filtered(lambda row: all(keep(row) for _, keep in chosen))
    found, total = sample.search(filters=[query for query, _ in chosen], offset=offset, limit=limit)
    assert total == len(expected)
    assert found == expected[offset : offset + limit]


# Sorting: name → (order, key for a row given the direction). None sorts last both ways.
def least(value: Any, descending: bool) -> Any:
    values = as_list(value)
    return None if not values else (max(values) if descending else min(values))


def rating(row: Row, user: str | None) -> float | None:
    given = [one["values"]["stars"] for name, one in row.responses.items() if user in (None, name)]
    return math.fsum(given) / len(given) if given else None


SORTS: dict[str, tuple[dict[str, Any], Callable[[Row, bool], Any]]] = {
    "language": ({"entity": "metadata", "metadata_property": "language"},
                 lambda row, down: least(row.metadata.get("language"), down)),
    "length": ({"entity": "metadata", "metadata_property": "length"},
               lambda row, down: row.metadata.get("length")),
    "ratio": ({"entity": "metadata", "metadata_property": "ratio"},
              lambda row, down: row.metadata.get("ratio")),
    "label": ({"entity": "suggestion", "question": "verdict", "property": "value"},
              lambda row, down: row.suggestions.get("verdict", {}).get("value")),
    "stars": ({"entity": "suggestion", "question": "stars", "property": "value"},
              lambda row, down: row.suggestions.get("stars", {}).get("value")),
    "topics": ({"entity": "suggestion", "question": "topics", "property": "value"},
               lambda row, down: least(row.suggestions.get("topics", {}).get("value"), down)),
    "scores": ({"entity": "suggestion", "question": "topics", "property": "score"},
               lambda row, down: least(row.suggestions.get("topics", {}).get("score"), down)),
    "agent": ({"entity": "suggestion", "question": "verdict", "property": "agent"},
              lambda row, down: row.suggestions.get("verdict", {}).get("agent")),
    "rating": ({"entity": "response", "question": "stars"}, lambda row, down: rating(row, None)),
    "external id": ({"entity": "record", "property": "external_id"}, lambda row, down: row.external_id),
    "id": ({"entity": "record", "property": "id"}, lambda row, down: row.id),
    "status": ({"entity": "record", "property": "status"}, lambda row, down: row.status),
    "added": ({"entity": "record", "property": "inserted_at"}, lambda row, down: int(row.external_id[4:])),
}  # fmt: skip


@pytest.mark.parametrize("name", SORTS)
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_each_sort(sample: Sample, name: str, order: str) -> None:
    scope, key = SORTS[name]
    descending = order == "desc"
    present = [row for row in sample.rows if key(row, descending) is not None]
    absent = [row for row in sample.rows if key(row, descending) is None]
    # Python's sort is stable, also in reverse: equal records stay in the order in which they were added.
    expected = sorted(present, key=lambda row: key(row, descending), reverse=descending) + absent
    found, total = sample.search(sort=[{"scope": scope, "order": order}])
    assert found == [row.external_id for row in expected]
    assert total == len(sample.rows)


def test_two_sorts_and_pages(sample: Sample) -> None:
    sort = [by("record", "desc", property="status"), by("metadata", metadata_property="length")]
    expected = sorted(
        sample.rows,
        key=lambda row: (row.status != "pending", row.metadata.get("length", 1000), int(row.external_id[4:])),
    )
    found: list[str] = []
    while len(found) < len(sample.rows):
        page, total = sample.search(sort=sort, limit=7, offset=len(found))
        assert total == len(sample.rows)
        found += page
    assert found == [row.external_id for row in expected]
    assert sample.search(sort=sort, limit=5, offset=500) == ([], len(sample.rows))


def test_random_order_is_each_users_own_and_stable(sample: Sample) -> None:
    anna, ben = (sample.search(user=name)[0] for name in ("anna", "ben"))
    assert anna != ben
    assert sorted(anna) == sorted(ben) == sorted(sample.all_ids())
    assert sample.search(user="anna")[0] == anna
    paged = [
        one for offset in range(0, 60, 9) for one in sample.search(user="anna", limit=9, offset=offset)[0]
    ]
    assert paged == anna
    # Two annotators who start at once do not both begin with the same records.
    assert len(set(anna[:10]) & set(ben[:10])) < 8
