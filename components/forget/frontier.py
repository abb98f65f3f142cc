"""The section "Frontier": forgetting against keeping, and the dials of ways that have one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from components import runs
from components.charts import plots, tables
from components.charts.style import COLORS, GRAY, SYMBOLS, laid, theme
from components.charts.tables import as_table
from components.forget.asked import KEY, Closer
from components.forget.verdict import best
from components.forget.words import GOAL, WORDS, named
from components.runs import Outcome, Problem
from components.sidebar.subject import Subject
from engine import run
from engine.result import Columns
from engine.run import Answer
from engine.unlearning import Frontier


def show(closer: Closer, subject: Subject | None, table: Columns) -> None:
    """Every way as a point; the dials of those that were turned as curves behind."""
    del subject
    st.markdown("**Forgetting against keeping**")
    asked = closer.asked
    outcome: Outcome | None = None
    if closer.method.dial is not None:
        label = f"Turn the dial of {named(closer.method.label)}"
        outcome = runs.ask_when_told(Frontier(), closer.case, f"{KEY}.Frontier", label)
    curves: dict[str, Any] = {}
    for method in asked.methods:
        if found := run.known(Frontier(), Closer(asked, method).case):
            curves[method.label] = found["points"]
    if outcome is not None and not isinstance(outcome, Answer):
        runs.watch([outcome])
        if isinstance(outcome, Problem) and outcome.partial is not None:
            curves[closer.method.label] = outcome.partial["points"]
    figure = frontier_figure(table, curves, closer.method.label)
    points = {named(way): as_table(one) for way, one in curves.items()}
    plots.drawn(figure, frontier_words(table, curves), f"{KEY}.frontier")
    if points:
        tables.numbers({f"{KEY}.frontier.{way}": one for way, one in points.items()})


def frontier_figure(table: Columns, curves: Mapping[str, Any], own: str) -> go.Figure:
    """Forgetting to the right, keeping upwards; the retrained model is in the corner."""
    figure = go.Figure()
    color = COLORS[theme()]
    for at, way in enumerate(table.rows):
        ink, symbol = color[at % 3], SYMBOLS[at % len(SYMBOLS)]
        if way in curves:
            along = curves[way]
            places = sorted_by_dial(along)
            figure.add_scatter(
                x=100 * along["forgetting"][places], y=100 * along["keeping"][places],
                mode="lines+markers", line={"color": ink, "width": 1.5, "dash": "dot"},
                marker={"size": 4}, showlegend=False, hovertext=[along.rows[k] for k in places],
            )  # fmt: skip
        figure.add_scatter(
            x=[100 * table["forgetting"][at]], y=[100 * table["keeping"][at]], mode="markers",
            name=named(way),
            marker={
                "size": 18 if way in {GOAL, own} else 11,
                "symbol": "star" if way == GOAL else symbol,
                "color": GRAY if way in WORDS else ink, "line": {"width": 1, "color": GRAY},
            },
        )  # fmt: skip
    low = np.nanmin([*table["keeping"], *(np.nanmin(one["keeping"]) for one in curves.values())])
    figure.update_xaxes(title="forgets as retraining does (%)", range=[-4, 104])
    figure.update_yaxes(title="keeps as it does (%)", range=[100 * min(low, 0.8) - 4, 103])
    return laid(figure, 420)


def sorted_by_dial(along: Any) -> Sequence[int]:
    """Places in the order of the dial."""
    dial = along[along.order[0]]
    return [int(at) for at in np.argsort(dial, kind="stable") if np.isfinite(dial[at])]


def frontier_words(table: Columns, curves: Mapping[str, Any]) -> str:
    """How to read it."""
    said = "The upper right corner is the retrained model."
    if way := best(table):
        said += f" {named(way)} comes nearest."
    if curves:
        said += f" Dotted: {', '.join(map(named, curves))} as its dial is turned."
    return said
