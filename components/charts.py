"""Charts of level sets, drawn by Plotly, each with its numbers as a table below it.

Every probability is on one scale from 0 to 1. Colors and fonts of the page come from Streamlit's
theme; what is drawn over the ramp is white with a black edge, so that it is seen on all of it.
Plotly reads its texts as HTML, so labels are escaped.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from html import escape
from typing import Any, cast

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from components.colors import SEQUENTIAL
from components.viewer import said
from engine.result import Array, Curve, Field, Floats, Points, Result, Table

NONE = "–"
STOPS = 33  # of the ramp, as Plotly is sent it
CONFIG = {"displayModeBar": False, "scrollZoom": False, "doubleClick": "reset"}
MARGINS = {"l": 10, "r": 10, "t": 10, "b": 10}
GRAY = "#808080"  # 3:1 on either theme's background
INK = {"light": "#12171a", "dark": "#e6eae9"}  # Streamlit's own chart texts are too faint
WRAP = 16  # characters of a label's line
FINE = 8  # colored dots between two points of a limb
ASIDE = 12.0  # degrees between a limb and its control, at most
SPREAD = 0.28  # and at most this share of the angle between two limbs
SURFACE, LINES = "Surface", "Lines"
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x")


# ---------------------------------------------------------------- tables


def table(view: Table, key: str, *, whole: bool = False) -> None:
    """The table with its units; what is not known is a dash. A whole one does not scroll."""
    frame = framed(view)
    shown = frame.style.format(dict(zip(frame.columns, formats(view), strict=True)), na_rep=NONE)
    st.dataframe(
        shown, height="content" if whole else "auto", key=key,
        alt=f"Table of {len(view.rows)} rows: {', '.join(view.columns)}",
    )  # fmt: skip


def framed(view: Table) -> pd.DataFrame:
    """A column for each of the view's, its unit in the heading; no two names are the same."""
    headings = [
        name if unit in {"", "yes or no", "share"} else f"{name} ({unit})"
        for name, unit in zip(view.columns, view.units, strict=True)
    ]
    return pd.DataFrame(view.values, index=distinct(view.rows), columns=distinct(headings))


def distinct(names: Sequence[str]) -> list[str]:
    """The names, those that come again numbered."""
    seen: Counter[str] = Counter()
    told = []
    for name in names:
        seen[name] += 1
        told.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return told


def formats(view: Table) -> list[Any]:
    """How a number of each column is written."""
    kinds = {"yes or no": yes_or_no, "share": percent, "probability": decimals}
    return [kinds.get(unit, plain) for unit in view.units]


def yes_or_no(value: float) -> str:
    """A yes or a no."""
    return NONE if not np.isfinite(value) else "yes" if value else "no"


def percent(value: float) -> str:
    """A share of one."""
    return f"{100 * value:.0f} %" if np.isfinite(value) else NONE


def decimals(value: float) -> str:
    """A probability, or a difference of two."""
    return f"{value:.3f}".replace("-", "−") if np.isfinite(value) else NONE


def plain(value: float) -> str:
    """Any other number."""
    return said(value) if np.isfinite(value) else NONE


def numbers(tables: Mapping[str, Table]) -> None:
    """The twin of a drawing: its numbers, folded away."""
    with st.expander("The numbers as a table"):
        for key, view in tables.items():
            table(view, key)


def with_table(
    figure: go.Figure,
    words: str,
    tables: Mapping[str, Table],
    key: str,
    on_select: Callable[[Any], None] | None = None,
    *,
    wide: bool = False,
) -> None:
    """The figure with its finding as alt text and caption, and its numbers in a table below.

    With `on_select` a mark can be clicked, and that is told what Streamlit says of it. A wide one
    is scrolled sideways where the window is narrow.
    """
    inked(figure, INK["dark" if st.context.theme.type == "dark" else "light"])
    chart: dict[str, Any] = {"theme": "streamlit", "config": CONFIG, "key": key, "alt": words}
    with st.container(key=f"wide.{key}") if wide else nullcontext():  # theme.css keeps its width
        if on_select is None:
            st.plotly_chart(figure, **chart)
        else:
            told = on_select
            st.plotly_chart(
                figure, **chart, selection_mode="points",
                on_select=lambda: told(st.session_state[key]),
            )  # fmt: skip
    st.caption(plain_markdown(words))
    numbers({f"{key}.{name}": view for name, view in tables.items()})


def inked(figure: go.Figure, ink: str) -> None:
    """Every text in one color; what has a color of its own keeps it."""
    font = {"color": ink}
    axis = {"tickfont": font, "title": {"font": font}}
    figure.update_layout(font=font, legend={"font": font, "title": {"font": font}})
    figure.update_xaxes(axis)
    figure.update_yaxes(axis)
    if any("scene" in trace for trace in figure.data):  # else it takes 20 ms for nothing
        figure.update_scenes(xaxis=axis, yaxis=axis, zaxis=axis)
    if figure.layout.coloraxis.to_plotly_json():
        figure.update_coloraxes(colorbar=axis)
    for note in figure.layout.annotations:
        note.font.color = note.font.color or ink


def plain_markdown(text: str) -> str:
    """The text with everything that Markdown would read as a sign made a plain character."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]()<>#+-!|~$:^" else sign for sign in text)


# ---------------------------------------------------------------- the star


def star(result: Result, key: str) -> None:
    """Limbs to the blind spots, thin controls to the raw targets, colored by the probability."""
    limbs, controls, figures = (cast(Any, result[n]) for n in ("limbs", "controls", "figures"))
    tables = {"figures": figures, "limbs": limbs_table(limbs, controls, figures.rows)}
    with_table(star_figure(limbs, controls, figures.rows), star_words(result), tables, key)


def star_figure(limbs: Field, controls: Field, labels: Sequence[str]) -> go.Figure:
    """Dots close enough to be a line, in colors, and over them the points to read."""
    angles = 90 - 360 * np.arange(len(labels)) / len(labels)  # degrees, clockwise from above
    aside = min(ASIDE, SPREAD * 360 / len(labels))
    figure = go.Figure()
    for name, held, turned, size in (
        ("to the raw target (control)", controls, angles - aside, 4),
        ("to the blind spot", limbs, angles, 13),
    ):
        figure.add_trace(ground(turned, size + 3))
        figure.add_trace(dots(held, turned, size))
        figure.add_trace(stations(held, turned, labels, name, size))
    lowest = np.nanmin(filled(limbs.values), axis=1)
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
    """A gray edge for the limbs, so that the ends of the ramp are seen on either theme."""
    tips = np.stack([direction(angle) for angle in angles])
    gap = np.full(len(tips), np.nan)
    x, y = (np.column_stack([0 * tip, tip, gap]).ravel() for tip in tips.T)
    line = {"width": width, "color": GRAY}
    return go.Scatter(x=x, y=y, mode="lines", line=line, hoverinfo="skip")


def dots(held: Field, angles: NDArray[np.float64], size: int) -> go.Scatter:
    """The limbs in colors: dots so close that they are a line."""
    fine = np.linspace(0, 1, FINE * (held.values.shape[1] - 1) + 1)
    values = np.concatenate([np.interp(fine, held.x, row) for row in held.values])
    places = np.concatenate([np.outer(fine, direction(angle)) for angle in angles])
    known = np.isfinite(values)
    edge = {"width": 0}
    marker = {"size": size, "color": values[known], "coloraxis": "coloraxis", "line": edge}
    x, y = places[known].T
    return go.Scatter(x=x, y=y, mode="markers", marker=marker, hoverinfo="skip")


def stations(
    held: Field, angles: NDArray[np.float64], labels: Sequence[str], name: str, size: int
) -> go.Scatter:
    """The images looked at on the limbs, with what is read at each."""
    places = np.concatenate([np.outer(held.x, direction(angle)) for angle in angles])
    texts = [
        f"{wrapped(label)}, {name}<br>{share:.0%} of the way: {number(value)}"
        for label, row in zip(labels, held.values, strict=True)
        for share, value in zip(held.x, row, strict=True)
    ]
    unseen = {"size": size, "color": "rgba(0,0,0,0)", "line": {"width": 0}}
    x, y = places.T
    return go.Scatter(x=x, y=y, mode="markers", marker=unseen, hovertext=texts, hoverinfo="text")


def star_words(result: Result) -> str:
    """The lowest probability on any limb, and on any control."""
    limbs, controls, figures = (cast(Any, result[n]) for n in ("limbs", "controls", "figures"))
    lows = [np.nanmin(filled(held.values), axis=1) for held in (limbs, controls)]
    holds = figures.values[:, figures.columns.index("holds")]
    return (
        f"The source, in the middle, has {number(limbs.values[0, 0])}. On the {len(holds)} thick "
        f"limbs to blind spots the probability is nowhere below {lows[0].min():.2f}; "
        f"{int(np.nansum(holds))} of {len(holds)} hold. On the thin lines beside them to the raw "
        f"targets, the control, it falls to {lows[1].min():.2f}; the best of them to "
        f"{lows[1].max():.2f}. The angles mean nothing."
    )


def limbs_table(limbs: Field, controls: Field, labels: Sequence[str]) -> Table:
    """A row for each limb and each control, a column for each share of the way."""
    rows = [*(f"{one}, blind spot" for one in labels), *(f"{one}, raw target" for one in labels)]
    columns = tuple(f"{share:.0%}" for share in limbs.x)
    values = np.concatenate([limbs.values, controls.values])
    return Table(values, tuple(rows), columns, (limbs.unit,) * len(columns))


# ---------------------------------------------------------------- the plane


def plane(result: Result, key: str) -> None:
    """The walk and the straight line over the probability everywhere in their plane."""
    field, walk, line = (cast(Any, result[name]) for name in ("field", "walk", "line"))
    tables = {"walk": points_table(walk), "line": points_table(line), "field": field_table(field)}
    with_table(plane_figure(field, walk, line), plane_words(walk, line), tables, key)


def plane_figure(field: Field, walk: Points, line: Points) -> go.Figure:
    """Above the plane with both ways, below the probability along them, over the same axis."""
    figure = make_subplots(rows=2, shared_xaxes=True, row_heights=(0.5, 0.5), vertical_spacing=0.06)
    filled_in = go.Contour(
        x=field.x,
        y=field.y,
        z=field.values,
        coloraxis="coloraxis",
        contours={"coloring": "heatmap", "start": 0.5, "end": 0.5, "size": 1},
        line={"color": "#fff", "width": 1},
        hovertemplate="in the plane: %{z:.2f}<extra></extra>",
    )
    above = [
        filled_in,
        *(way(line.places, wide, shade) for wide, shade in ((5, "#000"), (2.5, "#b8b8b8"))),
        *(way(walk.places, wide, shade) for wide, shade in ((5.5, "#000"), (3, "#fff"))),
        stops(line, line.places, "straight line", 1),
        stops(walk, walk.places, "walk", 9),
    ]
    across, along = profile(line), profile(walk)
    below = [
        way(across, 3, GRAY),
        way(along, 3, GRAY),
        stops(line, across, "straight line", 5, "square"),
        stops(walk, along, "walk", 11),
    ]
    figure.add_traces(above, rows=[1] * len(above), cols=[1] * len(above))
    figure.add_traces(below, rows=[2] * len(below), cols=[1] * len(below))
    for x, words in ((0.0, "source"), (1.0, "target")):
        figure.add_annotation(
            x=x, y=0, text=f"<b>{words}</b>", yshift=-18, showarrow=False, borderpad=2,
            font={"color": "#fff"}, bgcolor="rgba(0,0,0,0.75)", row=1, col=1,
        )  # fmt: skip
    for one, words, above_it in ((walk, "walk", 16), (line, "straight line", -14)):
        at = len(one.values) * 3 // 4
        x, y = profile(one)[at]
        figure.add_annotation(x=x, y=y, text=words, yshift=-above_it, showarrow=False, row=2, col=1)
    figure.update_xaxes(edges(field.x), fixedrange=True)
    figure.update_xaxes(title_text="way from source to target", row=2)
    figure.update_yaxes(fixedrange=True)
    figure.update_yaxes(edges(field.y), title_text="beside the line", row=1)
    figure.update_yaxes(title_text=escape(field.unit), range=[-0.05, 1.08], row=2)
    figure.update_layout(
        coloraxis=scale(field.unit, across=True, below=-0.2),
        showlegend=False,
        height=640,
        margin=MARGINS,
    )
    return figure


def profile(points: Points) -> Floats:
    """The share of the way and the value, (n, 2)."""
    return np.column_stack([points.places[:, 0], points.values])


def way(places: Floats, width: float, shade: str) -> go.Scatter:
    """A plain line through places."""
    x, y = places.T
    line = {"width": width, "color": shade}
    return go.Scatter(x=x, y=y, mode="lines", line=line, hoverinfo="skip")


def stops(
    points: Points, places: Floats, name: str, size: int, symbol: str = "circle"
) -> go.Scatter:
    """Images on a way, each in the color of its own probability."""
    edge = {"width": 1.25 if size > 1 else 0, "color": "#000"}
    look = {"size": size, "symbol": symbol, "line": edge}
    texts = [f"{name}, point {at}: {number(v)}" for at, v in enumerate(points.values)]
    x, y = places.T
    return go.Scatter(
        x=x,
        y=y,
        mode="markers",
        marker=look | {"color": points.values, "coloraxis": "coloraxis"},
        hovertext=texts,
        hoverinfo="text",
    )


def plane_words(walk: Points, line: Points) -> str:
    """The lowest probability on the walk and on the straight line, and how far they part."""
    walked, straight = float(np.nanmin(walk.values)), float(np.nanmin(line.values))
    bend = 100 * float(np.abs(walk.places[:, 1]).max())
    return (
        f"Along the walk the probability is nowhere below {walked:.2f}; along the straight line "
        f"to the target it falls to {straight:.2f}. In this plane the two part by at most "
        f"{bend:.2g} % of the way; the upright axis is stretched. The ground is the plane; the "
        "walk's images lie a little beside it, so that a bright point may stand on dark ground."
    )


def points_table(points: Points) -> Table:
    """A row for each point: where it is, and its value."""
    values = np.column_stack([points.places, points.values])
    rows = tuple(f"point {at}" for at in range(len(values)))
    return Table(values, rows, (points.x_label, points.y_label, "value"), ("", "", points.unit))


def field_table(field: Field) -> Table:
    """The field as it is, its places as names, the highest row first."""
    rows = tuple(f"{field.y_label} {y:.3g}".replace("-", "−") for y in field.y[::-1])
    columns = tuple(f"{x:.3g}".replace("-", "−") for x in field.x)
    return Table(field.values[::-1], rows, columns, (field.unit,) * len(columns))


# ---------------------------------------------------------------- the tube


def tube(result: Result, key: str) -> None:
    """The probability beside the walk, as a surface or, flat, as a line for each distance."""
    low, high, held = (cast(Any, result[name]) for name in ("low", "high", "confidence"))
    look = st.segmented_control(
        "Show as", [SURFACE, LINES], default=SURFACE, required=True, key=f"{key}.look"
    )
    figure = tube_surface(low, held) if look == SURFACE else tube_lines(low, held)
    tables = {"low": rows_table(low, "5 %"), "high": rows_table(high, "95 %")}
    with_table(figure, tube_words(low, held), tables, key=f"{key}.{look}")


def tube_surface(low: Field, held: Curve) -> go.Figure:
    """Step by distance, mirrored, by the 5 % quantile; the walk itself runs along the middle."""
    distances = np.concatenate([-low.y[::-1], [0], low.y])
    heights = np.concatenate([low.values[::-1], held.y[None], low.values])
    figure = go.Figure(
        go.Surface(
            x=low.x,
            y=distances,
            z=heights,
            coloraxis="coloraxis",
            hovertemplate="step %{x}, distance %{y}: %{z:.2f}<extra></extra>",
            contours={"x": {"show": True, "color": GRAY, "start": 0, "end": float(low.x[-1])}},
        )
    )
    middle = np.zeros_like(held.x)
    line = {"width": 7, "color": "#000"}
    figure.add_trace(
        go.Scatter3d(x=held.x, y=middle, z=held.y + 0.01, mode="lines", line=line, hoverinfo="skip")
    )
    ranged = {"range": [0, 1.02], "title": {"text": "5 % quantile"}}
    figure.update_layout(
        coloraxis=scale(low.unit, across=True),
        scene={
            "xaxis": {"title": {"text": "step"}},
            "yaxis": {"title": {"text": "distance (L2)"}},
            "zaxis": ranged,
            "aspectratio": {"x": 1.3, "y": 1, "z": 0.7},
            "camera": {"eye": {"x": 1.4, "y": -1.75, "z": 0.85}},
        },
        showlegend=False,
        height=460,
        margin=MARGINS,
    )
    return figure


def tube_lines(low: Field, held: Curve) -> go.Figure:
    """A line for each distance; dashes and marks tell them apart as well as colors."""
    figure = go.Figure()
    rows = [("on the walk", held.y), *((f"at {y:g}", row) for y, row in zip(low.y, low.values))]  # noqa: B905
    for at, (name, values) in enumerate(rows):
        look = at % len(DASHES)
        figure.add_trace(
            go.Scatter(
                x=low.x,
                y=values,
                name=name,
                mode="lines+markers",
                line={"dash": DASHES[look], "width": 2.5},
                marker={"symbol": SYMBOLS[look], "size": 9},
                hovertemplate=f"{name}, step %{{x}}: %{{y:.2f}}<extra></extra>",
            )
        )
    figure.update_layout(
        xaxis={"title": {"text": "step"}, "fixedrange": True},
        yaxis={
            "title": {"text": "probability, 5 % quantile"},
            "range": [-0.02, 1.04],
            "fixedrange": True,
        },
        legend={
            "title": {"text": "distance (L2)"},
            "orientation": "h",
            "y": 1.02,
            "yanchor": "bottom",
        },
        height=400,
        margin=MARGINS,
    )
    return figure


def tube_words(low: Field, held: Curve) -> str:
    """The lowest of the walk, and beside it at the least and the largest distance."""
    near, far = (float(np.nanmin(filled(low.values[at]))) for at in (0, -1))
    return (
        f"On the walk the probability is at least {float(np.nanmin(held.y)):.2f}. Beside it, 19 of "
        f"20 random directions stay above {near:.2f} at distance {low.y[0]:g} and above {far:.2f} "
        f"at distance {low.y[-1]:g}, at every step looked at. Where the walk itself was below its "
        "bound, there is no tube. A random direction says little about the worst one."
    )


def rows_table(field: Field, name: str) -> Table:
    """A row for each distance, a column for each step."""
    rows = tuple(f"{name} quantile at distance {y:g}" for y in field.y)
    columns = tuple(f"step {x:g}" for x in field.x)
    return Table(field.values, rows, columns, (field.unit,) * len(columns))


# ---------------------------------------------------------------- small parts


def scale(unit: str, *, across: bool = False, below: float = -0.02) -> dict[str, Any]:
    """The one scale of probabilities, from 0 to 1, with its bar below or beside."""
    bar: dict[str, Any] = {
        "title": {"text": escape(unit), "side": "top" if across else "right"},
        "tickvals": [0, 0.25, 0.5, 0.75, 1],
        "thickness": 14,
        "outlinewidth": 1,
        "outlinecolor": GRAY,
    }
    if across:
        bar |= {"orientation": "h", "y": below, "yanchor": "top", "len": 0.9}
    return {"cmin": 0, "cmax": 1, "colorscale": ramp(), "colorbar": bar}


def ramp() -> list[tuple[float, str]]:
    """The ramp of unsigned numbers as Plotly takes it."""
    at = np.linspace(0, 255, STOPS).round().astype(int)
    return [(float(k / 255), "rgb({},{},{})".format(*SEQUENTIAL[k])) for k in at]


def edges(places: Array) -> dict[str, Any]:
    """The range of an axis that ends where the places do."""
    return {"range": [float(places[0]), float(places[-1])]}


def direction(angle: float) -> NDArray[np.float64]:
    """The unit vector at an angle in degrees."""
    return np.array([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))])


def filled(values: Floats) -> Floats:
    """The values, zero where none is known in a whole row, so that a lowest one can be had."""
    return np.where(np.isfinite(values).any(axis=-1, keepdims=True), values, np.float32(0))


def number(value: float) -> str:
    """A probability in a hover text."""
    return f"{value:.2f}" if np.isfinite(value) else "no value"


def wrapped(label: str) -> str:
    """A label over at most two lines, as text that Plotly does not read as HTML."""
    lines = textwrap.wrap(label, WRAP, max_lines=2, placeholder=" …") or [""]
    return "<br>".join(escape(line) for line in lines)
