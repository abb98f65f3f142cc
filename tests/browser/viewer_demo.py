"""A small app around the viewer and the rectangle: synthetic maps with known places and values."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from skimage import data

from components.widgets.rectangle import Box, rectangle
from components.widgets.viewer import Panel, viewer
from engine.core.result import Floats, HeatMap
from engine.vision.images import load
from tests.scans import dicom

SIDE = 224


def bump(row: float, column: float, width: float, side: int = SIDE) -> Floats:
    """A hill of height 1 at a place given in shares of the picture."""
    y, x = (np.mgrid[:side, :side] + 0.5) / side
    hill = np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * width**2))
    return np.asarray(hill, dtype=np.float32)


CT = {
    "Modality": "CT",
    "RescaleSlope": 1,
    "RescaleIntercept": -1000,
    "WindowCenter": 40,
    "WindowWidth": 400,
    "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
}


def ct() -> NDArray[np.uint16]:
    """From -1000 HU on the left to 1000 on the right."""
    return np.tile(np.linspace(0, 2000, SIDE).round().astype(np.uint16), (SIDE, 1))


st.set_page_config(layout="wide")
st.title("Viewer demo")
changed = st.slider("Strength", 1, 3, 1, bind="query-params", key="strength")

signed = np.float32(changed) * (2 * bump(0.25, 0.3, 0.1) - 1.2 * bump(0.7, 0.75, 0.12))
coarse = np.float32(0.4) + np.float32(1.7) * bump(0.2, 0.5, 0.18, side=7)
gap = bump(0.5, 0.5, 0.2)
gap[:40] = np.nan

panels = {
    "four": [
        Panel("Occlusion", HeatMap(signed, "logit", signed=True), "32 px squares"),
        Panel("Grad-CAM <b>bold</b>", HeatMap(coarse, "logit", signed=False)),
        Panel("RISE", HeatMap(gap, "probability", signed=False), "<img src=x onerror=alert(1)>"),
        Panel("KernelSHAP", None, "Waiting: place 2 in the queue, about 40 s"),
    ],
    "flat": [
        Panel("Flat", HeatMap(np.full((7, 7), 0.3, np.float32), "logit", signed=False)),
        Panel("Weak", HeatMap(bump(0.5, 0.5, 0.2), "logit", signed=False)),
        Panel("Strong", HeatMap(4 * bump(0.5, 0.5, 0.2), "logit", signed=False)),
    ],
}
panel_name = st.query_params.get("maps", "four")
if panel_name == "scan":
    picture = load(dicom(ct(), **CT), "ct.dcm").picture()
    viewer(picture.pixels, panels["flat"][1:], "demo", picture.behind)
else:
    viewer(data.astronaut(), panels[panel_name], key="demo")

st.session_state["runs"] = st.session_state.get("runs", 0) + 1
st.write(f"runs: {st.session_state['runs']}")

crop_column, cover_column = st.columns(2)
with crop_column:
    crop = rectangle(
        data.coffee(), Box(1 / 6, 0, 2 / 3, 1), "crop", fixed_size=True, words="What the model sees"
    )
    st.write(f"crop: {crop.left:.2f} {crop.top:.2f} {crop.width:.2f} {crop.height:.2f}")
with cover_column:
    cover = rectangle(
        data.astronaut(), Box(0.3, 0.1, 0.3, 0.3), "cover", square=True, words="What to cover"
    )
    st.write(f"cover: {cover.left:.2f} {cover.top:.2f} {cover.width:.2f} {cover.height:.2f}")
