"""The script that Streamlit runs. Its argument is the path of the settings (`dashboards.handover`)."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import streamlit as st

from curation import ClayloopError
from dashboards import page
from dashboards.handover import read_handover
from dashboards.sections import show_notice
from dashboards.views import annotation, compare, conversations, releases

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
pages = {"Overview": ("", page), "Annotation": ("annotation", annotation)}
pages |= {"Conversations": ("conversations", conversations)}
pages |= {"Compare": ("compare", compare), "Releases and runs": ("releases", releases)}
st.navigation(
    [
        st.Page(partial(one.show, handover), title=title, url_path=path, default=not path)
        for title, (path, one) in pages.items()
    ],
    position="top",
).run()
