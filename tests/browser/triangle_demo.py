"""A small app around the triangle: plain colors at the corners, known values."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import streamlit as st

from components.widgets.triangle import triangles
from tests.components.level_sets.results import HOSTILE, bright, falling, triangle

st.set_page_config(layout="wide")
all_triangles = {
    "blind spots": triangle(bright),
    "raw targets": triangle(falling, name="raw target"),
}
triangles(all_triangles, "demo", label=HOSTILE)
st.session_state["runs"] = st.session_state.get("runs", 0) + 1
st.write(f"runs: {st.session_state['runs']}")
