"""Reading a folder and records at hand: which answers count, and which records are chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from curation import SettingsError
from tests.training.tasks import folders
from tests.training.tasks.folders import ANN, BOB, record, write_folder
from training.tasks.reading import Folder, open_source
from training.tasks.rows import Row
from training.tasks.selection import SortBy, make_selection

EVERYTHING = make_selection(None, None, None)


def rows(
    folder: Path, filter_by: Any = None, sort_by: Any = None, max_records: int | None = None
) -> list[Row]:
    return Folder(folder).rows(make_selection(filter_by, sort_by, max_records))


def ids(*given: Any) -> list[str]:
    return [row.id for row in rows(*given)]


@pytest.fixture
def years(tmp_path: Path) -> Path:
    """Records of some years, one without any."""
    made = []
    for number, year in enumerate((2020, 2024, 2022, None)):
        one = record(f"r{number}", {"text": f"It was {year} in Oslo"}, label=["yes", "no"][: number % 3])
        one["metadata"] = {} if year is None else {"year": year, "place": "Oslo"}
        one["suggestions"] = {"label": {"value": "yes", "score": 0.1 * number, "agent": "model"}}
        made.append(one)
    return write_folder(tmp_path / "years", ["text"], [folders.label("label", "yes", "no")], made, 2)


def test_a_folder_gives_rows_with_all_users_answers(tmp_path: Path) -> None:
    folder = folders.emotions(tmp_path / "made")
    read = rows(folder)
    assert len(read) == 16
    assert [one.value for one in read[0].answers["label"]] == ["good", "good", "bad"]
    assert [one.user for one in read[0].answers["label"]][:2] == [ANN, BOB]
    assert open_source(str(folder)).schema.dataset == "made"


def test_what_can_only_be_a_draft_does_not_count(tmp_path: Path) -> None:
    draft = record("draft", {"text": "a"}, label=["yes"])
    draft["status"] = "pending"
    question = folders.label("label", "yes", "no")
    one = write_folder(tmp_path / "one", ["text"], [question], [draft], min_submitted=1)
    assert rows(one)[0].answers == {}
    two = write_folder(tmp_path / "two", ["text"], [question], [draft], min_submitted=2)
    assert [answer.value for answer in rows(two)[0].answers["label"]] == ["yes"]


def test_a_ranking_without_ranks_is_told_of_when_it_is_used(tmp_path: Path) -> None:
    """A list is how the SDK gives a ranking: Argilla's page stores it in the order of the options."""
    question = folders.ranking("order", "a", "b", "c")
    ties = [{"value": "b", "rank": 1}, {"value": "a", "rank": 1}, {"value": "c", "rank": 3}]
    made = record("r", {"text": "x"}, order=[["c", "a", "b"], ties])
    folder = write_folder(tmp_path / "made", ["text"], [question], [made])
    first, second = rows(folder)[0].answers["order"]
    assert second.value == {"b": 1, "a": 1, "c": 3}
    for look in (dict, len, list, lambda value: value["a"], lambda value: "a" in value):
        with pytest.raises(SettingsError, match="the ranking 'order' have no ranks"):
            look(first.value)


@pytest.mark.parametrize(
    ("filter_by", "expected"),
    [
        ([("metadata.year", ">=", 2022)], ["r1", "r2"]),
        (("metadata.year", "<=", 2020), ["r0"]),
        ({"metadata": {"year": {"ge": 2021, "le": 2023}}}, ["r2"]),
        ({"metadata": {"place": ["Oslo"], "year": 2020}}, ["r0"]),
        ({"response_status": ["submitted"]}, ["r1", "r2"]),
        ([("label.response", "==", "no")], ["r2"]),
        ([("label.suggestion", "in", ["yes"]), ("label.score", ">=", 0.2)], ["r2", "r3"]),
        ([("label.agent", "==", "nobody")], []),
        ([("id", "in", ["r3", "r0"])], ["r0", "r3"]),
        (("_server_id", "==", "server-r1"), ["r1"]),
        ("oslo 2024", ["r1"]),
        ([("status", "==", "pending")], ["r0", "r3"]),
    ],
)
def test_filters_of_a_folder(years: Path, filter_by: Any, expected: list[str]) -> None:
    assert ids(years, filter_by) == expected


@pytest.mark.parametrize("name", ["score", "agent", "suggestion", "response"])
def test_metadata_may_have_the_name_of_something_else(tmp_path: Path, name: str) -> None:
    made = [record(f"r{number}", {"text": "a"}) | {"metadata": {name: number}} for number in range(3)]
    folder = write_folder(tmp_path / "made", ["text"], [folders.label("label", "yes", "no")], made)
    assert ids(folder, [(f"metadata.{name}", ">=", 1)]) == ["r1", "r2"]


def test_order_and_number(years: Path) -> None:
    assert ids(years, None, [SortBy("metadata.year", "desc")]) == ["r1", "r2", "r0", "r3"]
    assert ids(years, None, {"field": "metadata.year", "order": "asc"}, 2) == ["r0", "r2"]
    assert ids(years, {"metadata": {"place": "Oslo"}}, SortBy("metadata.year"), 1) == ["r0"]


@pytest.mark.parametrize(
    ("filter_by", "sort_by", "max_records", "says"),
    [
        ({"response_status": ["missing"]}, None, None, "'missing'"),
        ({"year": 2020}, None, None, "'year' is not known"),
        ({"metadata": {"year": {"gt": 3}}}, None, None, "metadata.year"),
        ([("metadata.year", "!=", 2020)], None, None, "'!='"),
        ([("nothing", "==", 1)], None, None, "'nothing' is not known"),
        ([("metadata.year", ">=", "many")], None, None, "record 'r0' is 2020"),
        ([("updated_at", ">=", "2026-01-01")], None, None, "record 'r0' does not say its updated_at"),
        (7, None, None, "int is not known"),
        (None, SortBy("label"), None, "'label'"),
        (None, SortBy("metadata.year", "up"), None, "'up'"),
        (None, SortBy("metadata.month"), None, "no record has metadata.month"),
        (None, None, 0, "max_records is 0"),
    ],
)
def test_what_is_no_selection_is_refused(
    years: Path, filter_by: Any, sort_by: Any, max_records: Any, says: str
) -> None:
    with pytest.raises(SettingsError, match=says):
        rows(years, filter_by, sort_by, max_records)


def test_what_is_no_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no \.argilla/settings\.json"):
        open_source(tmp_path)
    (tmp_path / ".argilla").mkdir()
    (tmp_path / ".argilla" / "settings.json").write_text("{}")
    with pytest.raises(SettingsError, match="cannot be read: KeyError"):
        open_source(tmp_path)
    with pytest.raises(SettingsError, match="A int is no dataset"):
        open_source(3)
    with pytest.raises(SettingsError, match="There are no records"):
        open_source([])


@pytest.mark.parametrize("broken", [{"responses": {"label": [{"value": "yes"}]}}, {"responses": [1]}, []])
def test_a_record_that_is_none_is_named(tmp_path: Path, broken: Any) -> None:
    folder = write_folder(tmp_path / "made", ["text"], [folders.label("label", "yes")], [{}, broken])
    with pytest.raises(SettingsError, match=r"Record 1 of .*records\.json cannot be read"):
        rows(folder)
