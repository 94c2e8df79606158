"""What every page is built of: sections that refresh and fail by themselves, and notices."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, TypeVar

import pandas as pd
import streamlit as st

from curation import MOST_NAMED, ClayloopError
from dashboards.data.feed import Feed, Snapshot
from dashboards.escaping import plain, with_commands
from dashboards.wording import age

log = logging.getLogger(__name__)
T = TypeVar("T")

PATIENCE = 1.5  # seconds that a page waits for an answer it has never had
_STALE = 60.0  # seconds, from which on the page says how old its numbers are


def opens(title: str = "Records", width: int = 80) -> Any:
    """A column of links to records in Argilla."""
    told = f"In Argilla's page, at most {MOST_NAMED} at once."
    return st.column_config.LinkColumn(title, display_text="open", width=width, help=told)


OPEN = opens()


def section(title: str, every: float | None, draw: Callable[[], None]) -> None:
    """A part of the page with a ``title`` ("" for none), drawn anew ``every`` seconds (None: never)."""

    def guarded() -> None:
        try:
            draw()
        except ClayloopError as error:
            show_notice(error.message, error.hint or "")
        except Exception as error:  # the other sections go on
            log.exception("The section %s failed", title)
            show_notice(
                f"This part of the page failed ({type(error).__name__}).", "The dashboard's log says more."
            )

    if title:
        st.subheader(title, anchor=False)
    st.fragment(guarded, run_every=every)()


def show_notice(message: str, hint: str = "") -> None:
    """A problem and what to do about it, both plain text."""
    told = with_commands(message)
    st.warning(f"{told}\n\n{with_commands(hint)}" if hint else told, icon=":material/info:")


def show_table(table: pd.DataFrame, columns: Mapping[str, Any] | None = None) -> None:
    """A table, which its own menu gives as CSV. A grid shows text from outside as it is."""
    st.dataframe(table, hide_index=True, column_config=dict(columns or {}), placeholder="–")


def show_problem(snapshot: Snapshot[Any]) -> None:
    """What stands in the way of asking Argilla, how far a long reading is, and how old the answer is that is
    shown meanwhile."""
    if snapshot.waiting:
        st.info(plain(snapshot.told) or "Asking Argilla…", icon=":material/hourglass_empty:")
    if snapshot.problem is not None:
        show_notice(snapshot.problem.message, snapshot.problem.hint)
    if snapshot.items is None or snapshot.taken_at is None:
        return
    now = datetime.now(timezone.utc)
    if snapshot.problem is not None or (now - snapshot.taken_at).total_seconds() > _STALE:
        told = f" {plain(snapshot.told)}" if snapshot.told else ""
        st.caption(f"What follows was read {age(snapshot.taken_at, now)}.{told}")


def last_of(feed: Feed[T]) -> Sequence[T] | None:
    """What a feed has read last, after what is to be said of that; None before the first answer."""
    snapshot = feed.latest(PATIENCE)
    show_problem(snapshot)
    return snapshot.items


def choose(label: str, name: str, ids: Sequence[str], default: int, **options: Any) -> str:
    """One of ``ids``, which the page's address keeps as ``name``. What the address names in vain is said.
    ``options``: of `st.selectbox`, and ``place``, where it stands."""
    place = options.pop("place", st)
    asked, vain = st.query_params.get(name, ""), f"{name} in vain"
    if asked and asked not in ids:
        st.session_state[vain] = asked
    number = ids.index(asked) if asked in ids else default
    chosen: str = place.selectbox(label, ids, index=number, key=f"the {name}", **options)
    if missing := st.session_state.get(vain):
        if chosen == ids[default]:
            place.caption(f"{plain(missing)} is not there any more.")
        else:
            del st.session_state[vain]
    st.query_params[name] = chosen
    return chosen


def choose_row(name: str, table: pd.DataFrame, ids: Sequence[str], columns: Mapping[str, Any]) -> str:
    """A table in which one row can be chosen. Returns its id, "" for none. It is the id that is kept, in the
    page's address as ``name``: rows move while the page refreshes."""
    key = f"rows of {name}"

    def note() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        if rows:
            st.query_params[name] = ids[rows[0]]
        else:
            st.query_params.pop(name, None)

    chosen = str(st.query_params.get(name, ""))
    rows = [ids.index(chosen)] if chosen in ids else []
    if key in st.session_state and list(st.session_state[key]["selection"]["rows"]) != rows:
        st.session_state[key] = {"selection": {"rows": rows}}
    st.dataframe(
        table,
        hide_index=True,
        column_config=dict(columns),
        placeholder="–",
        key=key,
        on_select=note,
        selection_mode="single-row",
        selection_default={"selection": {"rows": rows}},
    )
    return chosen


def renew(every: float, read: Callable[[], object]) -> None:
    """Draw the whole page anew once what ``read`` gives has changed; looked at ``every`` seconds. What cannot
    be read is the sections' to tell: it is looked at again."""

    def state() -> object:
        try:
            return read()
        except (ClayloopError, OSError, ValueError):
            return None

    seen = state()

    def look() -> None:
        if (now := state()) is not None and now != seen:
            st.rerun()

    st.fragment(look, run_every=every)()
