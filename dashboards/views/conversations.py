"""What visitors asked: how much, what the bot refused or got wrong, and what people wrote instead."""

from __future__ import annotations

from functools import partial

import altair as alt
import pandas as pd
import streamlit as st

from curation import Home
from dashboards.charts import COLOURS
from dashboards.data.feed import Feed
from dashboards.data.standing import Standing
from dashboards.escaping import one_line
from dashboards.feeds import standing_feed
from dashboards.handover import Handover
from dashboards.sections import PATIENCE, section, show_problem
from dashboards.wording import plural
from serving import LINEAGE_FILE, ReleaseStore, list_answers, open_questions

_KINDS = ("asked", "refused", "wrong")


def show(handover: Handover) -> None:
    """The whole page."""
    st.title("Conversations", anchor=False)
    home, every = handover.home, handover.dashboard.refresh_seconds
    section("Questions a day", every, partial(_days, standing_feed(handover)))
    section("Questions without a good source", every, partial(_gaps, home))
    section("Answers that people wrote", every, partial(_answers, home))


def _days(feed: Feed[Standing]) -> None:
    snapshot = feed.latest(PATIENCE)
    show_problem(snapshot)
    if not snapshot.items:
        return
    standing = snapshot.items[0]
    if not standing.week("asked") and not standing.week("asked", back=1):
        st.info("Nobody has asked anything for two weeks.")
        return
    lines = [(day.day.isoformat(), kind, getattr(day, kind)) for day in standing.days for kind in _KINDS]
    st.altair_chart(_chart(pd.DataFrame(lines, columns=["day", "kind", "questions"])))
    address = standing.addresses.get("conversations")
    if address:
        st.link_button("Judge them in Argilla", address, icon=":material/edit_note:")


def _chart(table: pd.DataFrame) -> alt.Chart:
    """Bars beside each other; the kinds differ in place, too, for those who do not see the colours."""
    return (
        alt.Chart(table)
        .mark_bar()
        .encode(
            x=alt.X("day:N", title="Day (UTC)", axis=alt.Axis(labelAngle=0, labelOverlap="greedy")),
            xOffset=alt.XOffset("kind:N", sort=[*_KINDS]),
            y=alt.Y("questions:Q", title="questions", axis=alt.Axis(tickMinStep=1)),
            color=alt.Color(
                "kind:N",
                title=None,
                scale=alt.Scale(domain=[*_KINDS], range=COLOURS),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=["day", "kind", "questions"],
        )
        .properties(height=260)
    )


def _gaps(home: Home) -> None:
    store = ReleaseStore(home)
    served = store.current_id()
    questions = open_questions(store.folder(served) / LINEAGE_FILE) if served else []
    if not questions:
        st.info("Nobody has judged a question that the documentation does not answer.")
        return
    st.caption(
        f"{plural(len(questions), 'question')} that people judged, newest first. `clayloop gaps` puts those "
        "together that mean the same."
    )
    rows = [{"Question": one_line(one.text), "How it showed": one.lack} for one in questions]
    st.dataframe(pd.DataFrame(rows), hide_index=True)


def _answers(home: Home) -> None:
    store = ReleaseStore(home)
    found = list_answers(store, home) if store.current_id() else []
    if not found:
        st.info("Nobody has written an answer that the served release knows.")
        return
    rows = [
        {
            "Question": one_line(one.question),
            "Answer": one_line(one.text),
            "By": one.role,
            "On": one.at,
            "State": f"{one.fate}, stale" if one.stale else one.fate,
            "Why": one_line(one.why),
        }
        for one in found
    ]
    on = st.column_config.DateColumn("On", format="YYYY-MM-DD")
    st.dataframe(pd.DataFrame(rows), hide_index=True, column_config={"On": on})
    st.caption("`clayloop answers off ID` takes one out of the next release.")
