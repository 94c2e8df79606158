"""Into a real Argilla 2: what is read back is what version 1 had."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from curation.argilla.api import Api
from curation.argilla.version1.importing import import_version_1
from curation.errors import ArgillaError
from tests.curation.argilla.version1 import folders
from tests.curation.argilla.version1.folders import ANN, BOB

if TYPE_CHECKING:
    from tests.argilla_lite.server import ArgillaServer

pytestmark = pytest.mark.argilla


@pytest.fixture(scope="module")
def client(argilla_lite: ArgillaServer) -> Iterator[Any]:
    """The owner; BOB is there already, under his version-1 id."""
    import argilla as rg

    made = rg.Argilla(api_url=argilla_lite.url, api_key=argilla_lite.api_key)
    bob = {
        "id": BOB,
        "username": "bob-of-old",
        "first_name": "Bob",
        "role": "annotator",
        "password": "12345678",
    }
    Api.of(made).request("POST", "/api/v1/users", "making a user", bob)
    yield made
    for user in made.users:
        if user.username.startswith("v1-") or user.username == "bob-of-old":
            user.delete()


def test_all_answers_and_users_come_over(client: Any, argilla_lite: ArgillaServer, tmp_path: Path) -> None:
    folder = folders.write_parquet(folders.write_settings(tmp_path / "my old data!"), folders.everything())
    report = import_version_1(client, folder, argilla_lite.workspace)
    assert (report.dataset, report.records, report.suggestions) == ("my-old-data", 3, 3)
    assert report.responses == {"submitted": 4, "draft": 1, "discarded": 1}
    assert {(one.username, one.made) for one in report.users} == {
        ("v1-a1a1a1a1", True),
        ("bob-of-old", False),
        ("v1-unknown-1", True),
        ("v1-unknown-2", True),
    }
    assert report.left_out == []

    dataset = client.datasets("my-old-data", workspace=argilla_lite.workspace)
    assert dataset.settings.guidelines == "Say what you think."
    records = {one.id: one for one in dataset.records(with_vectors=True)}
    first = records["r0"]
    said = {(one.question_name, str(one.user_id)): one.value for one in first.responses}
    assert said["label", ANN] == "good"
    assert said["label", BOB] == "bad"
    assert said["names", ANN] == [{"start": 0, "end": 3, "label": "PER"}]
    assert said["why", BOB] == "because"
    assert dict(first.metadata) == {"year": 2023, "place": "Oslo", "weight": 2.0, "more": ["a"]}
    assert first.vectors["place-vector"] == [0.5, 1.0]
    assert {one.question_name: one.agent for one in first.suggestions}["label"] == "a/model"
    stored = [one for page in Api.of(client).records(str(dataset.id), ["responses"]) for one in page]
    ranks = next(one["responses"] for one in stored if one["id"] == str(first._server_id))
    order = [one["values"]["order"]["value"] for one in ranks if "order" in one["values"]]
    assert order == [[{"value": "p", "rank": 2}, {"value": "q", "rank": 1}]]
    statuses = {str(one.user_id): one.status for one in records["v1-1"].responses}
    assert statuses[BOB] == "draft" and statuses[ANN] == "discarded"
    assert records["r2"].status == "pending"

    with pytest.raises(ArgillaError, match="There is a dataset 'my-old-data' already"):
        import_version_1(client, folder, argilla_lite.workspace)
    dataset.delete()


def test_what_argilla_refuses_leaves_no_dataset(
    client: Any, argilla_lite: ArgillaServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here a label of 300 characters, which version 1 allowed."""
    question = {"name": "label", "type": "label_selection", "labels": ["x" * 300, "y"]}
    settings = {**folders.SETTINGS, "questions": [question]}
    folder = folders.write_lines(folders.write_settings(tmp_path / "long", settings), [{"text": "a"}])
    with pytest.raises(ArgillaError, match=r"refused .* at most ") as caught:
        import_version_1(client, folder, argilla_lite.workspace, "long")
    assert "a copy of the folder" in caught.value.hint
    assert client.datasets("long", workspace=argilla_lite.workspace) is None


def test_only_an_owner_brings_users_along(client: Any, argilla_lite: ArgillaServer, tmp_path: Path) -> None:
    import argilla as rg

    user = rg.User(username="v1-admin", password="12345678", role="admin", client=client).create()
    user.add_to_workspace(client.workspaces(argilla_lite.workspace))
    key = next(
        one["api_key"]
        for one in client.http_client.get("/api/v1/users").json()["items"]
        if one["username"] == "v1-admin"
    )
    admin = rg.Argilla(api_url=argilla_lite.url, api_key=key)
    folder = folders.write_lines(folders.write_settings(tmp_path / "old"), folders.everything())
    with pytest.raises(ArgillaError, match="Only an owner"):
        import_version_1(admin, folder, argilla_lite.workspace)
    assert client.datasets("old", workspace=argilla_lite.workspace) is None
