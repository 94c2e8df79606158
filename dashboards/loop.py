"""The first row of the first page: five things that a maintainer wants to know in the morning."""

from __future__ import annotations

import streamlit as st

from curation import Home
from dashboards.acting import show_act
from dashboards.asking import is_retraining, retrain_act, retrain_obstacle
from dashboards.data.feed import Feed
from dashboards.data.people_tables import apart_on, least_agreed, trust
from dashboards.data.releases import read_releases
from dashboards.data.runs import read_run
from dashboards.data.standing import Next, Standing, first_step, opening
from dashboards.escaping import plain, with_commands
from dashboards.handover import Handover
from dashboards.sections import last_of
from dashboards.wording import plural

_COLOURS = {"better": "green", "worse": "red"}
_DATASETS = ("triplets", "conversations", "chunks")


def show_loop(handover: Handover, feed: Feed[Standing]) -> None:
    """Decisions, agreement, questions, the verdict on what is served, and what to do next."""
    home = handover.home
    releases = read_releases(home)
    if releases.served is None and not releases.pointer and not releases.damaged:
        with st.container(border=True):  # Argilla need not be asked
            _next(handover, Next(first_step(home)))
        return
    standing = next(iter(last_of(feed) or ()), None)
    if standing is None:
        with st.container(border=True):
            _verdict(home)
        return
    decisions, agreement, questions, verdict, step = st.columns([3, 3, 3, 4, 4])
    with decisions.container(border=True, height="stretch"):
        _decisions(standing)
    with agreement.container(border=True, height="stretch"):
        _agreement(standing)
    with questions.container(border=True, height="stretch"):
        _questions(standing)
    with verdict.container(border=True, height="stretch"):
        _verdict(home)
    with step.container(border=True, height="stretch"):
        _next(handover, standing.next)


def _decisions(standing: Standing) -> None:
    people, simulated = standing.people, standing.simulated
    st.metric("New decisions", f"{len(people):,}", help="People's, since the served release.")
    st.caption("by people" + (f"; {len(simulated):,} more by the simulated annotator" if simulated else ""))
    for dataset in _DATASETS:
        count = sum(one.dataset == dataset for one in people)
        if address := standing.opened(people, dataset):
            _open(opening(count, f"the {plural(count, dataset[:-1])}"), address)


def _agreement(standing: Standing) -> None:
    """Of the question on which people agree least."""
    least = least_agreed(standing)
    if least is None:
        st.metric("Agreement", "–")
        st.caption("No two people answered the same record.")
        return
    st.metric(
        "Agreement",
        f"{least.alpha.value:.2f}",
        help="Krippendorff's alpha of the question on which people agree least: 1 is agreement, 0 chance. "
        "From 0.8 on answers count as reliable, from 0.67 on as good enough for tentative conclusions.",
    )
    interval = "" if least.alpha.low is None else f"{least.alpha.low:.2f} to {least.alpha.high:.2f}, "
    st.caption(f"{interval}{plain(least.question)}, {plural(least.alpha.records, 'record')} answered twice")
    st.markdown(trust(least.alpha.value or 0.0))
    if reviewed := standing.links.pending("adjudication"):
        _open("To the reviewers", reviewed)
    else:
        apart = apart_on(standing, least)
        _open(opening(len(apart), f"the {len(apart)} apart"), standing.opened(apart, least.dataset))


def _questions(standing: Standing) -> None:
    asked, before = standing.week("asked"), standing.week("asked", back=1)
    st.metric(
        "Questions, 7 days",
        f"{asked:,}",
        f"{asked - before:+,}" if asked != before else None,
        delta_color="off",
        help="Wrong: judged so by people. In brackets the 7 days before.",
    )
    told = (f"{standing.week(kind)} {kind} ({standing.week(kind, back=1)})" for kind in ("refused", "wrong"))
    st.caption("; ".join(told))
    _open("Judge what waits", standing.links.pending("conversations"))


def _verdict(home: Home) -> None:
    """The sentence that let the served release through, coloured only where the interval excludes 0, and what
    it was asked."""
    st.markdown("**The served release**")
    view = read_releases(home)
    served = view.served
    if served is None:
        st.caption("It cannot be read: see below.")
        return
    made = read_run(home, served.release.run_id)
    if made is None:
        st.caption(plain(served.unjudged))
        return
    words = plain(made.verdict, 600)
    st.markdown(f":{_COLOURS[made.sure]}[{words}]" if made.sure else words)
    change = f"{plain(made.change)} on " if made.change else "Judged on "
    kinds = ", ".join(f"{count:,} {plain(kind)}" for kind, count in served.evaluation.kinds.items())
    if kinds:
        st.caption(change + kinds)


def _next(handover: Handover, step: Next) -> None:
    st.markdown("**What to do next**")
    if not step.retrain or not is_retraining(handover):  # else what stands beside the button says it
        st.markdown(with_commands(step.words))
    _open(step.label, step.address)
    if step.retrain:
        show_act(handover, retrain_act(handover), retrain_obstacle(handover), narrow=True)


def _open(label: str, address: str) -> None:
    if address:
        st.link_button(label, address, icon=":material/edit_note:")
