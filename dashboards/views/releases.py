"""Releases and runs: go back to an earlier release, and read what a run found."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import partial

import pandas as pd
import streamlit as st

from curation import ClayloopError, Home
from dashboards.data.notice import Notice, notice_of
from dashboards.data.releases import ReleaseRow, read_releases
from dashboards.data.runs import RunRow, read_runs
from dashboards.escaping import one_line, plain
from dashboards.handover import Handover
from dashboards.launch import LOOPBACK_NAMES
from dashboards.sections import section, show_notice
from dashboards.wording import plural
from serving import CARD_FILE, ReleaseStore

_CONFIRMING = "promoting"
_TROUBLE = "trouble with promoting"
_RUNS = 50
_REPORT_HEIGHT = 900


def show(handover: Handover) -> None:
    """The whole page."""
    st.title("Releases and runs", anchor=False)
    home, on_loopback = handover.home, handover.dashboard.host in LOOPBACK_NAMES
    section("Releases", handover.dashboard.refresh_seconds, partial(_releases, home, on_loopback))
    section("What a run found", None, partial(_report, home))


def _releases(home: Home, on_loopback: bool) -> None:
    view = read_releases(home)
    for notice in (*view.damaged.values(), *([view.pointer] if view.pointer else [])):
        show_notice(notice.message, notice.hint)
    rows = [*reversed(view.rows)]
    if not rows:
        st.info("There is no release yet: `clayloop bootstrap` makes the first.")
        return
    table = pd.DataFrame(
        [
            {
                "Release": row.id,
                "Served": "served" if row.served else "",
                "Made": row.created_at,
                "From": one_line(row.run_id or "the base model"),
                "Chunks": row.chunks,
                "NDCG@10": row.metrics.get("ndcg@10"),
                "Questions": row.evaluation.questions,
            }
            for row in rows
        ]
    )
    columns = {
        "Made": st.column_config.DatetimeColumn("Made", format="YYYY-MM-DD HH:mm"),
        "NDCG@10": st.column_config.NumberColumn("NDCG@10", format="%.3f", help="On its own run's questions"),
    }
    st.dataframe(table, hide_index=True, column_config=columns)
    chosen = st.selectbox("A release", rows, format_func=lambda row: row.id, key="release to act on")
    _promote(home, chosen, on_loopback)
    card = ReleaseStore(home).folder(chosen.id) / CARD_FILE
    if card.is_file():
        with st.expander(f"Model card of {plain(chosen.id)}"):
            st.code(card.read_text(encoding="utf-8"), language=None, wrap_lines=True)


def _promote(home: Home, row: ReleaseRow, on_loopback: bool) -> None:
    trouble: Notice | None = st.session_state.get(_TROUBLE)
    if trouble is not None:
        show_notice(trouble.message, trouble.hint)
    if row.served:
        st.caption("The bot serves it now.")
    elif not on_loopback:
        st.caption(
            "This page can be reached from other machines and has no login, so it only shows: "
            f"`clayloop releases promote {plain(row.id)}`."
        )
    elif st.session_state.get(_CONFIRMING) == row.id:
        with st.container(border=True):
            st.markdown(f"**Serve {plain(row.id)}?**")
            st.caption(
                "The bot answers from it within seconds. Retraining goes on from it, once somebody decides "
                "something new. It is written to the log of promotions."
            )
            yes, no, _ = st.columns([2, 1, 6])
            yes.button("Yes, serve it", type="primary", on_click=partial(_serve, home, row), width="stretch")
            no.button("No", key="do not serve it", on_click=partial(_confirm, ""), width="stretch")
    else:
        st.button(f"Serve {plain(row.id)}", icon=":material/history:", on_click=partial(_confirm, row.id))


def _confirm(release: str) -> None:
    st.session_state[_CONFIRMING] = release
    st.session_state.pop(_TROUBLE, None)


def _serve(home: Home, row: ReleaseRow) -> None:
    _confirm("")
    store = ReleaseStore(home)
    try:
        store.verify(row.id)
        store.promote(row.id)
    except (ClayloopError, OSError) as error:
        st.session_state[_TROUBLE] = notice_of(error, f"Promoting {row.id}")


def _report(home: Home) -> None:
    runs = [row for row in read_runs(home, _RUNS).rows if row.report is not None]
    if not runs:
        st.info("No run has judged a candidate yet.")
        return
    row = st.selectbox("Run", runs, format_func=partial(_run_name, runs), key="run to read about")
    if row.report is not None:
        st.caption(plain(row.verdict, 600))
        # As a data address it is of another origin: whatever is in it cannot reach this page.
        report = base64.b64encode(row.report.read_bytes()).decode()
        st.iframe(f"data:text/html;charset=utf-8;base64,{report}", height=_REPORT_HEIGHT)


def _run_name(runs: Sequence[RunRow], row: RunRow) -> str:
    newest = f" (newest of {plural(len(runs), 'run')})" if row is runs[0] else ""
    return f"{row.id}: {row.outcome.replace('-', ' ')}{newest}"
