"""The script that Streamlit runs. Its argument is the path of the settings (`dashboards.handover`)."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import streamlit as st

from curation import ClayloopError
from dashboards import page
from dashboards.acting import show_sign_in
from dashboards.handover import read_handover
from dashboards.sections import show_notice
from dashboards.views import annotation, conversations, data, loop, releases, retrieval

# Drawn here, because Streamlit fetches pictures of emoji and named icons from the internet.
ICON = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" width="32" height="32" fill="none"
stroke="#A8502F" stroke-width="5" stroke-linecap="round">
<path d="M26 16a10 10 0 1 1-4-8"/><circle cx="26" cy="7" r="2"/></svg>"""

st.set_page_config(page_title="clayloop", page_icon=ICON, layout="wide")

if len(sys.argv) < 2:
    st.warning("This page is started with `clayloop dashboard`.")
    st.stop()
try:
    handover = read_handover(Path(sys.argv[1]))
except ClayloopError as error:
    show_notice(error.message, error.hint)
    st.stop()
PAGES = {
    "Overview": ("", page),
    "Loop": ("loop", loop),
    "Annotation": ("annotation", annotation),
    "Retrieval": ("retrieval", retrieval),
    "Conversations": ("conversations", conversations),
    "Releases and runs": ("releases", releases),
    "Data": ("data", data),
}
chosen = st.navigation(
    [
        st.Page(partial(one.show, handover), title=title, url_path=path, default=not path)
        for title, (path, one) in PAGES.items()
    ],
    position="top",
)
# The page refreshes every few seconds: Streamlit's "running" sign would blink in its corner, and all that is
# drawn again would fade.
st.html(
    "<style>[data-testid='stStatusWidget'] { display: none; } [data-stale='true'] { opacity: 1 !important; }"
    "[data-testid='stMainBlockContainer'] { padding-top: 4.5rem; }"
    # Where nothing hovers the menu of a table is always there, over the line above.
    "@media (hover: none) { [data-testid='stDataFrame'] { margin-top: 2.6rem; } }</style>"
)
if st.context.theme.type == "dark":  # on paper it would be light text on white
    st.html(
        "<style>@media print { .stApp { filter: invert(1) hue-rotate(180deg); print-color-adjust: exact; } }"
        "</style>"
    )
show_sign_in(handover)
chosen.run()
