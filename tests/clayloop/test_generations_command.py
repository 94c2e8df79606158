"""generations: from what people asked the bot to answers in Argilla."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from curation import ArgillaSettings, Home, Turn, connect_to_argilla, log_turns
from tests.clayloop.command import Command
from tests.curation.fake_endpoint import FakeEndpoint, fake_endpoint, says

if TYPE_CHECKING:
    from tests.argilla_lite.server import ArgillaServer

QUESTIONS = ("Where are my settings stored?", "How long must a kiln cool down?")


@pytest.fixture
def endpoint() -> Iterator[FakeEndpoint]:
    with fake_endpoint(
        says(lambda prompt: "In potter.toml." if "settings" in prompt else "Eight hours.")
    ) as it:
        yield it


@pytest.fixture
def asked(
    served: Command,
    argilla_lite: ArgillaServer,
    endpoint: FakeEndpoint,
    monkeypatch: pytest.MonkeyPatch,
) -> Command:
    """A release, and two questions that people asked it."""
    settings = ArgillaSettings(
        url=argilla_lite.url, api_key=SecretStr(argilla_lite.api_key), workspace="generations-command"
    )
    for name, value in {
        "CURATION__ARGILLA__URL": argilla_lite.url,
        "CURATION__ARGILLA__API_KEY": argilla_lite.api_key,
        "CURATION__ARGILLA__WORKSPACE": settings.workspace,
        "CURATION__LANGUAGE_MODEL__BASE_URL": endpoint.base_url,
    }.items():
        monkeypatch.setenv(f"CLAYLOOP_{name}", value)
    turns = [
        Turn(
            conversation_id=question,
            turn=0,
            question=question,
            answer="Perhaps.",
            release_id="r0001-00000000",
            created_at=datetime(2026, 11, 29, tzinfo=timezone.utc),
        )
        for question in QUESTIONS
    ]
    log_turns(connect_to_argilla(settings, Home(served.home)), settings, turns, None)
    return served


@pytest.mark.argilla
def test_two_models_answer_what_people_asked(asked: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    with fake_endpoint(says("Nobody knows.")) as other, fake_endpoint(says("no rating")) as judge:
        monkeypatch.setenv("CLAYLOOP_CURATION__JUDGE__BASE_URL", judge.base_url)
        arguments = ("generations", "--model", "mine", "--model", other.base_url, "--json")
        made = asked.well(*arguments).json
        assert (made["asked"], made["answered"], made["answered_differently"]) == (2, 2, 2)
        assert [(one["name"], one["added"]) for one in made["datasets"]] == [
            ("clayloop-generations", 4),
            ("clayloop-preferences", 2),
        ]
        count = len(other.requests), len(judge.requests)
        again = asked.well(*arguments).json["datasets"]
        assert [(one["added"], one["updated"], one["unchanged"]) for one in again] == [(0, 0, 4), (0, 0, 2)]
        # Once each to see whether they are there.
        assert (len(other.requests), len(judge.requests)) == (count[0] + 1, count[1] + 1)
        shown = asked.well(*arguments[:-1], "--limit", "1").out
        assert "answered differently" in shown and "clayloop-preferences" in shown


def test_what_is_compared_must_be_clear(clayloop: Command) -> None:
    for options in (
        ["--model", "a"] * 3,
        ["--model", "a", "--model", "b", "--release", "c", "--release", "d"],
    ):
        ended = clayloop("generations", *options)
        assert ended.code == 2
        assert "not clear which answers are to be compared" in ended.err


@pytest.mark.argilla
def test_a_model_that_is_not_there(asked: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAYLOOP_CURATION__LANGUAGE_MODEL__BASE_URL", "")
    for name, said in (
        ("other", "one model only, and no 'other'"),
        ("nowhere.gguf", "nowhere.gguf does not exist"),
        ("http://127.0.0.1:9/v1", "cannot be reached"),
    ):
        ended = asked("generations", "--model", name)
        assert ended.code in (2, 5)
        assert said in " ".join(ended.err.split())


def test_without_argilla_nothing_is_asked(
    clayloop: Command, endpoint: FakeEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAYLOOP_CURATION__LANGUAGE_MODEL__BASE_URL", endpoint.base_url)
    monkeypatch.setenv("CLAYLOOP_CURATION__ARGILLA__URL", "http://127.0.0.1:9")
    monkeypatch.setenv("CLAYLOOP_CURATION__ARGILLA__API_KEY", "owner.key")
    ended = clayloop("generations")
    assert ended.code == 4
    assert "Cannot reach Argilla" in ended.err
    assert endpoint.requests == []
