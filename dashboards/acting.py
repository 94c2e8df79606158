"""Acting from the page: who may, a second click to confirm, and a line in the log of actions.

Reading is open to whoever opens the page. With accounts in the settings people sign in to act; without any,
who opens the page on this machine acts as its user, and nobody from elsewhere.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import streamlit as st
from filelock import FileLock, Timeout

from curation import user_name
from dashboards.data.notice import Notice, notice_of
from dashboards.escaping import plain, with_commands
from dashboards.handover import Handover
from dashboards.launch import LOOPBACK_NAMES
from dashboards.sections import show_notice

_LOCK = ".acting.lock"
_WHO = "signed in as"
_CONFIRMING = "about to act"
_TROUBLE = "trouble with acting"
_AFTER_A_WRONG_ONE = 1.0  # seconds
_LONGEST_WAIT = 10.0  # seconds for somebody else who acts


@dataclass(frozen=True)
class Act:
    """Something that can be done. ``label`` stands on the button, ``effect`` says what comes of it, ``yes``
    on the button that does it. ``do`` is called with who acts, and writes that down itself."""

    label: str
    effect: str
    yes: str
    do: Callable[[str], object]
    icon: str = ":material/play_arrow:"


def actor(handover: Handover) -> str:
    """Who acts, "" for nobody."""
    if handover.dashboard.accounts:
        who = str(st.session_state.get(_WHO, ""))
        return who if who in handover.dashboard.accounts else ""
    return user_name() if handover.dashboard.host in LOOPBACK_NAMES else ""


def show_act(handover: Handover, act: Act, obstacle: str = "", narrow: bool = False) -> None:
    """The button, or why it can't be pressed (``obstacle``, or that nobody is signed in). ``narrow``: one
    below the other."""
    who, is_wanted = actor(handover), st.session_state.get(_CONFIRMING) == act.label
    trouble: tuple[str, Notice] | None = st.session_state.get(_TROUBLE)
    if trouble is not None and trouble[0] == act.label:
        show_notice(trouble[1].message, trouble[1].hint)
    if who and is_wanted and not obstacle:
        with st.container(border=True):
            st.markdown(f"**{plain(act.label)}?**")
            st.caption(f"{with_commands(act.effect)} It is written down that {plain(who)} did it.")
            yes, no, _ = (st, st, st) if narrow else st.columns([2, 1, 6])
            yes.button(
                act.yes, type="primary", on_click=partial(act_once, handover, act, who), width="stretch"
            )
            no.button("No", key=f"no {act.label}", on_click=partial(_confirm, ""), width="stretch")
        return
    told = obstacle or ("" if who else _unable(handover))
    button, words = (st, st) if narrow else st.columns([2, 7], vertical_alignment="center")
    press = partial(_confirm, act.label)
    button.button(act.label, icon=act.icon, disabled=bool(told), on_click=press, width="stretch")
    words.caption(with_commands(told or act.effect))


def show_sign_in(handover: Handover) -> None:
    """Who acts, and where to sign in; nothing without accounts."""
    if not handover.dashboard.accounts:
        return
    who = actor(handover)
    with st.popover(plain(who) or "Sign in", icon=":material/person:"):
        if who:
            st.button("Sign out", on_click=lambda: st.session_state.pop(_WHO, None))
            return
        with st.form("sign in", border=False):
            name = st.text_input("Name", max_chars=100, autocomplete="username")
            password = st.text_input(
                "Password", type="password", max_chars=1_000, autocomplete="current-password"
            )
            if st.form_submit_button("Sign in"):
                if _is_right(handover, name, password):
                    st.session_state[_WHO] = name
                    st.rerun()
                st.error("That name and password do not belong together.")


def _is_right(handover: Handover, name: str, password: str) -> bool:
    known = handover.dashboard.accounts.get(name)
    wanted = known.get_secret_value() if known is not None else ""
    is_right = hmac.compare_digest(wanted.encode(), password.encode()) and bool(wanted)
    if not is_right:
        time.sleep(_AFTER_A_WRONG_ONE)
    return is_right


def _unable(handover: Handover) -> str:
    if handover.dashboard.accounts:
        return "Sign in to do this."
    return (
        "This page can be reached from other machines, and nobody can sign in: set `dashboards.accounts`, or "
        "use the command line."
    )


def _confirm(label: str) -> None:
    st.session_state[_CONFIRMING] = label
    st.session_state.pop(_TROUBLE, None)


def act_once(handover: Handover, act: Act, who: str) -> None:
    """Do it while nobody else acts: so it sees what another click did, and leaves it."""
    _confirm("")
    try:
        with FileLock(handover.root / _LOCK, timeout=_LONGEST_WAIT):
            act.do(who)
    except Timeout:
        st.session_state[_TROUBLE] = act.label, Notice("Somebody else acts just now; try again.")
    except Exception as error:  # the page says what it is
        st.session_state[_TROUBLE] = act.label, notice_of(error, act.label)
