"""Asking for a retrain from the page: the only thing on it that changes anything.

The page leaves a request and nothing else; `clayloop watch` retrains. So a click can neither start two
retrains nor one that ends with the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from functools import partial

import streamlit as st

from curation import Home, StateError
from dashboards.data.asking import Asking, ask, read_asking
from dashboards.data.notice import Notice, notice_of
from dashboards.data.runs import RunRow, read_runs
from dashboards.escaping import with_commands
from dashboards.wording import age

_CONFIRMING = "asking for a retrain"
_TROUBLE = "trouble with asking for a retrain"
_LAST = 5  # runs to look at for one at work
_EFFECT = (
    "What annotators have decided since the served release is learned now, without waiting for "
    "`watch.min_accepted` of it. It takes some minutes of this machine's processors. The bot goes on "
    "answering, and gets the new release only if the gate lets it through."
)
_UNWATCHED = (
    "Nobody is watching, so nobody would see the click: start `clayloop watch` (with `watch.with_up = true` "
    "it is a part of `clayloop up`), or run `retrain-from-annotations` in a terminal."
)
_ELSEWHERE = (
    "This page can be reached from other machines and has no login, so it only shows: ask with "
    "`clayloop watch --ask`."
)


def show_asking(home: Home, runs: Sequence[RunRow], on_loopback: bool) -> None:
    """The button with its effect, or the reason why it can't be pressed. ``runs`` are the newest ones."""
    if not on_loopback:
        st.caption(with_commands(_ELSEWHERE))
        return
    asking = read_asking(home, runs)
    ready = asking.standing == "ready"
    if ready and st.session_state.get(_CONFIRMING):
        _confirm(home)
        return
    button, words = st.columns([2, 9], vertical_alignment="center")
    button.button(
        "Retrain now",
        icon=":material/model_training:",
        disabled=not ready,
        on_click=partial(_set_confirming, True),
        width="stretch",
    )
    words.caption(with_commands(_EFFECT if ready else _obstacle(asking)))
    trouble: Notice | None = st.session_state.get(_TROUBLE)
    if trouble is not None:
        st.warning(
            f"{with_commands(trouble.message)}\n\n{with_commands(trouble.hint)}", icon=":material/info:"
        )


def _confirm(home: Home) -> None:
    with st.container(border=True):
        st.markdown("**Retrain now?**")
        st.caption(with_commands(_EFFECT))
        yes, no, _ = st.columns([2, 1, 6])
        yes.button("Yes, retrain", type="primary", on_click=partial(_ask, home), width="stretch")
        no.button("No", on_click=partial(_set_confirming, False), width="stretch")


def _set_confirming(value: bool) -> None:
    st.session_state[_CONFIRMING] = value
    st.session_state.pop(_TROUBLE, None)


def _ask(home: Home) -> None:
    _set_confirming(False)
    try:
        ask(home, read_runs(home, _LAST).rows)  # does nothing if another request came first
    except (StateError, OSError) as error:
        st.session_state[_TROUBLE] = notice_of(error, "The request for a retrain")


def _obstacle(asking: Asking) -> str:
    request = asking.request
    who = (
        ""
        if request is None
        else f"{request.by} asked for it {age(request.asked_at, datetime.now(timezone.utc))}"
    )
    if asking.standing == "running":
        waiting = f" Another request waits: {who}." if who else ""
        return f"A retrain is at work.{waiting} The next one can be asked for when it has ended."
    if asking.standing == "asked":
        return (
            f"A retrain waits to be started: {who}. The watcher begins as soon as it can, and tries again "
            "after a failure."
        )
    if asking.standing == "asked-in-vain":
        return f"A retrain waits to be started: {who}. {_UNWATCHED}"
    return _UNWATCHED
