"""The first row: every figure is what the decisions, the traffic and the served release say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import unquote

from curation import SIMULATED_ANNOTATOR, DayTraffic, Decision, Home, RecordLinks
from dashboards.data.standing import Standing, standing_of
from tests.dashboards.state import told
from tests.training.material import accepted_triplets, conversation, make_chunks, triplet

CHUNKS = make_chunks()
LINKS = RecordLinks(
    addresses={
        "triplets": "http://argilla/dataset/1/annotation-mode",
        "conversations": "http://argilla/dataset/2/annotation-mode",
    },
    finds_ids=True,
)
TODAY = date(2026, 11, 29)


def traffic(asked: Sequence[int], refused: Sequence[int]) -> list[DayTraffic]:
    """One for each of the last days, oldest first."""
    days = [TODAY - timedelta(days=back) for back in reversed(range(len(asked)))]
    return [
        DayTraffic(day=day, asked=one, refused=other)
        for day, one, other in zip(days, asked, refused, strict=True)
    ]


def stands(home: Home, decisions: Sequence[Decision], min_accepted: int = 20) -> Standing:
    found = traffic([1] * 7 + [2] * 7, [0] * 13 + [1])
    given = told(home)
    loop = given.loop.model_copy(update={"min_accepted": min_accepted})
    return standing_of(given.model_copy(update={"loop": loop}), decisions, found, LINKS)


def test_people_and_the_simulated_annotator_are_counted_apart(served: Home) -> None:
    decisions = [
        triplet(CHUNKS[0], "Which lamp?", annotator="ada"),
        triplet(CHUNKS[1], "Which kettle?", annotator=SIMULATED_ANNOTATOR),
        triplet(CHUNKS[2], "What is for dinner?", "rejected", annotator="ada"),
    ]
    found = stands(served, decisions)
    assert (len(found.people), len(found.simulated)) == (2, 1)
    assert found.next.retrain, "what is decided goes into the index"


def test_weeks_are_the_last_seven_days_and_the_seven_before(served: Home) -> None:
    wrong = conversation(CHUNKS[0], "How?", "rejected")
    wrong = wrong.model_copy(update={"metadata": {**wrong.metadata, "day": TODAY.isoformat()}})
    undated = conversation(CHUNKS[0], "When?", "rejected")
    found = stands(served, [wrong, undated])
    assert [found.week(kind) for kind in ("asked", "refused", "wrong")] == [14, 1, 1]
    assert [found.week(kind, back=1) for kind in ("asked", "refused", "wrong")] == [7, 0, 0]


def test_enough_decisions_make_a_retrain_due(served: Home) -> None:
    found = stands(served, accepted_triplets(CHUNKS)[:4], min_accepted=4)
    assert found.next.retrain
    assert "4 accepted decisions wait to be trained on" in found.next.words


def test_what_the_served_release_has_is_not_new(retrained: Home, decisions: list[Decision]) -> None:
    late = triplet(CHUNKS[5], "Which stove is it?", annotator="ada")
    found = stands(retrained, [*decisions, late])
    assert (len(found.people), len(found.simulated)) == (1, 0)

    found = stands(retrained, decisions)
    assert (len(found.people), len(found.simulated)) == (0, 0)
    assert found.next.words.startswith("2 wrong answers without a source")
    asked = unquote(found.next.address).split("search=")[1]
    assert asked == "turn-What about rain?|turn-What about snow?~all"


def test_without_a_release_it_says_how_to_make_one(tmp_path: Path) -> None:
    found = stands(Home(tmp_path / "nothing"), [])
    assert "clayloop bootstrap" in found.next.words
    assert (len(found.people), len(found.simulated)) == (0, 0)
