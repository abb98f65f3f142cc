"""A small app around the path player: walks with known images and numbers."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import streamlit as st

from components.widgets.player import player
from tests.components.level_sets.walks import walked

st.set_page_config(layout="wide")
st.title("Player demo")

walks = {
    "one": [walked(title="Level <b>sets</b>", note="<img src=x onerror=alert(1)>")],
    "two": [walked(title="Long"), walked(steps=10, title="Short", fall=None)],
    "still": [walked(steps=0, frames=1, partial=True)],
}
player(walks[st.query_params.get("walks", "one")], key="demo")

st.session_state["runs"] = st.session_state.get("runs", 0) + 1
st.write(f"runs: {st.session_state['runs']}")
st.slider("Other", 0, 3)
