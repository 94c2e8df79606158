"""Releases and runs: go back to an earlier release, read what a run found, and see who did what."""

from __future__ import annotations

import base64
from datetime import datetime, timezone
from functools import partial

import pandas as pd
import streamlit as st

from curation import Home
from dashboards.acting import Act, show_act
from dashboards.data.actions import note_action, read_actions
from dashboards.data.frames import guard_frame
from dashboards.data.loop_tables import action_table, canary_table, release_table
from dashboards.data.releases import ReleaseRow, read_releases
from dashboards.data.runs import RunRow, read_runs, state_of_runs
from dashboards.escaping import one_line, plain
from dashboards.feeds import canary_feed
from dashboards.handover import Handover
from dashboards.sections import PATIENCE, choose, last_of, renew, section, show_notice, show_table
from dashboards.wording import plural
from serving import CARD_FILE, Canary, ReleaseStore
from training import RunStore, explain_release

_RUNS = 50
_ACTIONS = 100
_LOG_LINES = 200
_REPORT_HEIGHT = 900
_MEASURED = "On its own run's questions; of one that no run made, on those of the run that replaced it"
_SHARE = 0.1  # of the conversations, for a canary
_EFFECT = (
    "The bot answers from it within seconds. Retraining goes on from it, once somebody decides something new."
)


def show(handover: Handover) -> None:
    """The whole page."""
    st.title("Releases and runs", anchor=False)
    every = handover.dashboard.refresh_seconds
    section("Releases", every, partial(_releases, handover))
    section("", every, partial(_canary, handover))
    section("What a run found", None, partial(_run, handover.home))
    renew(every, partial(state_of_runs, handover.home, _RUNS))
    section("Who did what", every, partial(_actions, handover.home))


def _releases(handover: Handover) -> None:
    view = read_releases(handover.home)
    for notice in (*view.damaged.values(), *([view.pointer] if view.pointer else [])):
        show_notice(notice.message, notice.hint)
    rows = [*reversed(view.rows)]
    if not rows:
        st.info("There is no release yet: `clayloop bootstrap` makes the first.")
        return
    columns = {
        "Made": st.column_config.DatetimeColumn("Made", format="YYYY-MM-DD HH:mm"),
        "NDCG@10": st.column_config.NumberColumn("NDCG@10", format="%.3f", help=_MEASURED),
    }
    show_table(release_table(rows), columns)
    known = {row.id: row for row in rows}
    chosen = known[choose("A release", "release", [*known], 0)]
    if chosen.served:
        st.caption("The bot serves it now.")
    else:
        _promote(handover, chosen)
    _made_of(handover.home, chosen)
    if not chosen.served:
        _begin_canary(handover, chosen)


def _canary(handover: Handover) -> None:
    """What visitors say of the canary, if one is running."""
    running = ReleaseStore(handover.home).marks.read().canary
    if running is None:
        return
    st.markdown(
        f"**{plain(running.release)} {running.does} {running.share:.0%} of the conversations** since "
        f"{running.since:%Y-%m-%d %H:%M} UTC."
    )
    for found in last_of(canary_feed(handover)) or ():
        show_table(canary_table(found))
        st.caption(f"{found.words} It is served to all above, like any other release.")
    effect = "The served release answers all conversations again, within a second."
    end = partial(_end_canary, handover.home, running.release)
    label = f"End the canary {running.release}"
    show_act(handover, Act(label, effect, "Yes, end it", end, icon=":material/stop:"))


def _begin_canary(handover: Handover, row: ReleaseRow) -> None:
    if _is_canary(ReleaseStore(handover.home), row.id):
        return
    effect = (
        f"It answers {_SHARE:.0%} of the conversations, in the place of any other canary, until you end it; "
        "`clayloop releases canary` has other shares."
    )
    begin = partial(_try, handover.home, row.id)
    label = f"Try {row.id} on some visitors"
    show_act(handover, Act(label, effect, "Yes, begin", begin, icon=":material/science:"))


def _try(home: Home, release: str, who: str) -> None:
    store = ReleaseStore(home)
    if _is_canary(store, release):  # another click came first
        return
    note_action(home, who, "began a canary", release)
    store.begin_canary(Canary(release=release, share=_SHARE, since=datetime.now(timezone.utc)))


def _end_canary(home: Home, release: str, who: str) -> None:
    store = ReleaseStore(home)
    if _is_canary(store, release):  # else it was ended, or another one begun, meanwhile
        note_action(home, who, "ended the canary", release)
        store.marks.end_canary(release)


def _is_canary(store: ReleaseStore, release: str) -> bool:
    running = store.marks.read().canary
    return running is not None and running.release == release


def _promote(handover: Handover, row: ReleaseRow) -> None:
    def do(who: str) -> None:
        store = ReleaseStore(handover.home)
        if store.served_id() != row.id:  # else another click came first
            store.promote(row.id, who=who)

    act = Act(f"Serve {row.id}", _EFFECT, "Yes, serve it", do, icon=":material/history:")
    show_act(handover, act, _visitors_against(handover, row.id))


def _visitors_against(handover: Handover, release: str) -> str:
    """Why a binding canary may not be served to all, if so."""
    if ReleaseStore(handover.home).binding_canary(release) is None:
        return ""
    said = canary_feed(handover).latest(PATIENCE).items
    found = next((one for one in said or () if one.canary.release == release), None)
    if found is None:
        return "What visitors say of this canary is not known yet: Argilla has not answered."
    return found.words if found.verdict == "liked less" else ""


def _made_of(home: Home, row: ReleaseRow) -> None:
    """What it was made of, and its model card."""
    store = ReleaseStore(home)
    with st.expander(f"What {plain(row.id)} was made of"):
        found = explain_release(store, row.id)
        fates = ", ".join(f"{count:,} {fate}" for fate, count in found.fates.items())
        st.caption(f"{plural(found.decisions, 'decision')}{': ' if fates else ''}{plain(fates)}")
        lines = [
            {"Annotator": one_line(name), "Became": fate, "Decisions": count}
            for name, fates_of in found.annotators.items()
            for fate, count in fates_of.items()
        ]
        if lines:
            show_table(pd.DataFrame(lines))
    card = store.folder(row.id) / CARD_FILE
    if card.is_file():
        with st.expander(f"Model card of {plain(row.id)}"):
            st.code(card.read_text(encoding="utf-8"), language=None, wrap_lines=True)


def _run(home: Home) -> None:
    runs = read_runs(home, _RUNS).rows
    if not runs:
        st.info("No run has judged a candidate yet.")
        return
    known = {row.id: row for row in runs}
    newest = next((place for place, row in enumerate(runs) if row.report is not None), 0)
    row = known[choose("Run", "run", [*known], newest, format_func=partial(_run_name, known))]
    st.caption(plain(row.verdict, 600))
    if row.gate is not None and row.gate.guards:
        failed = sum(not guard.passed for guard in row.gate.guards)
        word = f" · {plural(failed, 'guard')} failed" if failed else ""
        with st.expander(f"Verdict: {plain(row.gate.verdict)}{word}", expanded=bool(failed)):
            wide = st.column_config.TextColumn("Figures", width="large")
            show_table(guard_frame(row.gate.guards), {"Figures": wide})
    _log(home, row)
    if row.report is None:
        return
    report = row.report.read_bytes()
    st.download_button("Report of the run", report, f"{row.id}.html", "text/html", on_click="ignore")
    # As a data address it is of another origin: whatever is in it cannot reach this page.
    address = base64.b64encode(report).decode()
    st.iframe(f"data:text/html;charset=utf-8;base64,{address}", height=_REPORT_HEIGHT)


def _log(home: Home, row: RunRow) -> None:
    path = RunStore(home).folder(row.id) / "run.log"
    if path.is_file():
        with st.expander("Its log"):
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:]
            st.code("\n".join(lines), language=None, wrap_lines=True)


def _run_name(runs: dict[str, RunRow], run: str) -> str:
    newest = f" (newest of {plural(len(runs), 'run')})" if run == next(iter(runs)) else ""
    return f"{run}: {runs[run].outcome.replace('-', ' ')}{newest}"


def _actions(home: Home) -> None:
    found = read_actions(home, _ACTIONS)
    if not found:
        st.info("Nobody has done anything yet.")
        return
    when = st.column_config.DatetimeColumn("When", format="YYYY-MM-DD HH:mm:ss")
    show_table(action_table(found), {"When": when})
