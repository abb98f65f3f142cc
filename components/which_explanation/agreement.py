"""How far the eight maps agree, and where in the image they do not."""

from __future__ import annotations

import numpy as np
import streamlit as st

from components.charts.tables import signed
from components.draw import tables
from components.links import refuse
from components.sidebar.subject import Subject, square_behind, square_pixels
from components.which_explanation.charts import agreement_chart
from components.widgets.viewer import Panel, viewer
from engine.result import Floats, Table
from engine.run import Answer

MEASURES = {  # word, key of the engine, lowest value, what it asks
    "Direction": ("cosine", -1.0, "the cosine between two maps, signs and sizes together."),
    "Order": ("order", -1.0, "Spearman's correlation of sizes: is the same place strongest?"),
    "Strongest": ("strongest", 0.0, "overlap (IoU) of the strongest tenth of the features."),
    "Sign": ("sign", 0.0, "of the row's strongest tenth, the share with the same sign."),
}
ABOUT_MAP = (
    "**Where they disagree.** Each map puts the features in order of size, from 0 for the weakest "
    "to 1 for the strongest. Bright is where the eight give one feature very different places: "
    "0 is one opinion; 0.5, the most there can be, is half of them saying strongest and half "
    "weakest."
)


def show(answer: Answer, about: Subject, key: str) -> None:
    """The matrix on the left, the map on the right."""
    st.subheader("Do they agree?")
    left, right = st.columns(2, gap="medium")
    with left:
        refuse(f"{key}.by", MEASURES, "Agreement", "one of " + ", ".join(MEASURES))
        word = st.segmented_control(
            "Agreement by", list(MEASURES), default="Order", required=True, key=f"{key}.by",
            bind="query-params",
        )  # fmt: skip
        name, low, asks = MEASURES[word]
        view = answer[f"agreement {name}"]
        st.caption(f"{word}: {asks}")
        tables.chart(agreement_chart(view, low), view, finding(view), f"{key}.{name}", wide=True)
    with right:
        st.markdown(ABOUT_MAP)
        viewer(
            square_pixels(about), [Panel("Disagreement", answer["disagreement"])],
            f"{key}.map", square_behind(about), about.mask,
        )  # fmt: skip


def finding(view: Table) -> str:
    """The mean over all pairs, the pair that agrees most, and the one that agrees least."""
    values = both_ways(view.values)
    rows, columns = np.triu_indices(len(values), 1)
    pairs = values[rows, columns]
    known = np.isfinite(pairs)
    if not known.any():
        return "No two maps can be compared: they are flat."
    filled = np.where(known, pairs, np.nan)
    most, least = int(np.nanargmax(filled)), int(np.nanargmin(filled))

    def named(place: int) -> str:
        return f"{view.rows[rows[place]]} and {view.rows[columns[place]]} ({signed(filled[place])})"

    return (
        f"On average over all pairs {signed(float(np.nanmean(filled)))}. "
        f"Most alike: {named(most)}. Least alike: {named(least)}."
    )


def both_ways(values: Floats) -> Floats:
    """A pair's value, the mean of both directions where these differ."""
    found: Floats = ((values + values.T) / 2).astype(np.float32)
    return found
