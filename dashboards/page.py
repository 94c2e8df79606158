"""The first page: how the loop stands, the served release, annotation progress, scores, the last runs.

The only thing that it changes is a request for a retrain (`dashboards.asking`). Each section is a Streamlit
fragment of its own: it refreshes alone, and when it fails the others go on. Text from outside goes through
`dashboards.escaping.plain` where Streamlit reads Markdown; a grid shows it as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from functools import partial

import streamlit as st

from curation import Home
from dashboards.asking import show_asking
from dashboards.charts import score_chart
from dashboards.data.annotation import DatasetRow
from dashboards.data.feed import Feed
from dashboards.data.frames import (
    COUNTS,
    annotator_frame,
    dimension_frame,
    guard_frame,
    run_frame,
    score_frame,
    step_frame,
)
from dashboards.data.releases import ReleaseRow, ReleasesView, read_releases
from dashboards.data.runs import RunRow, read_runs
from dashboards.data.services import read_services
from dashboards.escaping import plain
from dashboards.feeds import progress_feed, standing_feed
from dashboards.handover import Handover
from dashboards.launch import LOOPBACK_NAMES
from dashboards.loop import show_loop
from dashboards.sections import PATIENCE, section, show_notice, show_problem
from dashboards.wording import age, duration, plural
from training import STEPS

# The page refreshes every few seconds, and Streamlit's "running" sign would blink in its corner.
STYLE = "<style>[data-testid='stStatusWidget'] { display: none; }</style>"
LAST_RUNS = 20
LINKS = (
    ("argilla", "Annotate in Argilla", ":material/edit_note:"),
    ("bot", "Talk to the bot", ":material/forum:"),
)


def show(handover: Handover) -> None:
    """The whole page."""
    home, every = handover.home, handover.dashboard.refresh_seconds
    st.html(STYLE)
    _header(home)
    section("The loop", every, partial(show_loop, home, standing_feed(handover)))
    section("Served release", every, partial(_served, home))
    section("Annotation", every, partial(_annotation, progress_feed(handover)))
    section("Retrieval quality", every, partial(_quality, home))
    section("Retrain runs", every, partial(_runs, home, handover.dashboard.host in LOOPBACK_NAMES))


def _header(home: Home) -> None:
    title, *places = st.columns([6, *[2] * len(LINKS)], vertical_alignment="bottom")
    title.title("clayloop", anchor=False)
    title.caption("People annotate, the retriever learns, the bot gets better.")
    services = read_services(home)
    for place, (service, label, icon) in zip(places, LINKS, strict=True):
        if service in services:
            place.link_button(label, services[service], icon=icon, width="stretch")


def _served(home: Home) -> None:
    view = read_releases(home)
    if view.pointer:
        show_notice(view.pointer.message, view.pointer.hint)
    for damaged in view.damaged.values():
        show_notice(damaged.message, damaged.hint)
    row = view.served
    if row is None:
        if not view.pointer and not view.damaged:
            st.info(
                "Nothing is served yet. `clayloop ingest SOURCE` reads your documentation, then "
                "`clayloop bootstrap` makes the first release from it.",
                icon=":material/rocket_launch:",
            )
        return
    now = datetime.now(timezone.utc)
    cells = st.columns([3, 2, 2, 2, 2])
    cells[0].metric("Release", plain(row.id), help=_origin(row), border=True, height="stretch")
    cells[1].metric("Made", age(row.created_at, now), border=True, height="stretch")
    cells[2].metric("Chunks", f"{row.chunks:,}", border=True, height="stretch")
    cells[3].metric("Training examples", f"{row.examples:,}", border=True, height="stretch")
    _score_cell(cells[4], row)
    st.caption(f"Base model {plain(row.model)} · {row.dimension} dimensions{_counts(row)}")


def _score_cell(cell: st.delta_generator.DeltaGenerator, row: ReleaseRow) -> None:
    score, before = row.metrics.get("ndcg@10"), row.before("ndcg@10")
    if score is None:
        cell.metric(
            "NDCG@10",
            "–",
            help="Not evaluated: a first release has no holdout yet.",
            border=True,
            height="stretch",
        )
    elif before is None:
        cell.metric("NDCG@10", f"{score:.3f}", border=True, height="stretch")
    else:
        cell.metric(
            "NDCG@10",
            f"{score:.3f}",
            f"{score - before:+.3f}",
            delta_color="off",  # the first row says whether that is a sure change
            help=f"{plain(row.parent or 'The release before')} scored {before:.3f} on the same "
            f"{plural(row.evaluation.questions, 'held-out question')}.",
            border=True,
            height="stretch",
        )


def _annotation(feed: Feed[DatasetRow]) -> None:
    snapshot = feed.latest(PATIENCE)
    show_problem(snapshot)
    if snapshot.items is None:
        return
    if not any(dataset.exists for dataset in snapshot.items):
        st.info(
            "Argilla holds no dataset of ours yet. `clayloop push` creates "
            "them from the chunks and triplets.",
            icon=":material/cloud_upload:",
        )
        return
    for place, dataset in zip(st.columns(len(snapshot.items)), snapshot.items, strict=True):
        with place.container(border=True, height="stretch"):
            _dataset(dataset)
    people = annotator_frame(snapshot.items)
    if people.empty:
        st.caption("Nobody has annotated yet.")
        return
    share = st.column_config.ProgressColumn(
        "Share of the dataset",
        help="Submitted responses / records",
        format="%.0f%%",
        min_value=0,
        max_value=100,
    )
    counts = {name: st.column_config.NumberColumn(name, format="localized") for name in COUNTS}
    st.dataframe(people, hide_index=True, column_config={**counts, "Share": share})


def _dataset(dataset: DatasetRow) -> None:
    st.markdown(f"**{plain(dataset.title)}**")
    if not dataset.exists:
        st.caption("Not in Argilla yet: `clayloop push` creates it.")
        return
    done = f"{dataset.completed:,} of {plural(dataset.total, 'record')} completed"
    st.progress(dataset.share, done if dataset.total else "No records yet")
    st.caption(f"{dataset.pending:,} pending · {plain(dataset.name)}")


def _quality(home: Home) -> None:
    view = read_releases(home)
    scores = score_frame(view.rows)
    if scores.empty:
        st.info(
            "No release has been evaluated yet. Annotate some triplets in Argilla, then run "
            "`retrain-from-annotations`: it trains a candidate and compares it with the served release.",
            icon=":material/monitoring:",
        )
        return
    chart, table = st.columns([3, 2], gap="large")
    with chart:
        st.altair_chart(score_chart(scores))
        st.caption(
            "Each release is scored on the questions that its run held out. They grow in number with the "
            "annotations: neighbours compare better than releases far apart."
        )
    with table:
        _dimensions(view)


def _dimensions(view: ReleasesView) -> None:
    evaluated = [row for row in reversed(view.rows) if row.evaluation.after]
    row = view.served if view.served in evaluated else next(iter(evaluated), None)
    if row is None:
        st.caption("No release says how it scores per Matryoshka dimension.")
        return
    st.markdown(f"**Per Matryoshka dimension** · {plain(row.id)}")
    number = partial(st.column_config.NumberColumn, format="%.3f")
    keeps = st.column_config.NumberColumn("Keeps", format="%.1f%%", help="Of the full dimension's NDCG@10")
    columns = {name: number(name) for name in ("NDCG@10", "MRR@10", "Recall@10")}
    st.dataframe(dimension_frame(row), hide_index=True, column_config={**columns, "Keeps": keeps})


def _runs(home: Home, on_loopback: bool) -> None:
    view = read_runs(home, LAST_RUNS)
    show_asking(home, view.rows, on_loopback)
    for damaged in view.damaged.values():
        show_notice(damaged.message, damaged.hint)
    if not view.rows:
        if not view.damaged:
            st.info(
                "No retrain has run yet. When annotations are in, run `retrain-from-annotations`.",
                icon=":material/model_training:",
            )
        return
    for row in view.rows:
        if row.running:
            _running(row)
    columns = {
        "Run": st.column_config.TextColumn("Run", width=170),
        "Started": st.column_config.DatetimeColumn("Started", width=120, format="YYYY-MM-DD HH:mm"),
        "Outcome": st.column_config.TextColumn("Outcome", width=100),
        "Duration": st.column_config.TextColumn("Duration", width=85),
        "Change": st.column_config.TextColumn(
            "Change",
            width=170,
            help="Candidate − served release on the held-out questions, with its interval",
        ),
        "Release": st.column_config.TextColumn("Release", width=115),
        "Verdict": st.column_config.TextColumn("Verdict", width=560),
    }
    st.dataframe(run_frame(view.rows), hide_index=True, column_config=columns)
    last = view.rows[0]
    _gate(next((row for row in view.rows if row.gate or row.report), last))
    if last.steps:
        with st.expander(f"Steps of {plain(last.id)}"):
            wide = st.column_config.TextColumn("What it did", width="large")
            st.dataframe(step_frame(last.steps), hide_index=True, column_config={"What it did": wide})


def _gate(row: RunRow) -> None:
    """The last verdict's guards, and the run's report to take away: a page here could not open a file."""
    if row.gate is not None and row.gate.guards:
        failed = sum(not guard.passed for guard in row.gate.guards)
        word = f" · {plural(failed, 'guard')} failed" if failed else ""
        with st.expander(f"Verdict of {plain(row.id)}: {plain(row.gate.word)}{word}", expanded=bool(failed)):
            wide = st.column_config.TextColumn("Figures", width="large")
            st.dataframe(guard_frame(row.gate.guards), hide_index=True, column_config={"Figures": wide})
    if row.report is not None:
        st.download_button(
            "Report of the run",
            row.report.read_bytes(),
            file_name=f"{row.id}.html",
            mime="text/html",
            icon=":material/description:",
            help="Every question's gain and loss, the slices, and what became of the annotations.",
            on_click="ignore",
        )


def _running(row: RunRow) -> None:
    since = duration((datetime.now(timezone.utc) - row.started_at).total_seconds())
    place = f"step {len(row.steps)} of {len(STEPS)}"
    step = f"{place}: **{plain(row.current.name)}**" if row.current else "between two steps"
    st.info(f"{plain(row.id)} is running, {step}, for {since}.", icon=":material/model_training:")


def _origin(row: ReleaseRow) -> str:
    made = (
        f"Made by run {plain(row.run_id)}." if row.run_id else "Made from the base model, without training."
    )
    return f"{made} It followed {plain(row.parent)}." if row.parent else made


def _counts(row: ReleaseRow) -> str:
    counts: Iterable[str] = (f"{plain(name)} {count:,}" for name, count in row.trained_on.items())
    listed = ", ".join(counts)
    return f" · trained on: {listed}" if listed else ""
