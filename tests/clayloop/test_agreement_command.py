"""`clayloop agreement` and `clayloop decisions`, over decisions that were made up."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest
from typer.testing import CliRunner

from clayloop.cli import agreement
from clayloop.cli.app import app
from curation import Decision, Verdict, Vote, content_id

START = datetime(2026, 11, 20, 8, 0, tzinfo=timezone.utc)


def decided(number: int, verdict: Verdict, *values: str) -> Decision:
    said = [
        Vote(
            question="good_chunk",
            value=value,
            annotator=name,
            annotator_id=f"id-{name}",
            response_id=f"{number}-{name}",
            at=START + timedelta(seconds=15 * number),
        )
        for name, value in zip(("ann", "bob"), values, strict=False)
    ]
    return Decision(
        record_id=f"{number:0<32}",
        dataset="chunks",
        values={},
        votes=tuple(said),
        agreement=1.0,
        verdict=verdict,
        reason="made up",
        fields={"chunk": f"Chunk {number}"},
    )


@pytest.fixture(autouse=True)
def _made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    made = [
        *(decided(number, "accepted", "yes", "yes") for number in range(4)),
        decided(4, "rejected", "no", "no"),
        decided(5, "undecided", "yes", "no"),
        decided(6, "accepted", "yes"),
    ]
    copy = decided(4, "rejected", "yes")
    vote = copy.votes[0].model_copy(update={"annotator": "cleo", "annotator_id": "id-cleo"})
    own = copy.record_id[:24]
    gold_id = own + content_id("gold", own)[:8]
    gold = copy.model_copy(update={"record_id": gold_id, "votes": (vote,)})
    monkeypatch.setattr(agreement, "_answers", lambda context: (made, [gold]))


def told(*arguments: str, columns: int = 200) -> str:
    done = CliRunner().invoke(app, list(arguments), env={"COLUMNS": str(columns)}, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_agreement_is_told_per_question_and_annotator() -> None:
    found = json.loads(told("agreement", "--json"))
    (question,) = found["questions"]
    assert (question["answers"], question["alpha"]["records"]) == (13, 6)
    assert 0 < question["alpha"]["value"] < 1
    ann, bob, cleo = found["annotators"]
    assert (cleo["records"], cleo["gold"], cleo["gold_right"], ann["gold"]) == (0, 1, 0, 0)
    assert (ann["records"], ann["compared"], ann["agreed"], ann["seconds"]) == (7, 6, 5, 15.0)
    assert (bob["records"], bob["agreed"]) == (6, 5)
    text = told("agreement")
    assert "curation.argilla.overlap" in text
    assert "5 of 6" in text and "0 of 1" in text


def test_decisions_say_who_said_what_and_why() -> None:
    found = json.loads(told("decisions", "--verdict", "undecided", "--json"))
    (one,) = found
    assert [(vote["annotator"], vote["value"]) for vote in one["votes"]] == [("ann", "yes"), ("bob", "no")]
    assert (one["verdict"], one["reason"], one["about"]) == ("undecided", "made up", "Chunk 5")
    text = told("decisions", "--annotator", "bob", "--most", "2")
    assert "7 decisions: 5 accepted, 1 rejected, 1 undecided" in text
    assert "4 more" in text
    narrow = told("decisions", columns=80)
    assert all(
        word in narrow for word in ("ann: good_chunk = yes", "accepted: made up", "Chunk 3", "00000000")
    )
    wrong = CliRunner().invoke(app, ["decisions", "--verdict", "perhaps"])
    assert wrong.exit_code == 2
