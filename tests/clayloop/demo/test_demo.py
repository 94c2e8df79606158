"""The demo itself, once round, with real parts but for the language model."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clayloop.demo import needs
from clayloop.demo.needs import Need
from tests.clayloop.command import Command
from tests.curation.fake_endpoint import FakeRequest, fake_endpoint, says, streams

if TYPE_CHECKING:
    from tests.argilla_lite.server import ArgillaServer

pytestmark = [pytest.mark.argilla, pytest.mark.slow]

NEEDS = [
    Need(_id="p1", a="why did my pot break in two?", b="crack in the clay", paths=("faq.md",)),
    Need(_id="p2", a="what makes a pot blue?", b="colour with cobalt", paths=("guide/glazes.md",)),
    Need(_id="p3", a="how hot does it fire?", b="degrees for earthenware", paths=("guide/kilns.md",)),
    Need(_id="p4", a="how do I get it with pip?", b="install on windows", paths=("guide/install.md",)),
    Need(_id="x1", a="who was the last emperor?", b="emperors of Rome", paths=("rome.md",)),
]


def reply(request: FakeRequest) -> None:
    if request.body.get("stream"):
        streams(["It says ", "so there."])(request)
    elif "## Positive" in request.prompt:
        name = re.findall(r"[a-z]{5,}", request.prompt)[-1]
        says(f"## Positive\nWhat do I do about {name}?\n\n## Negative\nWho invented {name}?")(request)
    else:
        says("- tell me about it")(request)


def test_one_turn(
    clayloop: Command,
    pottery: Path,
    argilla_lite: ArgillaServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(needs, "load_needs", lambda: NEEDS)
    target = tmp_path / "demo.json"
    with fake_endpoint(reply) as endpoint:
        for name, value in {
            "CURATION__ARGILLA__URL": argilla_lite.url,
            "CURATION__ARGILLA__API_KEY": argilla_lite.api_key,
            "CURATION__ARGILLA__WORKSPACE": f"demo-{abs(hash(tmp_path))}",
            "CURATION__ARGILLA__TRIPLETS": "demo-triplets",
            "CURATION__ARGILLA__CHUNKS": "demo-chunks",
            "CURATION__ARGILLA__CONVERSATIONS": "demo-conversations",
            "CURATION__LANGUAGE_MODEL__BASE_URL": endpoint.base_url,
        }.items():
            monkeypatch.setenv(f"CLAYLOOP_{name}", value)
        ended = clayloop.well(
            *("demo", "--source", str(pottery), "--sample", "2", "--exit", "--json", str(target))
        )
    told = json.loads(target.read_text(encoding="utf-8"))

    assert [visit["question"] for visit in told["visitors"]] == [NEEDS[0].a, NEEDS[2].a]
    assert all("**1.**" in visit["answer"] for visit in told["visitors"]), "the passages themselves"
    assert told["conversations"] == 2, "Argilla had both conversations when the annotator came"
    assert told["affirmed"] == 2
    assert told["release_before"]

    # Nothing is made up: the shares are those of what the bot showed.
    assert [found["need"] for found in told["before"]] == ["p1", "p2", "p3", "p4"], "Rome is not documented"
    for name, ids in {"annotated": {"p1", "p3"}, "others": {"p2", "p4"}}.items():
        shown = [[one for one in told[stage] if one["need"] in ids] for stage in ("before", "after")]
        gain = told["asked_again"][name]
        assert gain["right_first"] == [sum(one["right"] == 1 for one in stage) / 2 for stage in shown]
        assert gain["right_among"] == [sum(one["right"] > 0 for one in stage) / 2 for stage in shown]
    assert told["asked_again"]["annotated"]["right_among"][0] > 0
    assert {one["release"] for one in told["before"]} == {told["release_before"]}
    assert {one["release"] for one in told["after"]} == {told["release_after"]}
    assert "Asked again in other words" in ended.out
