"""The loop: the way round with its numbers, what a retrain would do, the run at work, and the last ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from functools import partial
from urllib.parse import quote
from uuid import uuid4

import streamlit as st

from curation import MOST_NAMED, StateError
from dashboards.acting import Act, show_act
from dashboards.asking import is_retraining, retrain_act, retrain_obstacle
from dashboards.data.actions import note_action
from dashboards.data.commands import dry_run
from dashboards.data.feed import Telling
from dashboards.data.flow import flow_of
from dashboards.data.frames import run_frame, step_frame
from dashboards.data.loop_tables import dry_run_table
from dashboards.data.progress import AtWork, at_work
from dashboards.data.runs import RunRow, read_run, read_runs
from dashboards.escaping import plain, with_commands
from dashboards.feeds import progress_feed, read_once, standing_feed
from dashboards.flow_picture import flow_picture
from dashboards.handover import Handover
from dashboards.sections import last_of, section, show_notice, show_table
from dashboards.wording import duration
from training import STEPS, drop_run, stop_run

LAST_RUNS = 20
_UNFINISHED = ("interrupted", "failed")
_WANTED = "a dry run is wanted"


def show(handover: Handover) -> None:
    """The whole page."""
    st.title("The loop", anchor=False)
    every = handover.dashboard.refresh_seconds
    section("The way round", every, partial(_flow, handover))
    section("The next retrain", every, partial(_next, handover))
    section("Runs", every, partial(_runs, handover))


def _flow(handover: Handover) -> None:
    standing, progress = last_of(standing_feed(handover)), progress_feed(handover).latest()
    stations = flow_of(handover.home, next(iter(standing or ()), None), progress.items or ())
    st.html(flow_picture(stations))
    st.caption("Annotators decide; a retrain learns from what they accepted; visitors' turns come back.")
    if any(address for one in stations for _, address in one.parts):
        st.caption(f"Below a number its records in Argilla, by dataset: at most {MOST_NAMED} at once.")


def _next(handover: Handover) -> None:
    standing = standing_feed(handover).first()
    if standing is not None and standing.would and not is_retraining(handover):
        st.markdown(f"The watcher would do now: {with_commands(standing.would)}")
    show_act(handover, retrain_act(handover), retrain_obstacle(handover))
    if st.button("Dry run", icon=":material/preview:", help="What would be learned and dropped; nothing is."):
        st.session_state[_WANTED] = uuid4().hex
    if wanted := st.session_state.get(_WANTED):
        _dry_run(handover, wanted)


def _dry_run(handover: Handover, wanted: str) -> None:
    telling = Telling()
    read = partial(dry_run, handover, telling.say)
    runs = read_once(wanted, read, "The dry run", "Preparing, as a retrain would…", telling=telling)
    if not runs:
        return
    found = runs[0]
    st.markdown(f"**{plain(found.verdict, 600)}**")
    st.caption(
        f"{found.new:,} new decisions, {found.withdrawn:,} taken back; {found.holdout_questions:,} questions "
        f"held out, {found.chunks:,} chunks in the index."
    )
    show_table(dry_run_table(found))


def _runs(handover: Handover) -> None:
    home = handover.home
    view = read_runs(home, LAST_RUNS)
    for damaged in view.damaged.values():
        show_notice(damaged.message, damaged.hint)
    if not view.rows:
        st.info("No retrain has run yet: annotate, then retrain.", icon=":material/model_training:")
        return
    now = datetime.now(timezone.utc)
    for row in view.rows:
        if row.running:
            _running(handover, at_work(home, row, view.rows, now))
        elif row.outcome in _UNFINISHED and row is view.rows[0]:
            _unfinished(handover, row)
    _table(view.rows)


def _running(handover: Handover, found: AtWork) -> None:
    row, task = found.row, found.task
    since = duration((datetime.now(timezone.utc) - row.started_at).total_seconds())
    step = f", step {found.step} of {len(STEPS)}: **{plain(row.current.name)}**" if row.current else ""
    left = "" if found.seconds_left is None else f", about {duration(found.seconds_left)} left"
    st.info(f"{plain(row.id)} is running{step}, for {since}{left}.", icon=":material/model_training:")
    if task is not None and task.share is not None:
        words = f"{plain(task.what)}: {task.done:,} of {task.total:,} {plain(task.unit)}"
        st.progress(task.share, words)
    elif task is not None:
        st.caption(plain(task.what))

    def do(who: str) -> None:
        if not stop_run(handover.home, row.id, who):
            raise StateError(f"{row.id} was asked to stop already, or nobody works on it any more.")
        note_action(handover.home, who, "stopped a run", row.id)

    effect = "Its process ends. What its finished steps wrote stays: go on with it or drop it afterwards."
    show_act(handover, Act(f"Stop {row.id}", effect, "Yes, stop it", do, icon=":material/stop:"))


def _unfinished(handover: Handover, row: RunRow) -> None:
    at = f" at the step {plain(row.current.name)}" if row.current else ""
    why = f": {plain(row.current.note)}" if row.current and row.current.note else ""
    st.warning(
        f"{plain(row.id)} {row.outcome}{at}{why}. The next retrain goes on where it was, if nothing that it "
        "depends on has changed.",
        icon=":material/pause:",
    )

    def do(who: str) -> None:
        now = read_run(handover.home, row.id)
        if now is not None and now.outcome in _UNFINISHED:  # else another click came first
            drop_run(handover.home, row.id, who)
            note_action(handover.home, who, "dropped a run", row.id)

    effect = "What it wrote is removed; its record and log stay. The next retrain begins anew."
    show_act(handover, Act(f"Drop {row.id}", effect, "Yes, drop it", do, icon=":material/delete:"))


def _table(rows: Sequence[RunRow]) -> None:
    text = st.column_config.TextColumn
    columns = {
        "Run": text("Run", width=170),
        "Started": st.column_config.DatetimeColumn("Started", width=120, format="YYYY-MM-DD HH:mm"),
        "Outcome": text("Outcome", width=100),
        "Duration": text("Duration", width=85),
        "Change": text(
            "Change", width=170, help="Candidate − served release on the held-out questions, and its interval"
        ),
        "Release": text("Release", width=115),
        "Verdict": text("Verdict", width=560),
    }
    table = run_frame(rows)
    table.insert(1, "Why", [f"releases?run={quote(row.id)}" for row in rows])
    columns["Why"] = st.column_config.LinkColumn("Why", display_text="read", width=60)
    show_table(table, columns)
    if rows[0].steps:
        with st.expander(f"Steps of {plain(rows[0].id)}"):
            show_table(step_frame(rows[0].steps), {"What it did": text("What it did", width="large")})
