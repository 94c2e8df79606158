"""The charts. They draw frames of `dashboards.data.frames` and know no files."""

from __future__ import annotations

import altair as alt
import pandas as pd

from dashboards.data.releases import METRICS

KINDS = ("asked", "refused", "wrong")
SERVED = "#A8502F"
# Of Okabe and Ito: told apart by people who do not see all colours, and in print by shapes beside them.
MANY = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#7F7F7F"]
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
        scale=alt.Scale(domain=list(METRICS.values()), range=MANY),
        legend=alt.Legend(orient="top"),
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
    band = served.mark_rule(strokeWidth=44, opacity=0.14, color=SERVED).encode(x=x)
    word = served.mark_text(dy=12, fontWeight="bold", color=SERVED, baseline="top").encode(
        x=x, y=alt.value(0), text=alt.value("served")
    )
    lines = base.mark_line(strokeWidth=2.5).encode(x=x, y=y, color=colour)
    shape = alt.Shape("metric:N", title=None, scale=alt.Scale(domain=list(METRICS.values())))
    points = base.mark_point(size=90, filled=True, opacity=1).encode(
        x=x, y=y, color=colour, shape=shape, tooltip=tooltip
    )
    return alt.layer(band, lines, points, word).properties(height=HEIGHT)


def _range(scores: pd.DataFrame, low: str = "score", high: str = "score") -> list[float]:
    """From a little under the least value to a little over the best one, within 0 and 1."""
    least, best = float(scores[low].min()), float(scores[high].max())
    room = max(0.05, (best - least) * 0.25)
    return [max(0.0, least - room), min(1.0, best + room)]


def answers_chart(table: pd.DataFrame) -> alt.Chart:
    """Records a day, one line for each annotator; ``table`` has day, annotator, dataset and records."""
    return (
        alt.Chart(table)
        .mark_line(point=alt.OverlayMarkDef(size=60, filled=True), strokeWidth=2)
        .encode(
            x=alt.X("day:T", title="Day (UTC)"),
            y=alt.Y("sum(records):Q", title="records answered", axis=alt.Axis(tickMinStep=1)),
            color=alt.Color(
                "annotator:N",
                title=None,
                scale=alt.Scale(range=MANY),
                legend=alt.Legend(orient="top", columns=2, labelLimit=150),
            ),
            shape=alt.Shape("annotator:N", title=None),
            tooltip=["day:T", "annotator:N", "sum(records):Q"],
        )
        .properties(height=220)
    )


def means_chart(means: pd.DataFrame) -> alt.LayerChart:
    """Each release's score with its interval, the served one filled; ``means`` is a frame of `mean_frame`."""
    x = alt.X("release:N", sort=None, title=None, axis=alt.Axis(labelAngle=0, labelOverlap="greedy"))
    span = alt.Scale(domain=_range(means, "low", "high"))
    base = alt.Chart(means).encode(x=x)
    bars = base.mark_rule(strokeWidth=2, color=MANY[0]).encode(
        y=alt.Y("low:Q", title="NDCG@10", scale=span), y2="high:Q"
    )
    points = base.mark_point(size=110, strokeWidth=2, color=MANY[0]).encode(
        y=alt.Y("score:Q", scale=span),
        fill=alt.condition("datum.served", alt.value(MANY[0]), alt.value("transparent")),
        tooltip=[
            "release",
            "questions",
            *(alt.Tooltip(f"{name}:Q", format=".3f") for name in ("score", "low", "high")),
        ],
    )
    word = base.transform_filter("datum.served").mark_text(dy=-14, color=MANY[0], fontWeight="bold")
    return alt.layer(bars, points, word.encode(y="high:Q", text=alt.value("served"))).properties(
        height=HEIGHT
    )


def map_chart(points: pd.DataFrame) -> alt.Chart:
    """The plane, by what became of each point; ``points`` has x, y, what, became, title and number. Colour
    and shape say the same."""
    became = ["accepted", "refused", "wrong", "open"]
    picked = alt.selection_point(name="point", fields=["number"], on="click", empty=False)
    hidden = alt.Axis(labels=False, ticks=False, title=None, grid=False, domain=False)
    return (
        alt.Chart(points)
        .mark_point(filled=True, opacity=0.8)
        .encode(
            x=alt.X("x:Q", axis=hidden),
            y=alt.Y("y:Q", axis=hidden),
            color=alt.Color(
                "became:N",
                title=None,
                scale=alt.Scale(domain=became, range=["#0072B2", "#E69F00", "#CC79A7", "#9A9A9A"]),
                legend=alt.Legend(orient="top"),
            ),
            shape=alt.Shape(
                "became:N",
                title=None,
                scale=alt.Scale(domain=became, range=["circle", "square", "cross", "triangle-down"]),
            ),
            size=alt.Size(
                "what:N", scale=alt.Scale(domain=["chunk", "question"], range=[60, 20]), title=None
            ),
            stroke=alt.condition(picked, alt.value("#D55E00"), alt.value("transparent")),
            tooltip=["title:N", "what:N", "became:N"],
        )
        .add_params(picked)
        .properties(height=520)
    )


def days_chart(table: pd.DataFrame) -> alt.Chart:
    """Bars beside each other; the kinds differ in place, too, for those who do not see the colours. ``table``
    has day, kind and questions."""
    return (
        alt.Chart(table)
        .mark_bar()
        .encode(
            x=alt.X("day:N", title="Day (UTC)", axis=alt.Axis(labelAngle=0, labelOverlap="greedy")),
            xOffset=alt.XOffset("kind:N", sort=[*KINDS]),
            y=alt.Y("questions:Q", title="questions", axis=alt.Axis(tickMinStep=1)),
            color=alt.Color(
                "kind:N",
                title=None,
                scale=alt.Scale(domain=[*KINDS], range=[MANY[0], MANY[1], MANY[3]]),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=["day", "kind", "questions"],
        )
        .properties(height=260)
    )


def funnel_chart(stages: pd.DataFrame) -> alt.LayerChart:
    """Bars of ``stages`` (stage, count), in their order; by the logarithm, since they differ by thousands."""
    base = alt.Chart(stages).encode(y=alt.Y("stage:N", sort=None, title=None, axis=alt.Axis(labelLimit=260)))
    bars = base.mark_bar(color=MANY[0]).encode(
        x=alt.X(
            "count:Q",
            scale=alt.Scale(type="symlog"),
            axis=alt.Axis(grid=False, labels=False, title="how many (logarithmic)"),
        ),
        tooltip=["stage", "count"],
    )
    words = base.mark_text(align="left", dx=5, color="#7F7F7F").encode(
        x="count:Q", text=alt.Text("count:Q", format=",")
    )
    return alt.layer(bars, words).properties(height=34 * len(stages))
