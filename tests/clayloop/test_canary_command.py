"""releases canary: begun, judged by visitors' thumbs, and ended."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Literal

import pytest
from pydantic import SecretStr

from curation import ArgillaSettings, Home, Turn, connect_to_argilla, log_turns
from tests.clayloop.command import Command

if TYPE_CHECKING:
    from tests.argilla_lite.server import ArgillaServer


def turn(release: str, number: int, thumb: Literal["up", "down"], refused: bool = False) -> Turn:
    return Turn(
        conversation_id=f"{release}-{number}",
        turn=0,
        question=f"How does part {number} of {release} work?",
        answer="Like this.",
        refused=refused,
        thumb=thumb,
        release_id=release,
        created_at=datetime.now(timezone.utc),
    )


@pytest.mark.argilla
def test_visitors_judge_a_candidate(
    served: Command, argilla_lite: ArgillaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ArgillaSettings(
        url=argilla_lite.url, api_key=SecretStr(argilla_lite.api_key), workspace="canary-command"
    )
    for name in ("url", "workspace"):
        monkeypatch.setenv(f"CLAYLOOP_CURATION__ARGILLA__{name.upper()}", str(getattr(settings, name)))
    monkeypatch.setenv("CLAYLOOP_CURATION__ARGILLA__API_KEY", argilla_lite.api_key)
    served.well("bootstrap", "--force")
    first, second = (one["id"] for one in served.well("releases", "--json").json)
    assert "No canary is running" in served("releases", "canary").err
    assert "is served to all already" in served("releases", "canary", second).err
    assert "no release r9999" in " ".join(served("releases", "canary", "r9999-00000000").err.split())
    log_turns(connect_to_argilla(settings, Home(served.home)), settings, [turn(first, 999, "down")], None)
    served.well("releases", "canary", first, "--share", "0.25")  # what was asked before does not count
    assert [one["canary"] for one in served.well("releases", "--json").json] == [0.25, None]
    assert "not known yet" in served.well("releases", "canary").out

    thumbs: list[tuple[str, Literal["up", "down"], int]] = [
        (first, "up", 9),
        (first, "down", 1),
        (second, "up", 4),
        (second, "down", 12),
    ]
    turns = [
        turn(release, number + 100 * (thumb == "up"), thumb, refused=thumb == "down" and number == 0)
        for release, thumb, count in thumbs
        for number in range(count)
    ]
    log_turns(connect_to_argilla(settings, Home(served.home)), settings, turns, None)
    found = served.well("releases", "canary", "--json").json
    assert {key: found["canary"][key] for key in ("asked", "refused", "up", "down")} == {
        "asked": 10,
        "refused": 1,
        "up": 9,
        "down": 1,
    }
    assert (found["served"]["asked"], found["served"]["up"], found["verdict"]) == (16, 4, "liked more")
    # By hand: the tables at least as unlikely as 9 + 1 beside 4 + 12, margins kept.
    assert found["p"] == pytest.approx(0.0036, abs=2e-4)
    assert "liked more" in served.well("releases", "canary").out
    votes = {f"{first} over {second}": 1, f"{second} over {first}": 9}
    mixed = [
        turn(second, 1000 + 100 * place + number, "up").model_copy(
            update={
                "conversation_id": f"{pair}-{number}",
                "rival": first,
                "drafted": (pair.split()[0], pair.split()[2]),
            }
        )
        for place, (pair, count) in enumerate(votes.items())
        for number in range(count)
    ]
    again = [one.model_copy(update={"turn": 1}) for one in mixed[:1]]
    log_turns(connect_to_argilla(settings, Home(served.home)), settings, [*mixed, *again], None)
    said = served.well("releases", "canary", first, "--interleave", "--binding").out
    assert "puts half of the passages into 10% of the conversations" in said
    found = served.well("releases", "canary", "--json").json
    assert (found["preferred"]["size"], found["preferred"]["estimate"]) == (10, 0.1)
    assert found["p"] == pytest.approx(22 / 1024, abs=1e-6) and found["verdict"] == "liked less"
    refused = served("releases", "promote", first)
    assert refused.code == 8 and "10% [0% to 45%] of 10 conversations" in " ".join(refused.err.split())
    assert [one["current"] for one in served.well("releases", "--json").json] == [False, True]
    served.well("releases", "canary", "--off")
    served.well("releases", "promote", first)
    assert [one["canary"] for one in served.well("releases", "--json").json] == [None, None]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("r0001-00000000", "--off"), "--off ends the canary, and an ID begins one"),
        (("r0001-00000000", "--off", "--share", "0.2"), "and an ID and --share begin one"),
        (("--binding", "--off"), "--off ends the canary, and --binding begins one"),
        (("--share", "0.2", "--interleave"), "--share and --interleave without the ID of a release"),
    ],
)
def test_options_that_contradict_each_other(clayloop: Command, options: tuple[str, ...], says: str) -> None:
    ended = clayloop("releases", "canary", *options)
    assert ended.code == 2
    assert says in " ".join(ended.err.split())
