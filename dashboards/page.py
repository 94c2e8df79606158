"""The first page: how the loop stands, the served release, annotation progress, and the scores of releases.

Each section is a Streamlit fragment of its own: it refreshes alone, and when it fails the others go on. Text
from outside goes through `dashboards.escaping.plain` where Streamlit reads Markdown; a grid shows it as it
is.
"""

from __future__ import annotations

from datetime import datetime, timezone
from functools import partial

import streamlit as st

from curation import DatasetProgress, Home
from dashboards.charts import score_chart
from dashboards.data.feed import Feed
from dashboards.data.frames import score_frame
from dashboards.data.releases import ReleaseRow, read_releases
from dashboards.data.services import read_services
from dashboards.escaping import plain
from dashboards.feeds import progress_feed, standing_feed
from dashboards.handover import Handover
from dashboards.loop import show_loop
from dashboards.sections import last_of, section, show_notice
from dashboards.views.annotation import show_dataset
from dashboards.wording import age, plural
from serving import Release

LINKS = (
    ("argilla", "Annotate in Argilla", ":material/edit_note:"),
    ("bot", "Talk to the bot", ":material/forum:"),
)


def show(handover: Handover) -> None:
    """The whole page."""
    home, every = handover.home, handover.dashboard.refresh_seconds
    _header(handover)
    section("The loop", every, partial(show_loop, handover, standing_feed(handover)))
    section("Served release", every, partial(_served, home))
    section("Annotation", every, partial(_annotation, progress_feed(handover)))
    section("Retrieval quality", every, partial(_quality, home))


def _header(handover: Handover) -> None:
    title, *places = st.columns([6, *[2] * len(LINKS)], vertical_alignment="bottom")
    title.title("clayloop", anchor=False)
    title.caption("People annotate, the retriever learns, the bot gets better.")
    services = read_services(handover.home)
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
            st.info("Nothing is served yet.", icon=":material/rocket_launch:")
        return
    now = datetime.now(timezone.utc)
    cells = st.columns([3, 2, 2, 2, 2])
    cells[0].metric("Release", plain(row.id), help=_origin(row.release), border=True, height="stretch")
    cells[1].metric("Made", age(row.release.created_at, now), border=True, height="stretch")
    cells[2].metric("Chunks", f"{row.release.index.rows:,}", border=True, height="stretch")
    cells[3].metric("Training examples", f"{row.examples:,}", border=True, height="stretch")
    _score_cell(cells[4], row)
    model, dimension = plain(row.release.base_model), row.release.embedding.dimension
    st.caption(f"Base model {model} · {dimension} dimensions{_counts(row.release)}")


def _score_cell(cell: st.delta_generator.DeltaGenerator, row: ReleaseRow) -> None:
    score, before = row.metrics.get("ndcg@10"), row.before("ndcg@10")
    shown, change = "–" if score is None else f"{score:.3f}", None
    told = "Not evaluated: a first release has no holdout yet." if score is None else None
    if score is not None and before is not None:
        change = f"{score - before:+.3f}"
        told = (
            f"{plain(row.release.parent or 'The release before')} scored {before:.3f} on the same "
            f"{plural(row.evaluation.questions, 'held-out question')}."
        )
    # Without a colour and an arrow: the first row says whether that is a sure change.
    cell.metric(
        "NDCG@10",
        shown,
        change,
        delta_color="off",
        delta_arrow="off",
        help=told,
        border=True,
        height="stretch",
    )


def _annotation(feed: Feed[DatasetProgress]) -> None:
    datasets = last_of(feed)
    if datasets is None:
        return
    if not any(dataset.exists for dataset in datasets):
        st.info(
            "Argilla holds no dataset of ours yet. `clayloop push` creates "
            "them from the chunks and triplets.",
            icon=":material/cloud_upload:",
        )
        return
    for place, dataset in zip(st.columns(len(datasets)), datasets, strict=True):
        with place.container(border=True, height="stretch"):
            show_dataset(dataset)


def _quality(home: Home) -> None:
    view = read_releases(home)
    scores = score_frame(view.rows)
    if not view.rows:
        st.info("Releases are compared here, once there are some.", icon=":material/monitoring:")
        return
    if scores.empty:
        st.info(
            "No release has been evaluated yet. Annotate some triplets in Argilla, then run "
            "`retrain-from-annotations`: it trains a candidate and compares it with the served release.",
            icon=":material/monitoring:",
        )
        return
    st.altair_chart(score_chart(scores))
    st.caption(
        "Each release is scored on the questions that its run held out. They grow in number with the "
        "annotations: neighbours compare better than releases far apart."
    )


def _origin(release: Release) -> str:
    made = (
        f"Made by run {plain(release.run_id)}."
        if release.run_id
        else "Made from the base model, without training."
    )
    return f"{made} It followed {plain(release.parent)}." if release.parent else made


def _counts(release: Release) -> str:
    listed = ", ".join(f"{plain(name)} {count:,}" for name, count in release.trained_on.items())
    return f" · trained on: {listed}" if listed else ""
