"""How maps fare against a mask that is known: for images of data sets with truth."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from components.charts import tables
from components.charts.located import MEASURES, located_table
from components.sidebar.subject import Subject
from engine.result import HeatMap

ABOUT = (
    f"The orange border is the known truth: what makes this image's class. {MEASURES} A model may "
    "also go by something else than the mask, and then a true map scores low."
)


def scored(maps: Sequence[tuple[str, HeatMap]], subject: Subject) -> None:
    """A row for each map; nothing where no truth is known."""
    mask = subject.mask
    if mask is not None and mask.any():
        tables.table(located_table(maps, mask), "heatmaps.truth")
        st.caption(ABOUT)
