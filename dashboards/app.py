"""The script that Streamlit runs: `clayloop dashboard` hands it the path of the settings (`dashboards.handover`)."""

from __future__ import annotations

import sys
from pathlib import Path

import streamlit as st

from curation.errors import ClayloopError
from dashboards.handover import read_handover
from dashboards.page import show, show_notice

st.set_page_config(page_title="clayloop", page_icon=":material/cycle:", layout="wide")

if len(sys.argv) < 2:
    st.warning("This page is started with `clayloop dashboard`.")
    st.stop()
try:
    handover = read_handover(Path(sys.argv[1]))
except ClayloopError as error:
    show_notice(error.message, error.hint)
    st.stop()
show(handover)
