"""The LFA paper's three experiments on the person's image: recovery, convergence, perturbation."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from components import runs
from components.charts import plots
from components.charts.style import COLORS, DASHES, MARGINS, theme
from components.links import refuse
from components.runs import Pending, Problem
from engine.attribution.lfa import ADDED, LFA, LFAExperiments
from engine.case import ImageCase
from engine.result import Table
from engine.run import Answer

TALL = 360  # px
CHANGES = {"Set to nothing": "zeroed", "Given noise": "noised"}
NEAR = 0.01  # of the weights; an error below it counts as found


def show(method: LFA, case: ImageCase, key: str) -> None:
    """On request, in a folded part of the view: one figure or table for each experiment."""
    asked = LFAExperiments(**method.settings())
    with st.expander("The paper's three experiments on this image"):
        st.markdown(LFAExperiments.about())
        outcome = runs.ask_when_told(asked, case, key, "Run the experiments")
        match outcome:
            case None:
                return
            case Pending() | Problem():
                runs.watch([outcome])
            case answer:
                drawn(answer, key)


def drawn(answer: Answer, key: str) -> None:
    """The three findings, each with its numbers."""
    st.markdown("**Recovery: does it find a linear model?**")
    st.markdown(found(answer["recovery"]))
    st.markdown("**Convergence: do more samples still change it?**")
    view = answer["convergence"]
    plots.with_table(
        lines(view, "distance to its twin"), settled(view), {"distances": view}, f"{key}.twins"
    )
    st.markdown("**Perturbation: how far does the score move?**")
    refuse(f"{key}.change", CHANGES, "Change", "one of " + ", ".join(CHANGES))
    change = st.segmented_control(
        "The chosen features are", list(CHANGES), default="Set to nothing", required=True,
        key=f"{key}.change", bind="query-params",
    )  # fmt: skip
    for column, end in zip(st.columns(2), ("strongest", "weakest"), strict=True):
        view = answer[f"{end} {CHANGES[change]}"]
        with column:
            title = f"{end} features: the score moves by ({view.units[0]})"
            plots.with_table(
                lines(view, title), best(view, end), {"changes": view}, f"{key}.{end}.{change}"
            )


def lines(view: Table, title: str) -> go.Figure:
    """A line for each explainer over the number that heads each column; added noise is solid."""
    at = [int(name.split()[0]) for name in view.columns]
    figure = go.Figure()
    colors = COLORS[theme()]
    for number, (name, row) in enumerate(zip(view.rows, view.values, strict=True)):
        color = colors[number % len(colors)]
        dash = DASHES[number // len(colors) + (0 if name in ADDED else 3)]
        figure.add_scatter(
            x=at, y=row.tolist(), name=name, mode="lines+markers",
            line={"color": color, "dash": dash},
        )  # fmt: skip
    figure.update_layout(
        height=TALL, margin=MARGINS, hovermode="x unified",
        legend={"orientation": "h", "y": -0.25, "yanchor": "top"},
    )  # fmt: skip
    figure.update_xaxes(title_text=view.columns[0].split()[1], fixedrange=True)
    figure.update_yaxes(title_text=title, rangemode="tozero", fixedrange=True)
    return figure


def found(view: Table) -> str:
    """Which explainers return the weights of a linear model, and how far off the others are."""
    errors = dict(zip(view.rows, view.values[:, 0].tolist(), strict=True))
    exact = [name for name, error in errors.items() if error < NEAR]
    others = {name: error for name, error in errors.items() if not error < NEAR}
    told = f"Exactly: {', '.join(exact) or 'none'}."
    if others:
        rest = ", ".join(f"{name} ({error:.0%} off)" for name, error in others.items())
        told += f" Not with so few samples: {rest}."
    return told.replace("%", " %")


def settled(view: Table) -> str:
    """How far each explainer is from its twin with the fewest and with all samples."""
    ends = [
        f"{name} {few:.2g} → {all_:.2g}"
        for name, few, all_ in zip(view.rows, view.values[:, 0], view.values[:, -1], strict=True)
        if few >= NEAR
    ]
    return f"From {view.columns[0]} to {view.columns[-1]}: {'; '.join(ends) or 'all exact'}."


def best(view: Table, end: str) -> str:
    """Whose strongest features move the score most, or whose weakest move it least, on average."""
    means = view.values.mean(1)
    place = int(np.argmax(means) if end == "strongest" else np.argmin(means))
    word = "most" if end == "strongest" else "least"
    return f"Moved {word} on average by those of {view.rows[place]}: {means[place]:.3g}."
