"""The charts. They draw frames of `dashboards.data.frames` and know no files."""

from __future__ import annotations

import altair as alt
import pandas as pd

from dashboards.data.releases import METRICS

COLOURS = ["#A8502F", "#2F7F7B", "#C2912E"]
HEIGHT = 320


def score_chart(scores: pd.DataFrame) -> alt.LayerChart:
    """Scores over releases, one line per metric, the served release on a band of its own.

    ``scores`` has the columns of `dashboards.data.frames.SCORE_COLUMNS` and at least one line.
    """
    releases = scores.sort_values("order")["release"].drop_duplicates().tolist()
    x = alt.X(
        "release:N",
        sort=releases,
        title=None,
        scale=alt.Scale(domain=releases),
        axis=alt.Axis(labelAngle=0, labelLimit=120, labelOverlap="greedy", labelFlush=False, grid=False),
    )
    colour = alt.Color(
        "metric:N",
        title=None,
        scale=alt.Scale(domain=list(METRICS.values()), range=COLOURS),
        legend=alt.Legend(orient="top", direction="horizontal", symbolType="circle"),
    )
    y = alt.Y(
        "score:Q",
        title="score",
        scale=alt.Scale(domain=_range(scores)),
        axis=alt.Axis(format=".2f", tickCount=6),
    )
    tooltip = [
        alt.Tooltip("release:N", title="Release"),
        alt.Tooltip("metric:N", title="Metric"),
        alt.Tooltip("score:Q", title="Score", format=".4f"),
        alt.Tooltip("model:N", title="Base model"),
    ]
    base = alt.Chart(scores)
    served = base.transform_filter("datum.served").transform_aggregate(groupby=["release"])
    band = served.mark_rule(strokeWidth=44, opacity=0.14, color=COLOURS[0]).encode(x=x)
    word = served.mark_text(dy=12, fontWeight="bold", color=COLOURS[0], baseline="top").encode(
        x=x, y=alt.value(0), text=alt.value("served")
    )
    lines = base.mark_line(strokeWidth=2.5).encode(x=x, y=y, color=colour)
    points = base.mark_point(size=90, filled=True, opacity=1).encode(x=x, y=y, color=colour, tooltip=tooltip)
    return alt.layer(band, lines, points, word).properties(height=HEIGHT)


def _range(scores: pd.DataFrame) -> list[float]:
    """From a little under the least score to a little over the best one, within 0 and 1."""
    least, best = float(scores["score"].min()), float(scores["score"].max())
    room = max(0.05, (best - least) * 0.25)
    return [max(0.0, least - room), min(1.0, best + room)]
