"""What visitors asked: how much, how fast and how well it was answered, and what the documentation lacks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from statistics import median, quantiles
from urllib.parse import quote

import pandas as pd
import streamlit as st

from curation import AskedTurn, Home, RecordLinks, read_calibration
from dashboards.charts import KINDS, days_chart
from dashboards.data.commands import read_topics
from dashboards.data.feed import Feed
from dashboards.data.loop_tables import answer_table, calibration_table, topic_table, turn_table
from dashboards.data.people_tables import decision_table
from dashboards.data.standing import Standing, links_of
from dashboards.escaping import plain
from dashboards.feeds import NEWEST, read_once, standing_feed, turns_feed
from dashboards.handover import Handover
from dashboards.sections import (
    OPEN,
    PATIENCE,
    choose_row,
    last_of,
    section,
    show_table,
)
from dashboards.wording import duration, plural
from serving import ReleaseStore, list_answers


def show(handover: Handover) -> None:
    """The whole page."""
    st.title("Conversations", anchor=False)
    home, every = handover.home, handover.dashboard.refresh_seconds
    section("Questions a day", every, partial(_days, standing_feed(handover)))
    section("The newest turns", every, partial(_turns, handover))
    section("Topics without good answers", every, partial(_gaps, handover))
    section("Answers that people wrote", every, partial(_answers, handover))
    section("May a judge be believed?", None, partial(_judge, home))


def _links(handover: Handover) -> RecordLinks:
    return links_of(standing_feed(handover).first(PATIENCE))


def _days(feed: Feed[Standing]) -> None:
    standing = next(iter(last_of(feed) or ()), None)
    if standing is None:
        return
    if not standing.week("asked") and not standing.week("asked", back=1):
        st.info("Nobody has asked anything for two weeks.")
        return
    lines = [(day.day.isoformat(), kind, getattr(day, kind)) for day in standing.days for kind in KINDS]
    st.altair_chart(days_chart(pd.DataFrame(lines, columns=["day", "kind", "questions"])))
    if address := standing.links.pending("conversations"):
        st.link_button("Judge them in Argilla", address, icon=":material/edit_note:")


def _turns(handover: Handover) -> None:
    turns = last_of(turns_feed(handover))
    if not turns:
        if turns is not None:
            st.info("Nobody has asked anything yet.")
        return
    standing = standing_feed(handover).first(PATIENCE)
    _figures(turns, standing)
    table = turn_table(turns, links_of(standing))
    seconds = st.column_config.NumberColumn("Seconds", format="%.1f")
    ids, found = [one.record_id for one in turns], {one.record_id: one for one in turns}
    chosen = choose_row("turn", table, ids, {"Seconds": seconds, "Records": OPEN})
    if chosen in found:
        _turn(handover, found[chosen], standing)
    elif chosen:
        place = links_of(standing).records("conversations", [chosen])
        st.caption(
            f"Turn {plain(chosen)} is not among the newest {NEWEST}."
            + (f" [Open it in Argilla]({place})" if place else "")
        )
    else:
        st.caption("Choose a row to see its answer, its release, and the decisions behind it.")


def _figures(turns: Sequence[AskedTurn], standing: Standing | None) -> None:
    taken = [one.seconds for one in turns]
    slow = quantiles(taken, n=20, method="inclusive")[-1] if len(taken) > 1 else taken[0]
    rated = [one.thumb for one in turns if one.thumb]
    cells = st.columns(5)
    cells[0].metric("Newest turns", f"{len(turns):,}", border=True)
    cells[1].metric("Refused", f"{sum(one.refused for one in turns):,}", border=True)
    thumbs = f"{rated.count('up')} / {rated.count('down')}"
    cells[2].metric("Thumbs up / down", thumbs, border=True)
    sourced = sum(one.sources > 0 for one in turns if not one.refused)
    answered = sum(not one.refused for one in turns)
    cells[3].metric(
        "Answers with sources",
        f"{sourced:,} of {answered:,}",
        border=True,
        help="What a model writes is shown by whole sentences that hold to these sources.",
    )
    cells[4].metric("Typical time", duration(median(taken)), border=True, help=f"95%: {duration(slow)}")
    if standing is not None:
        out = [one for one in standing.decided.every if one.values.get("out_of_guardrails") == "yes"]
        told = f"{plural(len(out), 'answer')} out of the ordinary (guardrails), as people judged."
        place = standing.opened(out, "conversations")
        st.caption(told + (f" [Open]({place})" if place else ""))


def _turn(handover: Handover, turn: AskedTurn, standing: Standing | None) -> None:
    with st.container(border=True):
        st.markdown(f"**{plain(turn.question, 1_000)}**")
        st.text(turn.answer[:4_000])
        st.caption(f"Answered by [{plain(turn.release)}](releases?release={quote(turn.release, safe='')})")
        behind = _behind(turn, standing)
        if behind is None or behind.empty:
            st.caption("Nobody has decided anything about its first source.")
        else:
            st.markdown("Decided about its first source:")
            show_table(behind, {"Records": OPEN})


def _behind(turn: AskedTurn, standing: Standing | None) -> pd.DataFrame | None:
    """What was decided about the first source of its answer."""
    if standing is None or not turn.chunk_id:
        return None
    return decision_table(standing, lambda one: turn.chunk_id in (one.chunk_id, one.record_id))


def _gaps(handover: Handover) -> None:
    served = ReleaseStore(handover.home).current_id()
    if served is None:
        st.info("Nothing is served.")
        return
    key, read = f"{handover.root} {served}", partial(read_topics, handover)
    topics = read_once(key, read, "Topics without answers", "Putting together what means the same…")
    if topics:
        show_table(topic_table(topics, _links(handover)), {"Records": OPEN})
    elif topics is not None:
        st.info("Nobody has judged a question that the documentation does not answer.")


def _answers(handover: Handover) -> None:
    store = ReleaseStore(handover.home)
    found = list_answers(store, handover.home) if store.current_id() else []
    if not found:
        st.info("Nobody has written an answer that the served release knows.")
        return
    on = st.column_config.DateColumn("On", format="YYYY-MM-DD")
    show_table(answer_table(found, _links(handover)), {"On": on, "Records": OPEN})
    st.caption("`clayloop answers off ID` takes one out of the next release.")


def _judge(home: Home) -> None:
    """How far a language model's verdicts are those of people."""
    found = read_calibration(home)
    if found is None:
        st.caption(
            "No language model has judged what people decided: `clayloop calibrate` asks the one of "
            "[curation.judge], and says how often it agrees, before anybody trusts it."
        )
        return
    st.caption(f"{plain(found.judge)}, asked on {found.at:%Y-%m-%d}: its verdicts beside people's.")
    number = {name: st.column_config.NumberColumn(name, format="%.2f") for name in ("Alpha", "From", "To")}
    show_table(calibration_table(found), number)
