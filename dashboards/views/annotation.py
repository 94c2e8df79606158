"""How far annotation is, how far people agree, and what became of what was suggested to them. Numbers lead to
their records in Argilla."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from functools import partial

import streamlit as st

from curation import DatasetProgress
from dashboards.charts import answers_chart
from dashboards.data.feed import Feed
from dashboards.data.frames import COUNTS, annotator_frame
from dashboards.data.people_tables import (
    agreement_of,
    annotator_table,
    answered_by,
    answers_table,
    conflict_table,
    pair_table,
    question_table,
    suggestion_table,
)
from dashboards.data.standing import Standing, opening
from dashboards.escaping import plain
from dashboards.feeds import progress_feed, standing_feed
from dashboards.handover import Handover
from dashboards.sections import OPEN, PATIENCE, last_of, opens, section, show_table
from dashboards.wording import plural

_FEW = 20  # records that two people answered, below which an alpha says little
_APART = opens("Apart ones", 100)
Draw = Callable[[Standing], None]


def show(handover: Handover) -> None:
    """The whole page."""
    st.title("Annotation", anchor=False)
    feed, every = standing_feed(handover), handover.dashboard.refresh_seconds
    section("Progress", every, partial(_progress, progress_feed(handover), feed))
    sections: dict[str, Draw] = {
        "Answers over time": _over_time,
        "Agreement": _questions,
        "Two by two": _pairs,
        "Annotators": _annotators,
        "Suggestions": _suggestions,
        "Answered differently": _conflicts,
    }
    for title, draw in sections.items():
        section(title, every, partial(_drawn, feed, draw))


def _drawn(feed: Feed[Standing], draw: Draw) -> None:
    standing = next(iter(last_of(feed) or ()), None) if draw is _questions else feed.first(PATIENCE)
    if standing is not None and standing.decided.every:  # what is wrong is said once a page
        draw(standing)
    elif standing is not None:
        st.info("Nobody has answered anything yet.")


def _progress(feed: Feed[DatasetProgress], standings: Feed[Standing]) -> None:
    datasets = last_of(feed)
    if datasets is None:
        return
    standing = standings.first()
    for place, dataset in zip(st.columns(len(datasets) or 1), datasets, strict=False):
        with place.container(border=True, height="stretch"):
            show_dataset(dataset)
            if standing is not None and dataset.exists:
                _forecast(dataset, standing)
    people = annotator_frame(datasets)
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
    if standing is not None:
        shelves = zip(people["Annotator"], people["Dataset"], strict=True)
        people["Records"] = [answered_by(standing, who, title.lower()) for who, title in shelves]
    show_table(people, {**counts, "Share": share, "Records": OPEN})


def show_dataset(dataset: DatasetProgress) -> None:
    """How far one dataset is."""
    st.markdown(f"**{plain(dataset.dataset.capitalize())}**")
    if not dataset.exists:
        st.caption("Not in Argilla yet: `clayloop push` creates it.")
        return
    done = f"{dataset.completed:,} of {plural(dataset.total, 'record')} completed"
    st.progress(dataset.share, done if dataset.total else "No records yet")
    st.caption(f"{dataset.pending:,} pending · {plain(dataset.name)}")


def _forecast(dataset: DatasetProgress, standing: Standing) -> None:
    """When all is done, if people go on as in the last days."""
    kind = dataset.dataset
    pace = standing.decided.pace(kind, datetime.now(timezone.utc))
    if not dataset.pending:
        told = "Nothing waits."
    elif pace:
        left = plural(round(dataset.pending / pace), "day")
        told = f"{pace:.1f} answered a day in the last week: {left} left."
    else:
        told = "No person answered one in the last week."
    st.caption(told)
    if address := standing.links.pending(kind):
        st.link_button("Open the queue", address, icon=":material/edit_note:")
    answered = sum(one.dataset == kind for one in standing.decided.every)
    if address := standing.opened(standing.decided.every, kind):
        st.link_button(opening(answered, f"the {answered:,} answered"), address, icon=":material/task_alt:")


def _over_time(standing: Standing) -> None:
    table = answers_table(standing)
    if not table.empty:
        st.altair_chart(answers_chart(table))


def _questions(standing: Standing) -> None:
    st.caption("Krippendorff's alpha with its 95% interval: 1 is agreement, 0 is what chance would give.")
    number = partial(st.column_config.NumberColumn, format="%.2f")
    columns = {name: number(name) for name in ("Alpha", "From", "To")}
    links = {"Records twice": opens("Those twice", 100), "Records": _APART}
    show_table(question_table(standing), {**columns, **links})
    if all(one.alpha.records < _FEW for one in agreement_of(standing).questions):
        st.caption(
            "Few records were answered by two people: `curation.argilla.overlap = 0.1`, then `clayloop "
            "push`, puts a tenth of them to two."
        )


def _pairs(standing: Standing) -> None:
    if standing.decided.pairs:
        show_table(pair_table(standing), {"Records same": opens("Same ones", 100), "Records": _APART})
    else:
        st.info("No two people answered the same record.")


def _annotators(standing: Standing) -> None:
    show_table(annotator_table(standing), {"Records": _APART})
    st.caption("What each of them answered is opened above, under Progress, by dataset.")


def _suggestions(standing: Standing) -> None:
    if not standing.decided.suggested:
        st.info("Nobody has answered a record with a suggestion, shown or held back.")
        return
    st.caption(
        "A tenth of the records is shown without: where people agree as often there, nobody is led. "
        "A record that two people answered counts twice."
    )
    led = st.column_config.NumberColumn("Led by", format="%+.0f%%", help="Share kept − share agreed with")
    links = {
        "Records kept": opens("Kept ones", 100),
        "Records changed": opens("Changed ones", 110),
        "Records agreed with": opens("Agreed ones", 100),
        "Records not agreed with": opens("Other ones", 100),
    }
    show_table(suggestion_table(standing), {"Led by": led, **links})


def _conflicts(standing: Standing) -> None:
    conflicts = standing.decided.conflicts
    if not conflicts:
        st.info("Nobody has answered a record differently from somebody else.")
        return
    waiting = sum(bool(one.unsettled) for one in conflicts)
    st.caption(f"{plural(len(conflicts), 'record')}; {waiting:,} of them wait for a reviewer.")
    if address := standing.links.pending("adjudication"):
        st.link_button("Open the reviewers' dataset", address, icon=":material/gavel:")
    elif waiting:
        st.caption(
            "`curation.argilla.acceptance = 'adjudicated'` and `clayloop push` put these to reviewers."
        )
    show_table(conflict_table(standing), {"Records": OPEN})
