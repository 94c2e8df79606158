"""The other pages: conversations, comparing, releases and runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from curation import ArgillaSettings, Home, Vote, agreement_of
from dashboards.data.compared import asked_both
from dashboards.data.feed import Feed
from dashboards.data.standing import Next, Standing
from dashboards.handover import LoopSettings, write_handover
from dashboards.settings import DashboardSettings
from serving import ReleaseStore
from tests.dashboards.state import add_release
from tests.training.material import make_chunks, serving, settings, triplet

CHUNKS = make_chunks()

SCRIPT = """
from pathlib import Path
from dashboards.handover import read_handover
from dashboards.views import {page}
{page}.show(read_handover(Path({path!r})))
"""


def opened(page: str, home: Home, host: str = "127.0.0.1") -> AppTest:
    """The page, on ``home``, with no Argilla configured."""
    loop = LoopSettings(training=settings(), serving=serving())
    board = DashboardSettings(refresh_seconds=60, host=host)
    path: Path = write_handover(home, board, ArgillaSettings(), loop)
    found = AppTest.from_string(SCRIPT.format(page=page, path=str(path)), default_timeout=60).run()
    assert not found.exception
    return found


def said(page: AppTest) -> str:
    kinds = ("title", "subheader", "markdown", "caption", "info", "warning")
    texts = [element.value for kind in kinds for element in getattr(page, kind)]
    return "\n".join(texts).replace("\\", "").replace("\u2060", "")


@pytest.mark.parametrize("page", ["conversations", "compare", "releases"])
def test_an_empty_home_says_what_is_missing(page: str, home: Home) -> None:
    assert opened(page, home).info


def test_how_far_people_agree(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    said = [("yes", "yes"), ("yes", "no"), ("no", "no"), ("yes", "yes")]
    decisions = [
        triplet(CHUNKS[number], "Which?", annotator="ada").model_copy(
            update={"votes": tuple(_vote(number, *one) for one in zip(("ada", "bob"), answers, strict=True))}
        )
        for number, answers in enumerate(said)
    ]
    agreement = agreement_of(decisions, ["is_positive_relevant"])
    standing = Standing(4, 0, [], Next("Go on."), agreement)
    feed = Feed(lambda: [standing], every=60, what="a test")
    monkeypatch.setattr("dashboards.views.annotation.standing_feed", lambda _: feed)
    tables = [table.value for table in opened("annotation", home).dataframe]
    assert tables[0]["Answered twice"].tolist() == [4]
    assert tables[0]["Alpha"][0] == pytest.approx(agreement.questions[0].alpha.value)
    assert tables[1]["As most others"].tolist() == ["3 of 4", "3 of 4"]


def _vote(number: int, person: str, value: str) -> Vote:
    return Vote(
        question="is_positive_relevant",
        value=value,
        annotator=person,
        annotator_id=person,
        response_id=f"{number}-{person}",
    )


def test_both_releases_are_asked(copied: Home) -> None:
    page = opened("compare", copied)
    page.text_input[0].set_value("How do I clean a lamp?").run()
    assert not page.exception
    for release in ReleaseStore(copied).ids():
        assert release in said(page)
    assert said(page).count("lamp.md") >= 2


def test_questions_that_both_were_asked_stand_with_their_change(copied: Home) -> None:
    store = ReleaseStore(copied)
    older, newer = store.ids()
    found = asked_both(copied, older, newer)
    assert found
    assert [abs(one.change) for one in found] == sorted((abs(one.change) for one in found), reverse=True)
    assert not asked_both(copied, newer, newer), "it was compared with another"
    table = opened("compare", copied).dataframe[0].value
    assert table["Question"].tolist() == [one.question for one in found]


def test_going_back_takes_two_clicks_and_is_in_the_log(copied: Home) -> None:
    store = ReleaseStore(copied)
    older, newer = store.ids()
    page = opened("releases", copied)
    page.selectbox(key="release to act on").select(older).run()
    page.button[0].click().run()
    assert store.current_id() == newer
    next(one for one in page.button if one.label == "Yes, serve it").click().run()
    assert not page.exception
    assert store.current_id() == older
    assert store.promotions.lines()[-1].release == older
    assert store.promotions.lines()[-1].is_by_hand


def test_a_damaged_release_is_not_served(copied: Home) -> None:
    store = ReleaseStore(copied)
    older, newer = store.ids()
    (store.folder(older) / "model" / "modules.json").write_text("[]")
    page = opened("releases", copied)
    page.selectbox(key="release to act on").select(older).run()
    page.button[0].click().run()
    next(one for one in page.button if one.label == "Yes, serve it").click().run()
    assert store.current_id() == newer
    assert older in said(page) and page.warning


def test_where_others_can_reach_it_nothing_can_be_changed(home: Home) -> None:
    add_release(home)
    add_release(home)
    page = opened("releases", home, host="0.0.0.0")  # noqa: S104 - this is the case
    page.selectbox(key="release to act on").select(ReleaseStore(home).ids()[0]).run()
    assert not page.button
    assert "no login" in said(page)


def test_what_the_documentation_lacks_is_listed(copied: Home) -> None:
    page = opened("conversations", copied)
    table = page.dataframe[0].value
    assert {"What about rain?", "What about snow?"} <= set(table["Question"])
