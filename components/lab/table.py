"""A data set that is a table: its rows, and which columns go together."""

from __future__ import annotations

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from components import forms
from components.charts.style import theme
from components.charts.tables import signed
from components.colors import DIVERGING_DARK, DIVERGING_LIGHT
from components.lab import data_set
from components.notices import spoken
from engine.data import SPLITS
from engine.data.tabular import Cohort, LabeledTable

SHOWN = 200  # rows
STOPS = 17  # of the ramp


def draw(kind: type[Cohort], left: DeltaGenerator, right: DeltaGenerator) -> None:
    """Settings on the left, the table on the right."""
    with left, spoken():
        st.markdown("**Settings**")
        forms.refuse_links(kind, f"lab.{kind.word}")
        recipe = kind(**forms.settings(kind, f"lab.{kind.word}"))
    with right:
        table = made(recipe)
        said = f"{len(table):,} patients, {len(table.columns)} columns"
        data_set.card(table.card, table.fingerprint, said)
        st.markdown("**What drives the class** (weight of one standard deviation)")
        st.dataframe(
            [{"Column": name, "Weight": weight} for name, weight in table.drivers.items()],
            hide_index=True, alt="Table of the four columns that drive the class",
        )  # fmt: skip
        preview(table)
        correlation(table)


@st.cache_resource(max_entries=8, show_spinner=False)
def made(recipe: Cohort) -> LabeledTable:
    """The table of these settings."""
    return recipe.make()


def preview(table: LabeledTable) -> None:
    """The first rows."""
    import pandas as pd

    frame = pd.DataFrame(table.values[:SHOWN].round(2), columns=list(table.columns))
    frame.insert(0, "class", [table.classes[label] for label in table.labels[:SHOWN]])
    frame.insert(0, "split", [SPLITS[split] for split in table.split[:SHOWN]])
    frame.insert(0, "id", table.ids[:SHOWN])
    st.markdown("**Patients**")
    st.dataframe(frame, hide_index=True, height=300, alt=f"Table of the first {SHOWN} patients")
    if len(table) > SHOWN:
        st.caption(f"The first {SHOWN} of {len(table):,}. Volumes in ml, age in years.")


def correlation(table: LabeledTable) -> None:
    """How strongly each two columns go together, over all patients."""
    import pandas as pd
    import plotly.graph_objects as go

    values = np.atleast_2d(np.corrcoef(table.values, rowvar=False)).round(2)
    names = list(table.columns)
    ramp = DIVERGING_DARK if theme() == "dark" else DIVERGING_LIGHT
    places = np.linspace(0, 1, STOPS)
    scale = [(float(at), "rgb({},{},{})".format(*ramp[round(at * 255)])) for at in places]
    figure = go.Figure(
        go.Heatmap(
            z=values, x=names, y=names, zmin=-1, zmax=1, colorscale=scale,
            hovertemplate="%{y} and %{x}: %{z}<extra></extra>",
            colorbar={"title": "r", "thickness": 12},
        )
    )  # fmt: skip
    figure.update_layout(height=620, margin={"l": 10, "r": 10, "t": 10, "b": 10})
    figure.update_yaxes(autorange="reversed")
    np.fill_diagonal(off := np.abs(values), 0)
    first, second = np.unravel_index(off.argmax(), off.shape)
    finding = (
        f"Correlation of each two columns (Pearson's r). The strongest pair: {names[first]} and "
        f"{names[second]}, r = {signed(values[first, second])}."
    )
    st.markdown("**Which columns go together**")
    st.plotly_chart(figure, key="lab.correlation", config={"displayModeBar": False}, alt=finding)
    st.caption(finding)
    with st.expander("The numbers as a table"):
        st.dataframe(pd.DataFrame(values, names, names), alt="Table of correlations")
