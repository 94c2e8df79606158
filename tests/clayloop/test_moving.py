"""From argilla_lite on SQLite to one on PostgreSQL, killed in the middle, and back to an empty one."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import argilla as rg
import pytest

from clayloop.cli import main
from curation import Api, ArgillaError, Move, move
from tests.argilla_lite.postgres import postgres_binaries, running_postgres
from tests.argilla_lite.server import ArgillaLite, running_argilla_lite

RECORDS = 300  # two requests
pytestmark = [
    pytest.mark.argilla,
    pytest.mark.slow,
    pytest.mark.skipif(
        postgres_binaries() is None and not os.environ.get("CLAYLOOP_REQUIRE_POSTGRES"),
        reason="no PostgreSQL on this machine (apt-get install postgresql)",
    ),
]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArgillaLite]:
    with running_argilla_lite(tmp_path_factory.mktemp("small")) as server:
        fill(connected(server))
        yield server


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArgillaLite]:
    with (
        running_postgres() as postgres,
        running_argilla_lite(tmp_path_factory.mktemp("large"), database=postgres.new_database()) as server,
    ):
        yield server


def connected(server: ArgillaLite) -> rg.Argilla:
    return rg.Argilla(api_url=server.url, api_key=server.api_key)


def fill(client: rg.Argilla) -> None:
    """Two workspaces, three users, a dataset of every kind of question with all that may hang on a record,
    one whose records have no ids, and a draft."""
    users = [
        client.users.add(rg.User(username=name, password="secret-of-" + name, role=role, first_name=name))
        for name, role in (("ann", "annotator"), ("bob", "annotator"), ("eve", "admin"))
    ]
    places = [client.workspaces.add(rg.Workspace(name=name)) for name in ("docs", "other")]
    for user in users[:2]:
        places[0].add_user(user)
    labels = ["yes", "no"]
    settings = rg.Settings(
        guidelines="Read it.",
        allow_extra_metadata=True,
        fields=[rg.TextField(name="text"), rg.ChatField(name="chat", required=False)],
        questions=[
            rg.LabelQuestion(name="label", labels=labels),
            rg.MultiLabelQuestion(name="many", labels=labels, required=False),
            rg.RatingQuestion(name="stars", values=[0, 1, 2], required=False),
            rg.RankingQuestion(name="order", values=labels, required=False),
            rg.TextQuestion(name="words", required=False, description="In your own"),
            rg.SpanQuestion(name="spans", field="text", labels=labels, required=False),
        ],
        metadata=[
            rg.TermsMetadataProperty(name="source", visible_for_annotators=False),
            rg.IntegerMetadataProperty(name="size", min=0, max=10_000),
            rg.FloatMetadataProperty(name="share"),
        ],
        vectors=[rg.VectorField(name="v", dimensions=3)],
        distribution=rg.TaskDistribution(min_submitted=2),
    )
    docs = rg.Dataset(name="questions", workspace=places[0], settings=settings, client=client).create()
    api = Api.of(client)
    ids = {question.name: str(question.id) for question in docs.questions}
    for start in range(0, RECORDS, 100):
        items = [_record(number, ids, users) for number in range(start, start + 100)]
        api.request("POST", f"/api/v1/datasets/{docs.id}/records/bulk", "filling", {"items": items})
    plain = rg.Settings(fields=[rg.TextField(name="text")], questions=[rg.TextQuestion(name="words")])
    loose = rg.Dataset(name="loose", workspace=places[1], settings=plain, client=client).create()
    same = [{"fields": {"text": "twice"}}] * 2 + [{"fields": {"text": "once \u2028 \U0001f600"}}]
    api.request("POST", f"/api/v1/datasets/{loose.id}/records/bulk", "filling", {"items": same})
    body = {"name": "draft", "workspace_id": str(places[1].id)}
    draft = api.request("POST", "/api/v1/datasets", "filling", body)
    field = {"name": "text", "title": "Text", "required": True, "settings": {"type": "text"}}
    api.request("POST", f"/api/v1/datasets/{draft['id']}/fields", "filling", field)


def _record(number: int, questions: dict[str, str], users: list[rg.User]) -> dict[str, Any]:
    values = {
        "label": {"value": "yes"},
        "many": {"value": ["no"]},
        "stars": {"value": number % 3},
        "order": {"value": [{"value": "no", "rank": 1}, {"value": "yes", "rank": 2}]},
        "words": {"value": f"because {number}"},
        "spans": {"value": [{"label": "yes", "start": 0, "end": 4}]},
    }
    statuses = [("submitted", values), ("draft", {"words": {"value": "well"}}), ("discarded", None)]
    return {
        "external_id": f"id {number}",
        "fields": {"text": f"text {number}", "chat": [{"role": "user", "content": f"hello {number}"}]},
        "metadata": {"source": "a", "size": number, "share": number / 7, "more": None if number % 2 else "x"},
        "vectors": {"v": [0.1, number / 3, -1e-7]} if number % 2 else {},
        "suggestions": [
            {"question_id": questions["label"], "value": "no", "score": 1 / 3, "agent": "a", "type": "model"},
            {"question_id": questions["many"], "value": ["yes", "no"], "score": [0.1, 0.2]},
        ],
        "responses": [
            {
                "user_id": str(user.id),
                "status": statuses[(number + place) % 3][0],
                "values": statuses[(number + place) % 3][1],
            }
            for place, user in enumerate(users[: number % 4])
        ],
    }


def _killed_in_the_middle(source: rg.Argilla, target: rg.Argilla) -> None:
    """SIGKILL right after the first batch of records was stored."""
    send = Api.request

    def request(self: Api, method: str, path: str, *rest: Any, **named: Any) -> Any:
        found = send(self, method, path, *rest, **named)
        if path.endswith("/records/bulk"):
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    Api.request = request  # type: ignore[method-assign]
    move(source, target, lambda *_: None)


def _by_name(report: Move) -> dict[str, Any]:
    return {one.name: one for one in report.datasets}


def test_all_of_it_arrives_though_the_move_is_killed_and_goes_back_again(
    small: ArgillaLite, large: ArgillaLite, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = connected(small), connected(large)
    killed = multiprocessing.get_context("fork").Process(target=_killed_in_the_middle, args=(source, target))
    killed.start()
    killed.join()
    assert killed.exitcode == -signal.SIGKILL

    passwords = tmp_path / "passwords"
    arguments = ["--home", str(tmp_path / "state"), "argilla", "move", str(small.home), large.url]
    arguments += ["--to-key", large.api_key, "--passwords", str(passwords), "--json"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["clayloop", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
    told = json.loads(capsys.readouterr().out)
    assert ended.value.code == 0 and told["whole"]
    found = {one["name"]: one for one in told["datasets"]}
    assert found["questions"]["records"] == RECORDS
    assert (found["questions"]["there"], found["questions"]["moved"]) == (256, RECORDS - 256)
    assert (found["loose"]["records"], found["loose"]["moved"]) == (3, 3)
    assert "draft" in found

    with running_argilla_lite(tmp_path / "back") as server:
        kept: dict[str, str] = {}
        back = connected(server)
        report = move(target, back, kept.__setitem__)
        assert report.is_whole and _by_name(report)["questions"].moved == RECORDS
        assert set(kept) >= {"ann", "bob", "eve"}
        again = move(source, back, kept.__setitem__)  # what came back is what went away
        assert again.is_whole and not again.users and not again.workspaces
        assert _by_name(again)["questions"].there == RECORDS
        assert {user.username: user.role for user in back.users} == {
            user.username: user.role for user in source.users
        }
        copy = back.datasets("questions", workspace="docs")
        assert copy is not None and copy.settings.distribution.min_submitted == 2
        docs = back.workspaces("docs")
        assert docs is not None and {user.username for user in docs.users} >= {"ann", "bob"}

        # Somebody goes on at the new place: that stays, unless it is to be as it was.
        api = Api.of(back)
        (first,) = next(iter(api.records(str(copy.id), page=1)))
        api.request("PATCH", f"/api/v1/records/{first['id']}", "changing", {"metadata": {"size": 9}})
        report = move(source, back, kept.__setitem__)
        assert not report.is_whole
        assert (_by_name(report)["questions"].differ, _by_name(report)["questions"].wrong) == (1, 1)
        report = move(source, back, kept.__setitem__, update=True)
        assert report.is_whole and _by_name(report)["questions"].updated == 1


def test_a_key_that_is_no_owners_moves_nothing(small: ArgillaLite, large: ArgillaLite) -> None:
    ann = next(user for user in connected(small).users if user.username == "ann")
    key = Api.of(connected(small)).request("GET", f"/api/v1/users/{ann.id}", "looking")["api_key"]
    with pytest.raises(ArgillaError, match="no owner's"):
        move(rg.Argilla(api_url=small.url, api_key=key), connected(large), lambda *_: None)
