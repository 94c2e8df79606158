"""Retrieval: how good each release is, two of them side by side, and the corpus as a map."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pandas as pd
import streamlit as st

from curation import ClayloopError, Home
from dashboards.charts import map_chart, means_chart
from dashboards.data.compared import Found, ask_both, asked_both, is_same
from dashboards.data.frames import dimension_frame, mean_frame, slice_frame
from dashboards.data.map import read_map, standings
from dashboards.data.notice import notice_of
from dashboards.data.quality import ALL, read_means, read_quality
from dashboards.data.releases import ReleaseRow, read_releases, state_of_releases
from dashboards.data.standing import links_of
from dashboards.escaping import one_line, plain
from dashboards.feeds import read_once, standing_feed
from dashboards.handover import Handover
from dashboards.sections import PATIENCE, choose, renew, section, show_notice, show_table

_EXCERPT = 280  # characters
_AT_A_POINT = 3  # a chunk, and accepted questions that lead to it


def show(handover: Handover) -> None:
    """The whole page."""
    st.title("Retrieval", anchor=False)
    rows = [*reversed(read_releases(handover.home).rows)]
    if not rows:
        st.info("There is no release yet: `clayloop bootstrap` makes the first.")
        return
    section("Releases", None, partial(_means, handover, rows))
    if len(rows) < 2:
        st.info("There are not two releases yet: the first retrain makes the second.")
    else:
        newer, older = _choose(rows)
        section("Of this release", None, partial(_details, handover, newer))
        section("Ask both", None, lambda: _ask(handover, older, newer))
        section("Held-out questions that changed most", None, lambda: _changes(handover.home, older, newer))
    section("The corpus as a map", None, partial(_map, handover))
    renew(handover.dashboard.refresh_seconds, partial(state_of_releases, handover.home))


def _means(handover: Handover, rows: Sequence[ReleaseRow]) -> None:
    ids = [row.id for row in reversed(rows)]
    read = partial(read_means, handover.home, ids, handover.loop.training.gate)
    key = f"{handover.root} {' '.join(ids)}"
    means = read_once(key, read, "The evaluations", "Reading the evaluations…", 10.0)
    if not means:
        if means is not None:
            st.info("No release has been evaluated yet: retrain.", icon=":material/monitoring:")
        return
    kinds = [*dict.fromkeys(mean.kind for mean in means)]
    asked = st.query_params.get("kind", ALL)
    kind = st.segmented_control(
        "Questions", kinds, default=asked if asked in kinds else ALL, label_visibility="collapsed"
    )
    st.query_params["kind"] = kind or ALL
    served = next((row.id for row in rows if row.served), "")
    chosen = [mean for mean in means if mean.kind == (kind or ALL)]
    st.altair_chart(means_chart(mean_frame(chosen, served)))
    st.caption(
        "NDCG@10 with its 95% interval. Each release is scored on the questions that its run held out: "
        "releases far apart were asked different ones."
    )


def _choose(rows: Sequence[ReleaseRow]) -> tuple[ReleaseRow, ReleaseRow]:
    """The newer and the older release, kept in the page's address."""
    ids = [row.id for row in rows]
    served = next((row for row in rows if row.served), rows[0])
    places = {
        "newer": ids.index(served.id),
        "older": ids.index(served.release.parent) if served.release.parent in ids else len(ids) - 1,
    }
    chosen = []
    known = {row.id: row for row in rows}

    def named(release: str) -> str:
        return _named(known[release])

    for place, (name, default) in zip(st.columns(2), places.items(), strict=True):
        label = "This release" if name == "newer" else "Against"
        chosen.append(known[choose(label, name, ids, default, format_func=named, place=place)])
    return chosen[0], chosen[1]


def _named(row: ReleaseRow) -> str:
    return f"{row.id}, served" if row.served else row.id


def _details(handover: Handover, row: ReleaseRow) -> None:
    quality = read_quality(handover.home, row.id, handover.loop.training.gate)
    if quality is None:
        st.caption(f"No run has measured {plain(row.id)}.")
        return
    left, right = st.columns(2, gap="large")
    number = partial(st.column_config.NumberColumn, format="%.3f")
    with left:
        st.markdown("**Per kind of question**, against the release before")
        frame = mean_frame([*quality.after, *quality.before], row.id)
        columns = {name: number(name.capitalize()) for name in ("score", "low", "high")}
        named = {name: name.capitalize() for name in ("release", "kind", "questions")}
        show_table(frame.drop(columns="served"), {**named, **columns})
        st.markdown("**Per Matryoshka dimension**")
        keeps = st.column_config.NumberColumn(
            "Keeps", format="%.1f%%", help="Of the full dimension's NDCG@10"
        )
        columns = {name: number(name) for name in ("NDCG@10", "MRR@10", "Recall@10")}
        show_table(dimension_frame(row), {**columns, "Keeps": keeps})
    with right:
        st.markdown("**Per slice**, against the release before")
        columns = {name: number(name) for name in ("Before", "After")}
        show_table(slice_frame(quality.slices), columns)


def _ask(handover: Handover, older: ReleaseRow, newer: ReleaseRow) -> None:
    question = st.text_input(
        "Question",
        max_chars=1_000,
        placeholder="What would a visitor ask?",
        key="question",
        bind="query-params",
    )
    if not question.strip():
        st.caption("Both are searched: neither the conversations nor Argilla see anything of it.")
        return
    try:
        with st.spinner("Searching both…"):
            found = ask_both(handover.clayloop, [newer.id, older.id], question)
    except ClayloopError as error:
        notice = notice_of(error, "What was found")
        show_notice(notice.message, notice.hint)
        return
    if is_same(*found):
        st.caption("Both find the same passages in the same order.")
    for place, row, one in zip(st.columns(2, gap="large"), (newer, older), found, strict=True):
        with place:
            refused = "" if one.answerable else " · would not answer"
            st.markdown(f"**{plain(_named(row))}**{refused}")
            for number, hit in enumerate(one.hits, 1):
                _passage(number, hit)


def _passage(number: int, hit: Found) -> None:
    st.markdown(f"{number}. **{plain(hit.title)}** · {hit.score:.2f}  \n{plain(hit.path)}")
    st.caption(plain(hit.excerpt, _EXCERPT))


def _changes(home: Home, older: ReleaseRow, newer: ReleaseRow) -> None:
    rows = asked_both(home, older.id, newer.id)
    if not rows:
        st.info(
            f"No run asked both: {plain(newer.id)} was compared with "
            f"{plain(newer.release.parent or 'nothing')}. Figures of releases that were asked different "
            "questions do not compare."
        )
        return
    better, worse = (sum(sign * row.change > 0 for row in rows) for sign in (1, -1))
    st.caption(f"Of {len(rows):,} questions {better:,} are answered better, {worse:,} worse.")
    table = pd.DataFrame(
        {
            "Question": [one_line(row.question) for row in rows],
            "Before": [row.before for row in rows],
            "After": [row.after for row in rows],
            "Change": [row.change for row in rows],
        }
    )
    number = {name: st.column_config.NumberColumn(name, format="%.3f") for name in ("Before", "After")}
    signed = st.column_config.NumberColumn("Change", format="%+.3f", help="NDCG@10, after − before")
    show_table(table, {**number, "Change": signed})


def _map(handover: Handover) -> None:
    served = read_releases(handover.home).served
    if served is None:
        st.info("Nothing is served.")
        return
    told = "The first time takes up to a minute."
    if not st.toggle("Show it", "point" in st.query_params, key="map", help=told, bind="query-params"):
        return
    key, read = f"{handover.root} {served.id}", partial(read_map, handover.home, served.id)
    points = read_once(key, read, "The map", "Drawing the map…", 60.0)
    if points is None:
        return
    standing = standing_feed(handover).first(PATIENCE)
    became = standings(standing.decided.every) if standing else {}
    table = pd.DataFrame(
        {
            "x": [point.x for point in points],
            "y": [point.y for point in points],
            "what": [point.what for point in points],
            "became": [became.get(point.id, "open") for point in points],
            "title": [one_line(point.title) for point in points],
            "number": range(len(points)),
        }
    )
    picked = st.altair_chart(map_chart(table), on_select="rerun", key="map chart")
    st.caption(
        "What is near together is near in meaning (t-SNE of the vectors; distances far apart say little). "
        "Click a point to read it."
    )
    for one in picked.get("selection", {}).get("point") or []:
        st.query_params["point"] = points[int(one["number"])].id
    for point in [one for one in points if one.id == st.query_params.get("point")][:_AT_A_POINT]:
        st.markdown(f"**{plain(point.title)}** · {became.get(point.id, 'open')}")
        st.caption(plain(point.text, 1_200))
        if place := links_of(standing).records("chunks", [point.id]):
            st.link_button("Open the chunk", place, icon=":material/edit_note:")
