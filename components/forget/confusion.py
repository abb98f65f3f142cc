"""The section "Confusion" of the Forget view: what the models take the images for."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from components.charts import plots, tables
from components.charts.style import laid, ramp
from components.forget.asked import KEY, MODELS, WORDS, Closer, looked
from components.links import refuse
from components.sidebar.subject import Subject
from engine.result import Columns, Table
from engine.unlearning import Confusion

IMAGES = ("test", "forgotten", "retained")
MANY = 20  # classes, from which on cells carry no numbers


def show(closer: Closer, subject: Subject | None, table: Columns) -> None:
    """What each model takes images of each class for."""
    del subject, table
    st.markdown("**What the three models take the images for**")
    key = f"{KEY}.Confusion.of"
    refuse(key, IMAGES, "Images", "one of " + ", ".join(IMAGES))
    of = st.segmented_control(
        "Images", IMAGES, default="test", required=True, key=key, bind="query-params"
    )
    found = looked(closer, Confusion(of=of))
    if found is None:
        return
    for column, name in zip(st.columns(3), MODELS, strict=True):
        counts: Table = found[name]
        with column:
            st.markdown(f"{WORDS[name].capitalize()}")
            plots.drawn(confused(counts), confused_words(closer, counts), f"{KEY}.Confusion.{name}")
    tables.numbers({f"{KEY}.Confusion.{name}.table": found[name] for name in MODELS})


def confused(counts: Table) -> go.Figure:
    """Rows are labels, columns what was said; each row by its own number of images."""
    values = counts.values
    shares = values / np.maximum(values.sum(1, keepdims=True), 1)
    small = len(counts.rows) <= MANY
    figure = go.Figure(
        go.Heatmap(
            z=100 * shares, x=counts.columns, y=counts.rows, zmin=0, zmax=100,
            colorscale=ramp(), showscale=False,
            text=np.where(values > 0, values.astype(int).astype(str), "") if small else None,
            texttemplate="%{text}" if small else None,
            hovertemplate="%{y} is called %{x}: %{z:.0f} %<extra></extra>",
        )
    )  # fmt: skip
    figure.update_xaxes(title="the model says", type="category")
    figure.update_yaxes(title="label", type="category", autorange="reversed")
    return laid(figure, 300)


def confused_words(closer: Closer, counts: Table) -> str:
    """Where the forgotten class goes, or how many are right."""
    label, values = closer.asked.case.request.label, counts.values
    if label is None or not values[label].sum():
        share = np.trace(values) / max(values.sum(), 1)
        return f"{100 * share:.0f} % of {values.sum():.0f} images are told right."
    row = values[label]
    most = int(row.argmax())
    return (
        f"{row[label]:.0f} of {row.sum():.0f} images of “{counts.rows[label]}” are still called "
        f"so; most often it says “{counts.columns[most]}” ({row[most]:.0f} times)."
    )
