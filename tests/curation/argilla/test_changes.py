"""What is kept and brought up to date is the same as a complete reading, whatever people do."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import argilla as rg
import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings as hypothesis_settings, strategies as st

from curation.argilla import api as api_module, changes as changes_module
from curation.argilla.api import Api
from curation.argilla.changes import COMPLETE_SECONDS, DecisionReader
from curation.argilla.datasets import RemoteDataset, ensure_dataset
from curation.argilla.decisions import read_decisions
from curation.argilla.webhooks import Call
from curation.records.decision import DatasetName
from curation.settings import ArgillaSettings
from tests.curation.argilla.sample import Person, answer, hire

pytestmark = pytest.mark.argilla

KINDS: tuple[DatasetName, ...] = ("chunks", "triplets")
QUESTIONS: dict[DatasetName, tuple[str, ...]] = {
    "chunks": ("good_chunk",),
    "triplets": ("is_positive_relevant", "is_negative_irrelevant"),
}
_people = itertools.count(1)


def _record(kind: DatasetName, number: int) -> dict[str, object]:
    texts = {"filename": "a.md", "chunk": "Text."} if kind == "chunks" else {"anchor": "A", "positive": "P?"}
    return {"external_id": f"{kind}-{number}", "fields": texts, "metadata": {"source": "pypi:sample"}}


@dataclass
class World:
    """Two datasets with four records each, and two people. ``calls`` are those that Argilla made."""

    client: rg.Argilla
    settings: ArgillaSettings
    people: list[Person] = field(default_factory=list)
    datasets: dict[DatasetName, RemoteDataset] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)

    def __post_init__(self) -> None:
        for kind in KINDS:
            self.datasets[kind] = ensure_dataset(self.api, self.settings, kind, None)[0]
            self.store(kind, *(_record(kind, number) for number in range(4)))
        for _ in range(2):
            self.hire()

    @property
    def api(self) -> Api:
        return Api.of(self.client)

    def hire(self) -> None:
        self.people.append(hire(self.api, self.settings, f"person-{next(_people)}"))

    def store(self, kind: DatasetName, *records: dict[str, object]) -> None:
        self.api.upsert(self.datasets[kind].id, records)

    def key(self, kind: DatasetName, number: int) -> str:
        """Argilla's id of a record, which is made if it is gone."""
        rows = [row for page in self.api.records(self.datasets[kind].id) for row in page]
        found = [str(row["id"]) for row in rows if row["external_id"] == f"{kind}-{number}"]
        if found:
            return found[0]
        self.store(kind, _record(kind, number))
        return self.key(kind, number)

    def answers(self, kind: DatasetName, number: int, person: int, value: str, status: str) -> None:
        """Somebody answers, and Argilla calls."""
        key = self.key(kind, number)
        answer(self.people[person], key, status, **dict.fromkeys(QUESTIONS[kind], value))
        self._call(kind, key)

    def takes_back(self, kind: DatasetName, number: int, person: int) -> None:
        """Somebody's answer is deleted, if there is one. Argilla's call has no time that could explain it."""
        key, user = self.key(kind, number), str(self.people[person].id)
        record = self.api.record(key) or {}
        for response in record["responses"]:
            if str(response["user_id"]) == user:
                self.api.request("DELETE", f"/api/v1/responses/{response['id']}", "deleting")
                self.calls.append(Call(self.datasets[kind].id, key))

    def logs(self, kind: DatasetName, number: int, person: int, value: str) -> None:
        """A program logs somebody's first answer with its record."""
        user = str(self.people[person].id)
        record = self.api.record(self.key(kind, number)) or {}
        if any(str(response["user_id"]) == user for response in record["responses"]):
            return
        values = {question: {"value": value} for question in QUESTIONS[kind]}
        response = {"user_id": user, "values": values, "status": "submitted"}
        self.store(kind, {**_record(kind, number), "responses": [response]})

    def retitles(self, kind: DatasetName, number: int, source: str) -> None:
        self.store(kind, {**_record(kind, number), "metadata": {"source": source}})

    def deletes(self, kind: DatasetName, number: int) -> None:
        self.api.delete(self.datasets[kind].id, [self.key(kind, number)])

    def renames(self, person: int) -> None:
        body = {"username": f"person-{next(_people)}"}
        self.api.request("PATCH", f"/api/v1/users/{self.people[person].id}", "renaming", body)

    def leaves(self, person: int) -> None:
        self.api.request("DELETE", f"/api/v1/users/{self.people.pop(person).id}", "letting go")
        self.hire()

    def _call(self, kind: DatasetName, key: str) -> None:
        row = self.api.request("GET", f"/api/v1/datasets/{self.datasets[kind].id}", "asking")
        self.calls.append(Call(self.datasets[kind].id, key, str(row["last_activity_at"])))


KIND, NUMBER, PERSON = st.sampled_from(KINDS), st.integers(0, 3), st.integers(0, 1)
VALUE, STATUS = (
    st.sampled_from(["yes", "no"]),
    st.sampled_from(["submitted", "submitted", "draft", "discarded"]),
)
Action = tuple[Callable[..., None], tuple[object, ...]]
TOLD: st.SearchStrategy[Action] = st.tuples(
    st.just(World.answers), st.tuples(KIND, NUMBER, PERSON, VALUE, STATUS)
) | st.tuples(st.just(World.takes_back), st.tuples(KIND, NUMBER, PERSON))
UNTOLD: st.SearchStrategy[Action] = (
    st.tuples(st.just(World.logs), st.tuples(KIND, NUMBER, PERSON, VALUE))
    | st.tuples(st.just(World.retitles), st.tuples(KIND, NUMBER, st.sampled_from(["a", "b"])))
    | st.tuples(st.just(World.deletes), st.tuples(KIND, NUMBER))
    | st.tuples(st.just(World.renames), st.tuples(PERSON))
    | st.tuples(st.just(World.leaves), st.tuples(PERSON))
)
FEW = hypothesis_settings(
    max_examples=5,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # the world goes on between examples: nothing can be shrunk
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages that do not hold the whole of a small dataset, as they don't that of a large one."""
    monkeypatch.setattr(changes_module, "_LAST_CHANGED", 1)
    monkeypatch.setattr(api_module, "_IDS", 2)


@pytest.fixture
def world(client: rg.Argilla, settings: ArgillaSettings) -> World:
    return World(client, settings)


class Requests:
    """Counts what is asked over a client."""

    def __init__(self, client: rg.Argilla) -> None:
        self.paths: list[str] = []
        client.http_client.event_hooks["request"].append(self._note)

    def _note(self, request: httpx.Request) -> None:
        self.paths.append(request.url.path)


@given(st.data())
@FEW
def test_what_calls_tell_is_all_that_has_to_be_read(world: World, data: st.DataObject) -> None:
    reader = DecisionReader(world.settings)
    reader.read(world.client)
    for _ in range(3):
        world.calls.clear()
        for act, arguments in data.draw(st.lists(TOLD, min_size=1, max_size=6)):
            act(world, *arguments)
        for call in data.draw(st.permutations(world.calls)):
            reader.note(call)
            reader.note(call)
        assert reader.read_called(world.client) == read_decisions(world.client, world.settings)


@given(st.data())
@FEW
def test_without_calls_every_change_is_seen_at_once(world: World, data: st.DataObject) -> None:
    reader = DecisionReader(world.settings)
    for _ in range(3):
        for act, arguments in data.draw(st.lists(TOLD | UNTOLD, max_size=6)):
            act(world, *arguments)
        assert reader.read(world.client) == read_decisions(world.client, world.settings)


@given(st.data())
@FEW
def test_calls_that_are_lost_are_made_up_for_by_the_second_look(world: World, data: st.DataObject) -> None:
    reader = DecisionReader(world.settings)
    for _ in range(3):
        world.calls.clear()
        for act, arguments in data.draw(st.lists(TOLD | UNTOLD, max_size=6)):
            act(world, *arguments)
        # The last answers' calls are lost, or those of the datasets' last answers are.
        for call in world.calls[: data.draw(st.integers(0, len(world.calls)))]:
            reader.note(call)
        reader.read_called(world.client)
        reader.read(world.client, is_called=True)
        if reader.doubts:
            reader.read(world.client, is_called=True)
        assert reader.read(world.client, is_called=True) == read_decisions(world.client, world.settings)
        assert not reader.doubts


def test_a_call_costs_one_request_and_a_look_at_nothing_reads_no_dataset(world: World) -> None:
    for number, kind in itertools.product(range(4), KINDS):
        world.answers(kind, number, 0, "yes", "submitted")
    world.calls.clear()
    reader = DecisionReader(world.settings)
    before = reader.read(world.client)
    world.answers("triplets", 1, 0, "no", "submitted")
    reader.note(world.calls[0])
    asked = Requests(world.client)
    after = reader.read_called(world.client)
    assert asked.paths == [f"/api/v1/datasets/{world.datasets['triplets'].id}/records/search"]
    assert [one.record_id for one in after if one not in before] == ["triplets-1"]
    asked.paths.clear()
    reader.read(world.client, is_called=True)
    assert sum(path.endswith("/records/search") for path in asked.paths) == len(KINDS), "the last changed"
    assert reader.read_called(world.client) == after


def test_whom_nobody_calls_a_new_answer_costs_no_reading_of_everything(world: World) -> None:
    now = [0.0]
    world.answers("triplets", 0, 0, "yes", "submitted")
    reader = DecisionReader(world.settings, lambda: now[0], is_called_never=True)
    reader.read(world.client)
    world.answers("triplets", 1, 0, "no", "submitted")
    asked = Requests(world.client)
    found = reader.read(world.client)
    searches = sum(path.endswith("/records/search") for path in asked.paths)
    assert searches == len(KINDS) + 1, "the last changed of each, and one page more of the triplets"
    assert found == read_decisions(world.client, world.settings)
    world.answers("triplets", 0, 0, "no", "submitted")  # nothing new explains the dataset's time
    assert reader.read(world.client) == read_decisions(world.client, world.settings)
    world.answers("triplets", 0, 0, "yes", "submitted")
    world.answers("triplets", 2, 0, "yes", "submitted")  # this one does, and hides the other for a while
    assert reader.read(world.client) != read_decisions(world.client, world.settings)
    now[0] += 60
    world.answers("triplets", 3, 0, "yes", "submitted")
    found = {one.record_id: one.values for one in reader.read(world.client)}
    truth = {one.record_id: one.values for one in read_decisions(world.client, world.settings)}
    assert found.keys() == truth.keys() and found != truth, "what is new is seen before all is read"
    assert reader.read(world.client) == read_decisions(world.client, world.settings)


def test_two_lost_calls_that_cancel_out_are_found_within_the_hour(world: World) -> None:
    now = [0.0]
    for number, value in ((0, "yes"), (1, "no"), (2, "yes")):
        world.answers("chunks", number, 0, value, "submitted")
    reader = DecisionReader(world.settings, lambda: now[0])
    reader.read(world.client)
    world.answers("chunks", 0, 0, "no", "submitted")
    world.answers("chunks", 1, 0, "yes", "submitted")
    world.answers("chunks", 2, 0, "no", "submitted")
    reader.note(world.calls[-1])
    now[0] = COMPLETE_SECONDS - 1
    assert reader.read(world.client, is_called=True) != read_decisions(world.client, world.settings)
    now[0] = COMPLETE_SECONDS
    assert reader.read(world.client, is_called=True) == read_decisions(world.client, world.settings)


def test_what_was_called_is_read_when_argilla_is_back(world: World) -> None:
    reader = DecisionReader(world.settings)
    reader.read(world.client)
    world.answers("chunks", 0, 0, "yes", "submitted")
    reader.note(world.calls[0])
    gone = rg.Argilla(api_url=world.api.url, api_key=world.settings.api_key.get_secret_value(), retries=0)
    gone.http_client.close()
    for _ in range(2):
        with pytest.raises(RuntimeError):
            reader.read_called(gone)
    assert [one.record_id for one in reader.read_called(world.client)] == ["chunks-0"]


def test_a_dataset_that_is_made_later_is_read_when_it_calls(world: World) -> None:
    reader = DecisionReader(world.settings)
    reader.read(world.client)
    remote = ensure_dataset(world.api, world.settings, "conversations", None)[0]
    fields = {"instruction": "How?", "response": "So."}
    world.api.upsert(remote.id, [{"external_id": "turn", "fields": fields, "metadata": {}}])
    (record,) = next(world.api.records(remote.id))
    answer(world.people[0], record["id"], is_response_correct="yes", out_of_guardrails="no")
    reader.note(Call(remote.id, str(record["id"]), "later"))
    assert [one.record_id for one in reader.read_called(world.client)] == ["turn"]
    world.api.request("DELETE", f"/api/v1/datasets/{remote.id}", "removing")
    assert reader.read(world.client, is_called=True) == []
