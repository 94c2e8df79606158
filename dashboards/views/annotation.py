"""How far annotators agree, question by question, and what became of what was suggested to them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pandas as pd
import streamlit as st

from curation import Agreement
from dashboards.data.feed import Feed
from dashboards.data.standing import Standing
from dashboards.escaping import one_line
from dashboards.feeds import standing_feed
from dashboards.handover import Handover
from dashboards.sections import PATIENCE, section, show_problem

_FEW = 20  # records that two people answered, below which an alpha says little
Draw = Callable[[Agreement], None]


def show(handover: Handover) -> None:
    """The whole page."""
    st.title("Annotation", anchor=False)
    feed, every = standing_feed(handover), handover.dashboard.refresh_seconds
    sections: dict[str, Draw] = {
        "Agreement": _questions,
        "Annotators": _annotators,
        "Suggestions": _suggestions,
    }
    for title, draw in sections.items():
        section(title, every, partial(_drawn, feed, draw))


def _drawn(feed: Feed[Standing], draw: Draw) -> None:
    snapshot = feed.latest(PATIENCE)
    show_problem(snapshot)
    agreement = snapshot.items[0].agreement if snapshot.items else None
    if agreement is not None and agreement.questions:
        draw(agreement)
    elif snapshot.items:
        st.info("Nobody has answered anything yet.")


def _questions(agreement: Agreement) -> None:
    st.caption("Krippendorff's alpha with its 95% interval: 1 is agreement, 0 is what chance would give.")
    rows = [
        {
            "Dataset": one.dataset,
            "Question": one_line(one.question),
            "Answers": one.answers,
            "Answered twice": one.alpha.records,
            "Alpha": one.alpha.value,
            "From": one.alpha.low,
            "To": one.alpha.high,
        }
        for one in agreement.questions
    ]
    number = partial(st.column_config.NumberColumn, format="%.2f")
    columns = {name: number(name) for name in ("Alpha", "From", "To")}
    st.dataframe(pd.DataFrame(rows), hide_index=True, column_config=columns)
    if all(one.alpha.records < _FEW for one in agreement.questions):
        st.caption(
            "Few records were answered by two people: `curation.argilla.min_submitted = 2` for a while, and "
            "`clayloop push`, would tell more."
        )


def _annotators(agreement: Agreement) -> None:
    rows = [
        {
            "Annotator": one_line(one.annotator),
            "Records": one.records,
            "As most others": f"{one.agreed:,} of {one.compared:,}" if one.compared else "–",
            "Seconds a record": one.seconds,
        }
        for one in agreement.annotators
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True)


def _suggestions(agreement: Agreement) -> None:
    if not agreement.suggestions:
        st.info("Nobody has answered a record with a suggestion, shown or held back.")
        return
    st.caption("A tenth of the records is shown without: where people agree as often there, nobody is led.")
    rows = [
        {
            "Agent": one_line(one.agent),
            "Question": one_line(one.question),
            "Kept": f"{one.kept:,} of {one.shown:,}",
            "Agreed with, unseen": f"{one.agreed:,} of {one.held_back:,}",
            "Led by": None if one.anchoring is None else 100 * one.anchoring,
        }
        for one in agreement.suggestions
    ]
    led = st.column_config.NumberColumn("Led by", format="%+.0f%%", help="Share kept − share agreed with")
    st.dataframe(pd.DataFrame(rows), hide_index=True, column_config={"Led by": led})
