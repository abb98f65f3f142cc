"""The curves of a training: loss and share of right answers, epoch by epoch."""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from components.charts.finished import finished_figure
from components.charts.plots import show_figure as draw_figure
from components.charts.tables import NUMBERS
from components.folded import folded
from engine.core.charts.style import COLORS, theme
from engine.core.result import Floats, TrainLog

HEIGHT = 260  # px
GRID = "rgba(128, 128, 128, 0.25)"


@dataclass(frozen=True)
class Plot:
    """One of the two pictures."""

    title: str
    unit: str
    learned: Floats
    held: Floats


def training(log: TrainLog, key: str) -> None:
    if not log.done:
        st.caption("The first epoch is not over yet.")
        return
    plots = (
        Plot("Loss", "nats", log.train_loss, log.validation_loss),
        Plot("Right answers", "%", 100 * log.train_accuracy, 100 * log.validation_accuracy),
    )
    for column, plot in zip(st.columns(2), plots, strict=True):
        with column:
            draw_plot(plot, log.epochs, f"{key}.{plot.title}")
    st.caption(finding(log))


def draw_plot(plot: Plot, epochs: int, key: str) -> None:
    last = f"{plot.learned[-1]:.3g} {plot.unit} on what it learns from"
    if np.isfinite(plot.held[-1]):
        last += f", {plot.held[-1]:.3g} {plot.unit} on validation images"
    words = f"{plot.title} after {len(plot.learned)} of {epochs} epochs: {last}"
    draw_figure(finished_figure(curve_figure, plot, epochs), words, key, said=False)


def curve_figure(plot: Plot, epochs: int) -> go.Figure:
    figure = go.Figure()
    at = list(range(1, len(plot.learned) + 1))
    mode = "lines+markers" if len(at) < 30 else "lines"
    shade = theme()
    for name, values, dash, color in (
        ("learned from", plot.learned, "solid", COLORS[shade][0]),
        ("validation", plot.held, "dash", COLORS[shade][1]),
    ):
        if np.isfinite(values).any():
            line = {"dash": dash, "color": color}
            figure.add_scatter(x=at, y=values.tolist(), name=name, mode=mode, line=line)
    figure.update_layout(
        height=HEIGHT,
        margin={"l": 10, "r": 10, "t": 30, "b": 10},
        hovermode="x unified",
        showlegend=True,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )
    axis = {"gridcolor": GRID, "zeroline": False}
    numbered = {"range": [0.5, epochs + 0.5], "tickformat": "d", "nticks": 8}
    figure.update_xaxes(axis | numbered, title="Epoch")
    figure.update_yaxes(axis, title=f"{plot.title} ({plot.unit})", rangemode="tozero")
    if plot.unit == "%":
        figure.update_yaxes(range=[0, 102])
    return figure


def finding(log: TrainLog) -> str:
    seconds = f"{log.seconds.sum():.1f} s of training"
    right = f"{log.train_accuracy[-1]:.1%} right on what it learns from"
    if np.isfinite(log.validation_accuracy[-1]):
        right += f", {log.validation_accuracy[-1]:.1%} on validation images it never learns from"
    sentence = f"After {log.done} of {log.epochs} epochs: {right}; {seconds}."
    return sentence.replace("%", " %")


def fold_numbers(log: TrainLog, key: str) -> None:
    folded(NUMBERS, f"{key}.folded", lambda: all_numbers(log))


def all_numbers(log: TrainLog) -> None:
    rows = [
        {
            "Epoch": epoch + 1,
            "Loss": round(float(log.train_loss[epoch]), 4),
            "Right (%)": round(100 * float(log.train_accuracy[epoch]), 2),
            "Validation loss": round(float(log.validation_loss[epoch]), 4),
            "Validation right (%)": round(100 * float(log.validation_accuracy[epoch]), 2),
            "Seconds": round(float(log.seconds[epoch]), 3),
        }
        for epoch in range(log.done)
    ]
    st.dataframe(rows, hide_index=True, alt=f"Table of {log.done} epochs")
