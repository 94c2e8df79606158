"""The other pages: what they show, and what they lead to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from urllib.parse import unquote

import pytest
from streamlit.testing.v1 import AppTest

from curation import (
    AskedTurn,
    Decision,
    Home,
    RecordLinks,
    ReleaseTraffic,
    Vote,
    agreement_of,
    write_json,
)
from dashboards.data.commands import read_topics
from dashboards.data.compared import asked_both
from dashboards.data.decided import Decided
from dashboards.data.feed import Feed, Snapshot
from dashboards.data.funnel import read_funnel
from dashboards.data.map import read_map, standings
from dashboards.data.people_tables import annotator_table, answered_by
from dashboards.data.quality import read_means, read_quality
from dashboards.data.releases import state_of_releases
from dashboards.data.runs import state_of_runs
from dashboards.data.standing import Next, Standing
from dashboards.handover import write_handover
from serving import Canary, ReleaseStore
from tests.dashboards.state import add_release, add_run, gate, told
from tests.training.material import conversation, make_chunks, triplet
from training import GateSettings, judge_canary, read_comparison

CHUNKS = make_chunks()
EVIL = "[a](javascript:alert(1)) <b>"
SCRIPT = """
from pathlib import Path
from dashboards.acting import show_sign_in
from dashboards.handover import read_handover
from dashboards.views import {page}
handover = read_handover(Path({path!r}))
show_sign_in(handover)
{page}.show(handover)
"""


def opened(
    page: str,
    home: Home,
    host: str = "127.0.0.1",
    accounts: Mapping[str, str] | None = None,
    address: Mapping[str, str] | None = None,
) -> AppTest:
    """The page, on ``home``, with no Argilla configured. ``address``: what its address says after the ?."""
    path = write_handover(told(home, host=host, accounts=dict(accounts or {})))
    found = AppTest.from_string(SCRIPT.format(page=page, path=str(path)), default_timeout=60)
    for name, value in (address or {}).items():
        found.query_params[name] = value
    found.run()
    assert not found.exception
    return found


def press(page: AppTest, label: str) -> AppTest:
    next(one for one in page.button if one.label == label).click().run()
    assert not page.exception
    return page


def said(page: AppTest) -> str:
    kinds = ("title", "subheader", "markdown", "caption", "info", "warning")
    texts = [element.value for kind in kinds for element in getattr(page, kind)]
    return "\n".join(texts).replace("\\", "").replace("\u2060", "")


@pytest.mark.parametrize("page", ["annotation", "conversations", "data", "loop", "releases", "retrieval"])
def test_an_empty_home_says_what_is_missing(page: str, home: Home) -> None:
    found = opened(page, home)
    assert found.info or found.warning


@pytest.fixture
def two_people(monkeypatch: pytest.MonkeyPatch) -> Standing:
    """Four records that two people answered, one of them differently, as every page is told."""
    said = [("yes", "yes"), ("yes", "no"), ("no", "no"), ("yes", "yes")]
    decisions = [
        triplet(CHUNKS[number], "Which?", annotator="ada").model_copy(
            update={
                "record_id": f"{number:032x}",
                "values": {},
                "votes": tuple(_vote(number, *one) for one in zip(("ada", "bob"), answers, strict=True)),
            }
        )
        for number, answers in enumerate(said)
    ]
    standing = Standing(
        people=decisions,
        simulated=[],
        days=[],
        next=Next("Go on."),
        agreement=agreement_of(decisions, ["is_positive_relevant"]),
        links=RecordLinks(addresses={"triplets": "http://argilla/dataset/1/annotation-mode"}, finds_ids=True),
        decided=Decided(decisions),
    )
    feed = Feed(lambda: [standing], every=60, what="a test")
    for page in ("annotation", "data", "loop", "retrieval", "conversations"):
        monkeypatch.setattr(f"dashboards.views.{page}.standing_feed", lambda _: feed)
    return standing


def test_how_far_people_agree(home: Home, two_people: Standing) -> None:
    page = opened("annotation", home)
    asked = next(table.value for table in page.dataframe if "Alpha" in table.value)
    assert asked["Answered twice"].tolist() == [4]
    assert two_people.agreement is not None
    assert asked["Alpha"][0] == pytest.approx(two_people.agreement.questions[0].alpha.value)
    pairs = next(table.value for table in page.dataframe if "People" in table.value)
    assert pairs["Same"].tolist() == ["3 of 4"]
    people = next(table.value for table in page.dataframe if "As most others" in table.value)
    assert people["As most others"].tolist() == ["3 of 4", "3 of 4"]
    assert people["Apart"].tolist() == [1, 1]
    # The one on which they differ, and nothing else, is what the numbers lead to.
    apart = f"search={1:032x}~all"
    conflicts = next(table.value for table in page.dataframe if "Who said what" in table.value)
    assert conflicts["Who said what"].tolist() == ["is_positive_relevant: ada yes, bob no"]
    for table in (asked, pairs, people, conflicts):
        assert unquote(table["Records"][0]).endswith(apart)
    assert "1 record; 1 of them wait for a reviewer" in said(page)


def test_a_number_counts_the_records_of_the_dataset_that_it_opens(two_people: Standing) -> None:
    """Somebody is apart from others in two datasets; a link opens one."""
    elsewhere = [
        one.model_copy(update={"record_id": f"{name}{one.record_id}", "dataset": "chunks"})
        for one in two_people.people
        for name in ("a", "b")
    ]
    links = RecordLinks(addresses={name: f"http://{name}" for name in ("chunks", "triplets")}, finds_ids=True)
    both = replace(two_people, decided=Decided([*two_people.people, *elsewhere]), links=links)
    found = annotator_table(both)
    assert found["Apart"].tolist() == [2, 2]
    assert found["Apart in"].tolist() == ["chunks", "chunks"]
    assert found["Records"][0].startswith("http://chunks?")
    assert unquote(answered_by(both, "ada", "triplets")).count("|") == 3
    assert answered_by(both, "nobody", "triplets") == ""


def turn(name: str) -> AskedTurn:
    """What somebody asked."""
    return AskedTurn(
        record_id=f"turn-{name}",
        day="2026-11-30",
        question=name,
        answer=f"the answer to {name}",
        release=f"r0001-00000000) {EVIL}",
        refused=False,
        sources=1,
        seconds=0.2,
        thumb="",
        verdict="",
        chunk_id="",
    )


def test_an_old_number_says_how_old_it_is(
    home: Home, two_people: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Argilla answers, but slowly."""
    since = datetime.now(timezone.utc) - timedelta(minutes=5)
    found = Snapshot(items=[two_people], taken_at=since, told="Reading answered triplets: 5 of 9 records.")
    feed = Feed(lambda: [two_people], every=60, what="a test")
    monkeypatch.setattr("dashboards.views.annotation.standing_feed", lambda _: feed)
    assert "What follows was read" not in said(opened("annotation", home))
    monkeypatch.setattr(feed, "latest", lambda patience=0.0: found)
    told = "What follows was read 5 min ago. Reading answered triplets: 5 of 9 records."
    assert said(opened("annotation", home)).count(told) == 1


def _vote(number: int, person: str, value: str) -> Vote:
    return Vote(
        question="is_positive_relevant",
        value=value,
        annotator=person,
        annotator_id=person,
        response_id=f"{number}-{person}",
    )


def test_both_releases_are_asked(copied: Home) -> None:
    """By the command line: no model is loaded into the page's process."""
    page = opened("retrieval", copied)
    page.text_input[0].set_value("How do I clean a lamp?").run(timeout=300)
    assert not page.exception
    for release in ReleaseStore(copied).ids():
        assert release in said(page)
    assert said(page).count("lamp.md") >= 2, said(page)


def test_releases_have_intervals_by_kind_and_slices(copied: Home) -> None:
    older, newer = ReleaseStore(copied).ids()
    found = read_quality(copied, newer, GateSettings())
    assert found is not None
    asked = read_comparison(ReleaseStore(copied).folder(newer) / "evaluation.json").holdout
    full = asked.candidate[max(asked.candidate)]
    values = [full.questions[one.id]["ndcg@10"] for one in asked.questions]
    whole = found.after[0]
    assert (whole.kind, whole.questions) == ("all", len(values))
    assert whole.value == pytest.approx(sum(values) / len(values))
    assert whole.low <= whole.value <= whole.high
    assert sum(one.questions for one in found.after[1:]) == len(values)
    means = read_means(copied, [older, newer], GateSettings())
    assert {(one.release, one.own) for one in means} == {(older, False), (newer, True)}
    assert found.slices
    page = opened("retrieval", copied)
    assert "Matryoshka" in said(page)


def test_the_map_has_every_chunk_and_keeps_its_places(copied: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    served = ReleaseStore(copied).current_id() or ""
    points = read_map(copied, served)
    assert {one.id for one in points if one.what == "chunk"} == {one.id for one in CHUNKS}
    monkeypatch.setattr("dashboards.data.map._projected", None)
    assert read_map(copied, served) == points, "it is not made again"
    became = standings([conversation(CHUNKS[0], "Why?", "rejected"), triplet(CHUNKS[0], "Which?")])
    assert became == {CHUNKS[0].id: "wrong"}


def test_the_funnel_counts_what_the_release_was_made_of(copied: Home, decisions: list[Decision]) -> None:
    found = read_funnel(copied)
    counts = dict(found.stages)
    assert counts["chunks"] == len(CHUNKS)
    assert counts["decisions in the served release"] == len(decisions)
    kept = sum(count for _, count in found.kept)
    assert kept + sum(one.count for one in found.dropped) == len(decisions)
    page = opened("data", copied)
    assert "What decisions became" in said(page)


def test_questions_that_both_were_asked_stand_with_their_change(copied: Home) -> None:
    store = ReleaseStore(copied)
    older, newer = store.ids()
    found = asked_both(copied, older, newer)
    assert found
    assert [abs(one.change) for one in found] == sorted((abs(one.change) for one in found), reverse=True)
    assert not asked_both(copied, newer, newer), "it was compared with another"
    tables = [table.value for table in opened("retrieval", copied).dataframe]
    table = next(one for one in tables if "Change" in one and "Question" in one)
    assert table["Question"].tolist() == [one.question for one in found]


def test_addresses_lead_to_what_they_name_or_say_that_it_is_gone(copied: Home, home: Home) -> None:
    older, newer = ReleaseStore(copied).ids()
    run = ReleaseStore(copied).current().run_id or ""
    page = opened("releases", copied, address={"release": older, "run": run})
    assert (page.selectbox(key="the release").value, page.selectbox(key="the run").value) == (older, run)
    assert "any more" not in said(page)
    page = opened("releases", copied, address={"release": "r0099-00000000", "run": EVIL})
    assert page.selectbox(key="the release").value == newer
    assert "r0099-00000000 is not there any more." in said(page) and f"{EVIL} is not there" in said(page)
    assert "](" not in "".join(one.value for one in page.caption)
    page.selectbox(key="the release").select(older).run()
    assert "r0099" not in said(page), "another was chosen"
    asked = {"newer": newer, "older": older, "question": "How do I clean a lamp?"}
    page = opened("retrieval", copied, address=asked)
    assert said(page).count("lamp.md") >= 2, "the question is asked again"


def test_a_turn_stays_chosen_while_others_come(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def arrived(*names: str) -> None:
        feed = Feed(lambda: [turn(name) for name in names], every=60, what="turns")
        assert feed.latest(30).items
        monkeypatch.setattr("dashboards.views.conversations.turns_feed", lambda _: feed)

    arrived("first", "second")
    page = opened("conversations", home, address={"turn": "turn-second"})
    assert [one.value for one in page.text] == ["the answer to second"]
    arrived("newest", "newest", "first", "second")  # one record twice, as a feed may have it
    assert [one.value for one in page.run().text] == ["the answer to second"]
    assert page.session_state["rows of turn"]["selection"]["rows"] == [3]
    assert "](javascript" not in "".join(one.value for one in page.caption)
    arrived("newest")
    assert "Turn turn-second is not among the newest" in said(page.run())


@pytest.mark.parametrize("page", ["releases", "retrieval"])
def test_what_cannot_be_read_leaves_the_page(page: str, copied: Home) -> None:
    (copied.releases / "current").write_text("nothing")
    assert not opened(page, copied).exception


def test_a_page_is_drawn_anew_when_a_release_or_a_run_comes(home: Home) -> None:
    seen = [(state_of_runs(home, 5), state_of_releases(home))]
    release = add_release(home, promote=False)
    seen.append((state_of_runs(home, 5), state_of_releases(home)))
    ReleaseStore(home).promote(release.id)
    seen.append((state_of_runs(home, 5), state_of_releases(home)))
    add_run(home)
    seen.append((state_of_runs(home, 5), state_of_releases(home)))
    assert all(before != after for before, after in pairwise(seen))


def test_the_verdict_its_guards_and_the_report_are_read_in_the_page(home: Home) -> None:
    run = add_run(home, outcome="rejected")
    write_json(run.folder / "judge" / "gate.json", gate())
    (run.folder / "report.html").write_text("<!doctype html>")
    page = opened("releases", home)
    assert "Verdict: superior · 1 guard failed" in [one.label for one in page.expander]
    assert any("hard to tell apart" in table.value.to_string() for table in page.dataframe)
    assert len(page.get("download_button")) == 1
    (run.folder / "judge" / "gate.json").write_text("{")
    (run.folder / "report.html").chmod(0)
    assert not opened("releases", home).exception, "an unreadable report costs nothing else"


def test_a_canary_is_shown_with_what_visitors_say(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    other, served = add_release(home), add_release(home)
    assert "of the conversations" not in said(opened("releases", home))
    since = datetime(2026, 11, 30, tzinfo=timezone.utc)
    ReleaseStore(home).marks.set_canary(Canary(release=other.id, share=0.1, since=since))
    traffic = [
        ReleaseTraffic(release=other.id, asked=40, refused=4, up=9, down=1),
        ReleaseTraffic(release=served.id, asked=50, refused=20, up=4, down=12),
    ]
    found = Feed(lambda: [judge_canary(*traffic)], 60, "canary")
    assert found.latest(30).items
    monkeypatch.setattr("dashboards.views.releases.canary_feed", lambda handover: found)
    page = opened("releases", home)
    assert f"{other.id} answers 10% of the conversations" in said(page)
    assert "liked more (Fisher's exact test, p = 0.00)" in said(page)
    shown = next(one.value for one in page.dataframe if "Of them up" in one.value)
    assert shown["Of them up"].str.startswith(("90%", "25%")).all()
    assert shown["Refused"].str.startswith(("10%", "40%")).all()
    binding = Canary(release=other.id, share=0.1, since=since, binding=True)
    ReleaseStore(home).marks.set_canary(binding)
    against = Feed(lambda: [judge_canary(*traffic, votes=(1, 9))], 60, "canary")
    assert against.latest(30).items
    for feed, is_held in ((found, False), (against, True)):
        monkeypatch.setattr("dashboards.views.releases.canary_feed", lambda handover, feed=feed: feed)
        page = opened("releases", home)
        page.selectbox(key="the release").select(other.id).run()
        assert [one.disabled for one in page.button if one.label == f"Serve {other.id}"] == [is_held]
    (home.releases / "marks.json").write_text("{")
    assert "marks.json is damaged" in said(opened("releases", home))


def test_topics_without_answers_and_a_judge(copied: Home) -> None:
    page = opened("conversations", copied)
    assert "clayloop calibrate" in said(page)
    topics = read_topics(told(copied))
    asked = [question for topic in topics for question in topic.examples]
    assert {"What about rain?", "What about snow?"} <= set(asked)


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [(0.01, 0.09, ":green["), (-0.09, -0.01, ":red["), (-0.01, 0.09, ""), (0, 0.1, "")],
)
def test_the_verdict_is_coloured_only_where_its_interval_excludes_0(
    copied: Home, low: float, high: float, shown: str
) -> None:
    run = ReleaseStore(copied).current().run_id or ""
    write_json(copied.runs / run / "judge" / "gate.json", gate(low, high))
    path = write_handover(told(copied))
    script = SCRIPT.replace("dashboards.views", "dashboards").format(page="page", path=str(path))
    page = AppTest.from_string(script, default_timeout=60).run()
    (verdict,) = [one.value for one in page.markdown if "Promoted" in one.value]
    assert verdict.startswith(shown or "Promoted")


def test_of_the_first_release_no_comparison_is_missed(copied: Home) -> None:
    store = ReleaseStore(copied)
    store.promote(store.ids()[0])
    script = SCRIPT.replace("dashboards.views", "dashboards")
    page = AppTest.from_string(
        script.format(page="page", path=str(write_handover(told(copied)))), default_timeout=60
    ).run()
    assert any("The first release" in one.value for one in page.caption)


@pytest.mark.parametrize("page", ["conversations", "data", "loop", "releases", "retrieval"])
def test_what_cannot_be_read_costs_no_part_of_a_page(copied: Home, page: str) -> None:
    run = copied.runs / (ReleaseStore(copied).current().run_id or "")
    for path in (copied.ingest_report, copied.root / "calibration.json", run / "judge" / "gate.json"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\xff{")
    (run / "report.html").unlink()
    (run / "report.html").mkdir()
    shown = said(opened(page, copied))
    assert "This part of the page failed" not in shown
    damaged = {"data": "report.json", "conversations": "calibration.json"}.get(page, "")
    assert damaged in shown
