"""What every page is built of: sections that refresh and fail by themselves, and notices."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

import pandas as pd
import streamlit as st

from curation import ClayloopError
from dashboards.data.feed import Snapshot
from dashboards.escaping import with_commands
from dashboards.wording import age

log = logging.getLogger(__name__)

OPEN = st.column_config.LinkColumn("Records", display_text="open", width=80)  # in Argilla
PATIENCE = 1.5  # seconds that a page waits for an answer it has never had


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
    """What stands in the way of asking Argilla, and how old the answer is that is shown instead."""
    if snapshot.waiting:
        st.info("Asking Argilla…", icon=":material/hourglass_empty:")
    if snapshot.problem is None:
        return
    show_notice(snapshot.problem.message, snapshot.problem.hint)
    if snapshot.items is not None and snapshot.taken_at is not None:
        st.caption(f"What follows was read {age(snapshot.taken_at, datetime.now(timezone.utc))}.")
