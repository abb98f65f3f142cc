"""The star of level sets: limbs to blind spots, and beside each the line to the raw target."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from components.charts.finished import finished_figure
from components.charts.plots import with_table
from components.charts.style import fill_unknown, number, scale
from engine.core.charts.style import GRAY, MARGINS, wrapped
from engine.core.result import Field, Result, Table

FINE = 8  # colored dots between two points of a limb
ASIDE = 12.0  # degrees between a limb and its control, at most
SPREAD = 0.28  # and at most this share of the angle between two limbs


def star(result: Result, key: str) -> None:
    limbs, controls, figures = (cast(Any, result[n]) for n in ("limbs", "controls", "figures"))
    tables = {"figures": figures, "limbs": limbs_table(limbs, controls, figures.rows)}
    figure = finished_figure(star_figure, limbs, controls, figures.rows)
    with_table(figure, star_words(result), tables, key)


def sentence(result: Result) -> str:
    limbs, controls, figures = (cast(Any, result[n]) for n in ("limbs", "controls", "figures"))
    low, control = (
        float(np.nanmin(fill_unknown(field.values), axis=1).min()) for field in (limbs, controls)
    )
    holds = figures["holds"]
    return (
        f"{int(np.nansum(holds))} of {len(holds)} ways to blind spots hold: the probability is "
        f"nowhere below {low:.2f}; straight to the targets it falls to {control:.2f}."
    )


def star_figure(limbs: Field, controls: Field, labels: Sequence[str]) -> go.Figure:
    angles = 90 - 360 * np.arange(len(labels)) / len(labels)  # degrees, clockwise from above
    aside = min(ASIDE, SPREAD * 360 / len(labels))
    figure = go.Figure()
    for name, field, turned, size in (
        ("to the raw target (control)", controls, angles - aside, 4),
        ("to the blind spot", limbs, angles, 13),
    ):
        figure.add_trace(ground(turned, size + 3))
        figure.add_trace(dots(field, turned, size))
        figure.add_trace(stations(field, turned, labels, name, size))
    lowest = np.nanmin(fill_unknown(limbs.values), axis=1)
    for angle, label, low in zip(angles, labels, lowest, strict=True):
        x, y = 1.08 * direction(angle)
        figure.add_annotation(
            x=x,
            y=y,
            text=f"<b>{wrapped(label)}</b><br>min {low:.2f}",
            showarrow=False,
            xanchor="center" if abs(x) < 0.3 else "left" if x > 0 else "right",
            yanchor="middle" if abs(y) < 0.8 else "bottom" if y > 0 else "top",
            align="center" if abs(x) < 0.3 else "left" if x > 0 else "right",
        )
    figure.update_layout(
        coloraxis=scale("probability", across=True),
        xaxis={"visible": False, "range": [-1.6, 1.6], "fixedrange": True},
        yaxis={"visible": False, "range": [-1.3, 1.3], "fixedrange": True, "scaleanchor": "x"},
        showlegend=False,
        height=560,
        margin=MARGINS,
    )
    return figure


def ground(angles: NDArray[np.float64], width: int) -> go.Scatter:
    tips = np.stack([direction(angle) for angle in angles])
    gap = np.full(len(tips), np.nan)
    x, y = (np.column_stack([0 * tip, tip, gap]).ravel() for tip in tips.T)
    line = {"width": width, "color": GRAY}
    return go.Scatter(x=x, y=y, mode="lines", line=line, hoverinfo="skip")


def dots(field: Field, angles: NDArray[np.float64], size: int) -> go.Scatter:
    fine = np.linspace(0, 1, FINE * (field.values.shape[1] - 1) + 1)
    values = np.concatenate([np.interp(fine, field.x, row) for row in field.values])
    places = np.concatenate([np.outer(fine, direction(angle)) for angle in angles])
    known = np.isfinite(values)
    edge = {"width": 0}
    marker = {"size": size, "color": values[known], "coloraxis": "coloraxis", "line": edge}
    x, y = places[known].T
    return go.Scatter(x=x, y=y, mode="markers", marker=marker, hoverinfo="skip")


def stations(
    field: Field, angles: NDArray[np.float64], labels: Sequence[str], name: str, size: int
) -> go.Scatter:
    places = np.concatenate([np.outer(field.x, direction(angle)) for angle in angles])
    texts = [
        f"{wrapped(label)}, {name}<br>{share:.0%} of the way: {number(value)}"
        for label, row in zip(labels, field.values, strict=True)
        for share, value in zip(field.x, row, strict=True)
    ]
    unseen = {"size": size, "color": "rgba(0,0,0,0)", "line": {"width": 0}}
    x, y = places.T
    return go.Scatter(x=x, y=y, mode="markers", marker=unseen, hovertext=texts, hoverinfo="text")


def star_words(result: Result) -> str:
    limbs, controls = (cast(Any, result[n]) for n in ("limbs", "controls"))
    best = np.nanmin(fill_unknown(controls.values), axis=1).max()
    return (
        f"{sentence(result)} The source, in the middle, has {number(limbs.values[0, 0])}. Thick "
        "limbs lead to blind spots; the thin lines beside them, the control, to the raw targets: "
        f"the best of them falls to {best:.2f}. The angles mean nothing."
    )


def limbs_table(limbs: Field, controls: Field, labels: Sequence[str]) -> Table:
    rows = [
        *(f"{label}, blind spot" for label in labels),
        *(f"{label}, raw target" for label in labels),
    ]
    columns = tuple(f"{share:.0%}" for share in limbs.x)
    values = np.concatenate([limbs.values, controls.values])
    return Table.grid(values, tuple(rows), columns, (limbs.unit,) * len(columns))


def direction(angle: float) -> NDArray[np.float64]:
    """The unit vector at an angle in degrees."""
    return np.array([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))])
