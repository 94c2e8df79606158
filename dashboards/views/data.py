"""Data: the funnel from documents to examples, what was dropped on the way and why, and what was read."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pandas as pd
import streamlit as st

from curation import Home, read_ingest_report
from dashboards.charts import funnel_chart
from dashboards.data.funnel import read_funnel
from dashboards.data.loop_tables import dropped_table
from dashboards.data.standing import links_of
from dashboards.escaping import one_line, plain
from dashboards.feeds import read_once, standing_feed
from dashboards.handover import Handover
from dashboards.sections import OPEN, section, show_table
from dashboards.wording import plural
from serving import ReleaseStore

_MOST = 500  # rows of a table


def show(handover: Handover) -> None:
    """The whole page."""
    st.title("Data", anchor=False)
    section("From documents to examples", handover.dashboard.refresh_seconds, partial(_funnel, handover))
    section("Documents", None, partial(_documents, handover.home))


def _funnel(handover: Handover) -> None:
    home, served = handover.home, ReleaseStore(handover.home).current_id()
    changed = home.documents.stat().st_mtime_ns if home.documents.exists() else 0
    key = f"{handover.root} {served} {changed}"
    funnels = read_once(key, lambda: [read_funnel(home)], "The funnel", "Counting…", 2.0)
    if not funnels:
        return
    found = funnels[0]
    st.altair_chart(funnel_chart(pd.DataFrame(found.stages, columns=["stage", "count"])))
    if found.kept:
        st.markdown(
            "**What decisions became:** " + ", ".join(f"{count:,} {name}" for name, count in found.kept)
        )
    if not found.dropped:
        st.caption("No decision was dropped.")
        return
    st.markdown("**What nothing is learned from**")
    st.caption("Near duplicates, contradictions, and what filters and policies left out, with examples.")
    links = links_of(standing_feed(handover).first())
    show_table(dropped_table(found.dropped, links), {"Records": OPEN})


def _documents(home: Home) -> None:
    report = read_ingest_report(home)
    if report is None:
        st.info("No ingest has said what it read: `clayloop ingest SOURCE` does.")
        return
    st.caption(
        f"The last ingest: {plural(report.documents, 'document')}, {plural(report.chunks, 'chunk')}; "
        f"{report.added:,} chunks new, {report.removed:,} gone."
    )
    read = [
        {
            "Source": one_line(one.source),
            "Documents": one.documents,
            "Passed over": one.passed_over,
            "Pages at": one_line(one.pages),
        }
        for one in report.read
    ]
    show_table(pd.DataFrame(read))
    for remark in report.remarks:
        st.caption(plain(remark, 600))
    _listed("Passed over", [(one.path, one.reason) for one in report.skipped], "Why")
    _listed(
        "Not included", [(one.where, f"{one.target}: {one.reason}") for one in report.not_included], "Why"
    )
    met = [(one.name, f"{one.times:,} times, first at {one.first}") for one in report.unknown]
    _listed("Markup that no reader knows (its text is kept)", met, "Where")


def _listed(title: str, rows: Sequence[tuple[str, str]], second: str) -> None:
    if not rows:
        return
    more = f", the first {_MOST}" if len(rows) > _MOST else ""
    with st.expander(f"{title}: {len(rows):,}{more}"):
        lines = [{"What": one_line(what), second: one_line(told)} for what, told in rows[:_MOST]]
        show_table(pd.DataFrame(lines))
