"""Reading from a real Argilla: answers of several people, queries, and the folder that Argilla writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from curation import ArgillaError, SettingsError
from training.tasks.reading import AtHand, Folder, Server
from training.tasks.records import as_records
from training.tasks.selection import SortBy, make_selection
from training.tasks.task import TrainingTask

if TYPE_CHECKING:
    from tests.argilla_lite.server import ArgillaServer

pytestmark = pytest.mark.argilla

RANKS = [{"value": "q", "rank": 1}, {"value": "p", "rank": 1}]


@pytest.fixture(scope="module")
def dataset(argilla_lite: ArgillaServer) -> Iterator[Any]:
    """Eight records of which the owner and ann answered six, and bob made drafts."""
    import argilla as rg

    client = rg.Argilla(api_url=argilla_lite.url, api_key=argilla_lite.api_key)
    workspace = client.workspaces(argilla_lite.workspace)
    people = [client.me]
    for name in ("task-ann", "task-bob"):
        user = rg.User(username=name, password="12345678", role="annotator", client=client).create()
        user.add_to_workspace(workspace)
        people.append(user)
    settings = rg.Settings(
        fields=[rg.TextField("text")],
        questions=[
            rg.LabelQuestion("label", ["good", "bad"]),
            rg.RankingQuestion("order", ["p", "q"], required=False),
            rg.SpanQuestion("names", field="text", labels=["PER"], required=False),
        ],
        metadata=[rg.IntegerMetadataProperty("year")],
        vectors=[rg.VectorField("place", dimensions=2)],
        distribution=rg.TaskDistribution(min_submitted=2),
    )
    made = rg.Dataset("any-task", workspace=workspace, settings=settings, client=client)
    made.create()
    made.records.log([_record(number, people) for number in range(8)])
    yield client.datasets("any-task", workspace=workspace)
    made.delete()


def _record(number: int, people: list[Any]) -> Any:
    import argilla as rg

    value = ("good", "bad")[number % 2]
    names = [{"start": 0, "end": 3, "label": "PER"}]
    responses = [
        rg.Response(question, answer, user_id=user.id, status="draft" if user is people[2] else "submitted")
        for user in (people if number < 6 else people[2:])
        for question, answer in (("label", value), ("order", RANKS), ("names", names))
    ]
    return rg.Record(
        id=f"r{number}",
        fields={"text": f"Ann is {value} {number}"},
        metadata={"year": 2020 + number},
        vectors={"place": [1.0, float(number)]},
        responses=responses,
        suggestions=[rg.Suggestion("label", "good", score=0.5, agent="model")],
    )


EVERYTHING = make_selection(None, None, None)


def test_only_submitted_answers_of_all_users_are_read(dataset: Any) -> None:
    rows = {row.id: row for row in Server(dataset).rows(EVERYTHING)}
    assert len(rows) == 8
    assert [one.value for one in rows["r0"].answers["label"]] == ["good", "good"]
    assert len({one.user for one in rows["r0"].answers["label"]}) == 2
    assert rows["r0"].answers["order"][0].value == {"q": 1, "p": 1}
    assert rows["r0"].statuses == {"submitted", "draft"}
    assert rows["r7"].answers == {}
    assert rows["r7"].suggestions["label"].agent == "model"


def test_a_query_chooses_as_argilla_does(dataset: Any) -> None:
    import argilla as rg

    query = rg.Query(query="good", filter=rg.Filter([("metadata.year", ">=", 2022)]))
    selection = make_selection(query, None, None)
    expected = {record.id for record in dataset.records(query)}
    assert expected == {"r2", "r4", "r6"}
    assert {row.id for row in Server(dataset).rows(selection)} == expected
    # The same, evaluated here
    assert {row.id for row in AtHand(dataset.records()).rows(selection)} == expected
    submitted = make_selection({"response_status": ["submitted"]}, SortBy("metadata.year", "desc"), 2)
    assert [row.id for row in Server(dataset).rows(submitted)] == ["r5", "r4"]
    assert [row.id for row in AtHand(dataset.records()).rows(submitted)] == ["r5", "r4"]
    assert len(Server(dataset).rows(make_selection(None, None, 3))) == 3


def test_a_filter_that_argilla_refuses(dataset: Any) -> None:
    with pytest.raises(SettingsError, match=r"filter_by: .*name=yaer"):
        Server(dataset).rows(make_selection([("metadata.yaer", ">=", 2022)], None, None))


def test_the_most_similar_records(dataset: Any) -> None:
    import argilla as rg

    near = rg.Query(similar=rg.Similar("place", [1.0, 0.0]))
    assert [row.id for row in Server(dataset).rows(make_selection(near, None, 2))] == ["r0", "r1"]
    with pytest.raises(SettingsError, match="Only an Argilla server can look for similar records"):
        AtHand(dataset.records()).rows(make_selection(near, None, 2))


def test_argilla_takes_the_suggestions_of_a_model(dataset: Any) -> None:
    """As in version 1's guide: records = trainer.predict(…, as_argilla_records=True), then log."""
    schema = Server(dataset).schema
    span = {"start": 0, "end": 3, "label": "PER", "score": 0.5}
    found: list[tuple[TrainingTask, Any]] = [
        (TrainingTask.for_text_classification("text", "label"), {"label": "bad", "score": 0.75}),
        (TrainingTask.for_token_classification(spans="names"), [span]),
        (
            TrainingTask.for_token_classification(spans="names"),
            [{**span, "score": 0.25}, {**span, "start": 4, "end": 6}],
        ),
        (TrainingTask.for_token_classification(spans="names"), []),  # a record without a suggestion
    ]
    for task, prediction in found:
        checked = task.checked(schema)
        records = as_records(checked, checked.question(schema), ["Bob is far"], [prediction], "me/model (en)")
        dataset.records.log(records)
    logged = [row for row in Server(dataset).rows(EVERYTHING) if row.fields["text"] == "Bob is far"]
    assert [len(row.suggestions) for row in logged] == [1, 1, 1, 0]
    assert {row.suggestions["label"].value for row in logged if "label" in row.suggestions} == {"bad"}
    assert [one["label"] for one in logged[1].suggestions["names"].value] == ["PER"]
    assert logged[1].suggestions["names"].agent == "me/model  en"
    dataset.records.delete([one for one in dataset.records() if one.fields["text"] == "Bob is far"])


def test_records_of_the_sdk_are_read_too(dataset: Any) -> None:
    from_server = {row.id: row for row in Server(dataset).rows(EVERYTHING)}
    for row in AtHand(dataset.records()).rows(EVERYTHING):
        assert row.fields == from_server[row.id].fields
        assert row.answers["label"] == from_server[row.id].answers["label"] if row.answers else True
        assert bool(row.answers) == bool(from_server[row.id].answers)
        assert row.statuses == from_server[row.id].statuses


def test_the_folder_that_argilla_writes(dataset: Any, tmp_path: Path) -> None:
    """It holds the drafts of completed records too, and does not say so."""
    dataset.to_disk(str(tmp_path))
    source = Folder(tmp_path)
    assert source.schema == Server(dataset).schema
    rows = {row.id: row for row in source.rows(EVERYTHING)}
    read = {row.id: row for row in Server(dataset).rows(EVERYTHING)}
    assert rows.keys() == read.keys()
    for key, row in rows.items():
        assert (row.fields, row.metadata, row.status) == (
            read[key].fields,
            read[key].metadata,
            read[key].status,
        )
        assert set(read[key].answers.get("label", ())) <= set(row.answers.get("label", ()))
    assert len(rows["r0"].answers["label"]) == 3


def test_an_annotators_key_is_refused(dataset: Any, argilla_lite: ArgillaServer) -> None:
    import argilla as rg

    key = next(
        user["api_key"]
        for user in dataset._client.http_client.get("/api/v1/users").json()["items"]
        if user["username"] == "task-ann"
    )
    client = rg.Argilla(api_url=argilla_lite.url, api_key=key)
    theirs = client.datasets("any-task", workspace=argilla_lite.workspace)
    with pytest.raises(ArgillaError, match="belongs to an annotator"):
        Server(theirs).rows(EVERYTHING)


def test_a_dataset_that_was_deleted_meanwhile_is_named(dataset: Any) -> None:
    import argilla as rg

    other = rg.Dataset(
        "short-lived", workspace=dataset.workspace, settings=dataset.settings, client=dataset._client
    )
    source = Server(other.create())
    other.delete()
    for selection in (EVERYTHING, make_selection({"response_status": ["submitted"]}, None, None)):
        with pytest.raises(ArgillaError, match="The dataset 'short-lived' is not in Argilla"):
            source.rows(selection)
