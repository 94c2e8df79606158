"""Compare two releases: what each finds for a question, and the questions that changed most."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from curation import Home
from dashboards.data.compared import Found, asked_both, is_same, open_release, search
from dashboards.data.releases import ReleaseRow, read_releases
from dashboards.escaping import one_line, plain
from dashboards.handover import Handover
from dashboards.sections import section
from serving import Retriever, ServingSettings

_EXCERPT = 280  # characters


def show(handover: Handover) -> None:
    """The whole page."""
    st.title("Compare", anchor=False)
    rows = [*reversed(read_releases(handover.home).rows)]
    if len(rows) < 2:
        st.info("There are not two releases yet: the first retrain makes the second.")
        return
    newer, older = _choose(rows)
    section("Ask both", None, lambda: _ask(handover, older, newer))
    section("Held-out questions that changed most", None, lambda: _changes(handover.home, older, newer))


def _choose(rows: Sequence[ReleaseRow]) -> tuple[ReleaseRow, ReleaseRow]:
    """The newer and the older release, kept in the page's address."""
    ids = [row.id for row in rows]
    served = next((row for row in rows if row.served), rows[0])
    places = {
        "newer": ids.index(served.id),
        "older": ids.index(served.parent) if served.parent in ids else len(ids) - 1,
    }
    chosen = []
    for place, (name, default) in zip(st.columns(2), places.items(), strict=True):
        asked = st.query_params.get(name, "")
        number = ids.index(asked) if asked in ids else default
        label = "This release" if name == "newer" else "against"
        row = place.selectbox(label, rows, index=number, format_func=_name, key=f"compare {name}")
        st.query_params[name] = row.id
        chosen.append(row)
    return chosen[0], chosen[1]


def _name(row: ReleaseRow) -> str:
    return f"{row.id}, served" if row.served else row.id


def _ask(handover: Handover, older: ReleaseRow, newer: ReleaseRow) -> None:
    question = st.text_input("Question", max_chars=1_000, placeholder="What would a visitor ask?")
    if not question.strip():
        st.caption("Both are searched in this page's own process: the bot and Argilla see nothing of it.")
        return
    found = [_search(handover, row.id, question) for row in (newer, older)]
    if is_same(*found):
        st.caption("Both find the same passages in the same order.")
    for place, row, hits in zip(st.columns(2, gap="large"), (newer, older), found, strict=True):
        with place:
            st.markdown(f"**{plain(_name(row))}**")
            for number, hit in enumerate(hits, 1):
                _passage(number, hit)


def _passage(number: int, hit: Found) -> None:
    st.markdown(f"{number}. **{plain(hit.title)}** · {hit.score:.2f}  \n{plain(hit.path)}")
    st.caption(plain(hit.excerpt, _EXCERPT))


def _search(handover: Handover, release: str, question: str) -> list[Found]:
    with st.spinner(f"Searching {plain(release)}…"):
        return search(_opened(str(handover.root), release, handover.loop.serving), question)


def _open(root: str, release: str, _settings: ServingSettings) -> Retriever:
    return open_release(Home(Path(root)), release, _settings)


# Two at a time: a model takes some 100 MB.
_opened: Callable[[str, str, ServingSettings], Retriever] = st.cache_resource(
    _open, show_spinner=False, max_entries=2
)


def _changes(home: Home, older: ReleaseRow, newer: ReleaseRow) -> None:
    rows = asked_both(home, older.id, newer.id)
    if not rows:
        st.info(
            f"No run asked both: {plain(newer.id)} was compared with {plain(newer.parent or 'nothing')}. "
            "Figures of releases that were asked different questions do not compare."
        )
        return
    better, worse = (sum(sign * row.change > 0 for row in rows) for sign in (1, -1))
    st.caption(f"Of {len(rows):,} questions {better:,} are answered better, {worse:,} worse.")
    table = pd.DataFrame(
        {
            "Question": [one_line(row.question) for row in rows],
            "Before": [row.before for row in rows],
            "After": [row.after for row in rows],
            "Change": [row.change for row in rows],
        }
    )
    number = {name: st.column_config.NumberColumn(name, format="%.3f") for name in ("Before", "After")}
    signed = st.column_config.NumberColumn("Change", format="%+.3f", help="NDCG@10, after − before")
    st.dataframe(table, hide_index=True, column_config={**number, "Change": signed})
