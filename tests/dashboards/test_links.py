"""Numbers of the Annotation and the Loop page open exactly the records that they count."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

import pytest

from curation import DatasetName, DatasetProgress, Decision, Home, RecordLinks, Verdict, Vote, agreement_of
from dashboards.data.decided import Decided
from dashboards.data.feed import Feed
from dashboards.data.standing import Next, Standing
from tests.dashboards.test_pages import opened, said
from tests.training.material import make_chunks, triplet

ASKED = "is_positive_relevant"
DATASETS: tuple[DatasetName, ...] = ("chunks", "triplets", "conversations")
DECISION = triplet(make_chunks()[0], "Which?")


def suggested(number: int, is_shown: bool, answers: Sequence[str]) -> Decision:
    """A record to which "yes" was suggested, or held back, and what ada and then bob said."""
    guess = {
        "features": {},
        "probability": 0.9,
        "agent": "scorer",
        "shown": is_shown,
        "control": not is_shown,
    }
    votes = [
        Vote(question=ASKED, value=value, annotator=who, annotator_id=who, response_id=f"{number}-{who}")
        for who, value in zip(("ada", "bob"), answers, strict=False)
    ]
    metadata = {"signals": json.dumps({ASKED: guess})}
    return DECISION.model_copy(update={"record_id": f"{number:032x}", "votes": votes, "metadata": metadata})


def tell(monkeypatch: pytest.MonkeyPatch, page: str, decisions: Sequence[Decision]) -> None:
    """Let a page be told of them."""
    standing = Standing(
        people=decisions,
        simulated=[],
        days=[],
        next=Next("Go on."),
        agreement=agreement_of(decisions, [ASKED]),
        links=RecordLinks(addresses={name: f"http://{name}" for name in DATASETS}, finds_ids=True),
        decided=Decided(decisions),
    )
    rows = [DatasetProgress(name="ours", dataset="triplets", total=9, completed=5, pending=4)]
    standings, progress = Feed(lambda: [standing], 60, "a test"), Feed(lambda: rows, 60, "a test")
    assert standings.latest(30).items and progress.latest(30).items
    monkeypatch.setattr(f"dashboards.views.{page}.standing_feed", lambda _: standings)
    monkeypatch.setattr(f"dashboards.views.{page}.progress_feed", lambda _: progress)


def named(address: str) -> list[int]:
    """The numbers of the records that an address opens."""
    ids = unquote(address).split("search=")[1].removesuffix("~all").split("|")
    return sorted(int(one, 16) for one in ids)


def test_the_annotation_page(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where two people are counted for one record, which the address names once."""
    decisions = [
        suggested(1, True, ["yes", "yes"]),
        suggested(2, True, ["yes", "no"]),
        suggested(3, True, ["no"]),
        suggested(4, False, ["yes"]),
        suggested(5, False, ["yes", "no"]),
    ]
    tell(monkeypatch, "annotation", decisions)
    page = opened("annotation", home)

    def row(column: str) -> Any:
        return next(one.value for one in page.dataframe if column in one.value).iloc[0]

    made = row("Kept")
    assert (made["Kept"], named(made["Records kept"])) == (3, [1, 2])
    assert (made["Changed"], named(made["Records changed"])) == (2, [2, 3])
    assert made["Agreed with, unseen"] == "2 of 3"
    assert named(made["Records agreed with"]) == [4, 5]
    assert named(made["Records not agreed with"]) == [5]
    asked = row("Answered twice")
    assert (asked["Answered twice"], named(asked["Records twice"])) == (3, [1, 2, 5])
    assert (asked["Apart"], named(asked["Records"])) == (2, [2, 5])
    pair = row("People")
    assert (pair["Same"], named(pair["Records same"])) == ("1 of 3", [1])
    assert (pair["Apart"], named(pair["Records"])) == (2, [2, 5])
    buttons = {one.proto.label: one.proto.url for one in page.get("link_button")}
    assert named(buttons["Open the 5 answered"]) == [1, 2, 3, 4, 5]


def judged(number: int, dataset: DatasetName, verdict: Verdict) -> Decision:
    return DECISION.model_copy(update={"record_id": f"{number:032x}", "dataset": dataset, "verdict": verdict})


def test_the_picture_of_the_loop(copied: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decided and accepted count all datasets, and a link opens one: each has its own."""
    decisions = [
        judged(1, "chunks", "accepted"),
        judged(2, "triplets", "accepted"),
        judged(3, "triplets", "accepted"),
        judged(4, "triplets", "rejected"),
        judged(5, "conversations", "rejected"),
    ]
    tell(monkeypatch, "loop", decisions)
    page = opened("loop", copied)
    (picture,) = [one.proto.body for one in page.get("html") if "clay-flow" in one.proto.body]

    def links(station: str) -> tuple[int, dict[str, list[int]]]:
        """A station's count, and the records that each of its links opens."""
        box = re.search(rf"<div>{station}<b>(\d+)</b><small>(.*?)</small>", picture)
        assert box is not None
        found = re.findall(r'href="http://(\w+)\?(\S+)"[^>]*>([^<]+)<', box[2])
        assert all(place.startswith(words.split()[1]) for place, _, words in found)
        return int(box[1]), {words: named(address) for _, address, words in found}

    assert links("decided") == (5, {"1 chunk": [1], "3 triplets": [2, 3, 4], "1 conversation": [5]})
    assert links("accepted") == (3, {"1 chunk": [1], "2 triplets": [2, 3]})
    assert "at most 50 at once" in said(page)
