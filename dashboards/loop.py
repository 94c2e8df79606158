"""The first row of the first page: five things that a maintainer wants to know in the morning."""

from __future__ import annotations

import streamlit as st

from curation import Home
from dashboards.data.feed import Feed
from dashboards.data.releases import read_releases
from dashboards.data.runs import RunRow, read_run
from dashboards.data.standing import Next, Standing
from dashboards.escaping import plain, with_commands
from dashboards.sections import PATIENCE, show_problem

_COLOURS = {"better": "green", "worse": "red"}


def show_loop(home: Home, feed: Feed[Standing]) -> None:
    """Decisions, questions, the verdict on what is served, and what to do next."""
    snapshot = feed.latest(PATIENCE)
    show_problem(snapshot)
    if not snapshot.items:
        with st.container(border=True):
            _verdict(home)
        return
    standing = snapshot.items[0]
    decisions, agreement, questions, verdict, step = st.columns([2, 2, 2, 4, 4])
    _decisions(decisions, standing)
    _agreement(agreement, standing)
    _questions(questions, standing)
    with verdict.container(border=True, height="stretch"):
        _verdict(home)
    with step.container(border=True, height="stretch"):
        _next(standing.next)


def _decisions(place: st.delta_generator.DeltaGenerator, standing: Standing) -> None:
    simulated = f", and {standing.simulated:,} by the simulated annotator" if standing.simulated else ""
    place.metric(
        "New decisions",
        f"{standing.people:,}",
        help=f"By people, since the served release{simulated}.",
        border=True,
        height="stretch",
    )


def _agreement(place: st.delta_generator.DeltaGenerator, standing: Standing) -> None:
    """Of the question on which people agree least."""
    known = (
        [one for one in standing.agreement.questions if one.alpha.value is not None]
        if (standing.agreement)
        else []
    )
    if not known:
        told = "No record was answered by two people."
        place.metric("Agreement", "–", help=told, border=True, height="stretch")
        return
    least = min(known, key=lambda one: one.alpha.value or 0.0)
    interval = "" if least.alpha.low is None else f" ({least.alpha.low:.2f} to {least.alpha.high:.2f})"
    place.metric(
        "Agreement",
        f"{least.alpha.value:.2f}",
        help=f"Krippendorff's alpha{interval} of {plain(least.question)}, on which people agree least, from "
        f"{least.alpha.records:,} records that two answered.",
        border=True,
        height="stretch",
    )


def _questions(place: st.delta_generator.DeltaGenerator, standing: Standing) -> None:
    asked, before = standing.week("asked"), standing.week("asked", back=1)
    told = "; ".join(
        f"{standing.week(kind)} {kind} ({standing.week(kind, back=1)})" for kind in ("refused", "wrong")
    )
    place.metric(
        "Questions in 7 days",
        f"{asked:,}",
        f"{asked - before:+,}",
        delta_color="off",
        help=f"Of them {told}; in brackets the 7 days before. Wrong: judged so by people.",
        border=True,
        height="stretch",
    )
    place.caption(told)


def _verdict(home: Home) -> None:
    """The sentence that let the served release through, coloured only where the interval excludes 0."""
    st.markdown("**The served release**")
    served = read_releases(home).served
    if served is None:
        st.caption("There is none yet.")
        return
    made = read_run(home, served.run_id) if served.run_id else None
    if made is None:
        st.caption(f"No run says how {plain(served.id)} compares with the release before it.")
        return
    words = plain(made.verdict, 600)
    st.markdown(f":{_COLOURS[sure]}[{words}]" if (sure := _sure(made)) else words)


def _sure(run: RunRow) -> str:
    """Whether the change is surely one: "better", "worse", or ""."""
    if run.gate is None or run.gate.low is None or run.gate.high is None:
        return ""
    return "better" if run.gate.low > 0 else "worse" if run.gate.high < 0 else ""


def _next(step: Next) -> None:
    st.markdown("**What to do next**")
    st.markdown(with_commands(step.words))
    if step.address:
        st.link_button(step.label, step.address, icon=":material/edit_note:")
    elif step.retrain:
        st.caption("The button stands under *Retrain runs*.")
