"""The curves of a training: loss and share of right answers, epoch by epoch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from components.charts.style import COLORS, INK, theme
from engine.result import Floats, TrainLog

HEIGHT = 260  # px
GRID = "rgba(128, 128, 128, 0.25)"


@dataclass(frozen=True)
class Plot:
    """One of the two pictures."""

    title: str
    unit: str
    learned: Floats
    held: Floats


def plots(log: TrainLog) -> tuple[Plot, Plot]:
    """Loss, and the share that is right."""
    return (
        Plot("Loss", "nats", log.train_loss, log.validation_loss),
        Plot("Right answers", "%", 100 * log.train_accuracy, 100 * log.validation_accuracy),
    )


def training(log: TrainLog, key: str) -> None:
    """Both plots side by side, their finding in words, and the numbers as a table."""
    if not log.done:
        st.caption("The first epoch is not over yet.")
        return
    for column, plot in zip(st.columns(2), plots(log), strict=True):
        with column:
            drawn(plot, log.epochs, f"{key}.{plot.title}")
    st.caption(finding(log))


def drawn(plot: Plot, epochs: int, key: str) -> None:
    """One plot; the validation line is dashed, so that color alone says nothing."""
    import plotly.graph_objects as go

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
    font = {"color": INK[shade]}
    axis = {"tickfont": font, "title": {"font": font}, "gridcolor": GRID, "zeroline": False}
    figure.update_layout(
        height=HEIGHT, margin={"l": 10, "r": 10, "t": 30, "b": 10}, hovermode="x unified",
        showlegend=True, font=font,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "font": font},
    )  # fmt: skip
    figure.update_xaxes({**axis, "title": {"text": "Epoch", "font": font}})
    figure.update_xaxes(range=[0.5, epochs + 0.5], tickformat="d", nticks=8)
    heading = {"text": f"{plot.title} ({plot.unit})", "font": font}
    figure.update_yaxes({**axis, "title": heading, "rangemode": "tozero"})
    if plot.unit == "%":
        figure.update_yaxes(range=[0, 102])
    last = f"{plot.learned[-1]:.3g} {plot.unit} on what it learns from"
    if np.isfinite(plot.held[-1]):
        last += f", {plot.held[-1]:.3g} {plot.unit} on validation images"
    words = f"{plot.title} after {len(at)} of {epochs} epochs: {last}"
    st.plotly_chart(figure, key=key, config={"displayModeBar": False}, alt=words)


def finding(log: TrainLog) -> str:
    """Where the curves stand."""
    seconds = f"{log.seconds.sum():.1f} s of training"
    right = f"{log.train_accuracy[-1]:.1%} right on what it learns from"
    if np.isfinite(log.validation_accuracy[-1]):
        right += f", {log.validation_accuracy[-1]:.1%} on validation images it never learns from"
    said = f"After {log.done} of {log.epochs} epochs: {right}; {seconds}."
    return said.replace("%", " %")


def numbers(log: TrainLog) -> None:
    """The curves' numbers, one row an epoch."""
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
    with st.expander("The numbers as a table"):
        st.dataframe(rows, hide_index=True, alt=f"Table of {log.done} epochs")
