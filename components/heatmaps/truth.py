"""How maps fare against a mask that is known: for images of data sets with truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from components.charts import tables
from components.sidebar.subject import Subject
from engine.measures import located
from engine.result import HeatMap, Table

COLUMNS = ("pointing game", "mass in the mask", "strongest in the mask", "chance")
ABOUT = (
    "The orange border is the known truth: what makes this image's class. **Pointing game**: "
    "whether the map's highest value lies in it. **Mass**: the share of all positive values that "
    "does. **Strongest**: of as many highest values as the mask has pixels, the share inside. "
    "**Chance**: what a map that knows nothing would score. A model may also go by something else "
    "than the mask, and then a true map scores low."
)


def scored(maps: Sequence[tuple[str, HeatMap]], subject: Subject) -> None:
    """A row for each map; nothing where no truth is known."""
    mask = subject.mask
    if mask is not None and mask.any():
        tables.table(against(maps, mask), "heatmaps.truth")
        st.caption(ABOUT)


def against(maps: Sequence[tuple[str, HeatMap]], mask: NDArray[np.bool_]) -> Table:
    """How each map fares against a mask that is not empty."""
    rows = [astuple(located(heat.values, mask)) for _, heat in maps]
    names = tuple(name for name, _ in maps)
    return Table(np.array(rows, np.float32), names, COLUMNS, ("share",) * len(COLUMNS))
