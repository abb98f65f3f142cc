"""VASparse: which image tokens stay in memory, how much attention they hold, and the sinks."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from components.charts import plots
from components.charts.style import COLORS, GRAY, MARGINS, theme
from components.charts.tables import as_table
from components.decoding import keep
from components.decoding.asked import KEY, Compared, Spoken
from components.links import let_go
from components.notices import plain
from components.sidebar.pictures import enlarged
from components.widgets.pictures import show_picture
from engine.pictures import as_bytes
from engine.result import Columns, Curve, Table

DROPPED = np.array([110, 110, 110], np.uint8)
SINKS = 12  # words that are drawn
BEGINNING = "the beginning"  # as the token before everything is called
SHADE = 0.75  # of a dropped token's place

Pixels = NDArray[np.uint8]


def show(found: Compared, one: Spoken) -> None:
    """Maps and words of what is kept, the law of attention, the sinks, and CHAIR by share kept."""
    if not one.tokens.words:
        return
    kept(found, one)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Few tokens get nearly all attention**")
        law(one)
    with right:
        st.markdown("**Words that soak up attention**")
        sinks(one)
    keep.show(found, one)


def kept(found: Compared, one: Spoken) -> None:
    """The image with the places of dropped tokens crossed out, for each layer."""
    grids = np.asarray(one.answer["kept"].values)  # (n, layers, rows, columns)
    words = [f"{at + 1}. {word}" for at, word in enumerate(one.tokens.words)]
    place = len(words) - 1
    if len(words) > 1:
        key = f"{KEY}.kept"
        let_go(key, words, words[-1])
        place = words.index(st.select_slider("When was chosen", words, words[-1], key=key))
    st.markdown(f"**Image tokens in memory when “{one.tokens.words[place]}” was chosen**")
    pixels = as_bytes(found.case.image)
    columns = st.columns(max(3, grids.shape[1]))
    for layer, column in zip(range(grids.shape[1]), columns, strict=False):
        grid = grids[place, layer] > 0
        said = f"Layer {layer + 1}: {int(grid.sum())} of {grid.size} image tokens"
        show_picture(crossed(pixels, grid), said, place=column, width="stretch", caption=said)
    if place == 0:
        st.caption("Nothing was dropped yet: the memory is thinned out before each further word.")
    else:
        st.caption("Gray and crossed out: no longer in that layer's memory.")
    st.markdown(f"**Words in memory when “{plain(one.tokens.words[place])}” was chosen**")
    for line in texts(one, place):
        st.markdown(line)


def texts(one: Spoken, place: int) -> list[str]:
    """For each layer the words read so far, those it dropped struck through; one line for none.

    Args:
        one: the answer.
        place: of the word that is chosen, from 0.
    """
    held: Columns = one.answer["dropped"]
    read = len(held.rows) - len(one.tokens.words) + 1 + place
    names = [BEGINNING, *held.rows[1:]][:read]
    gone = {layer: held[layer][:read] <= place + 1 for layer in held.order}
    if not any(lost.any() for lost in gone.values()):
        return [f"All {read} of them, {BEGINNING} among them: no word was dropped."]
    return [
        f"{layer.capitalize()}, {int(lost.sum())} of {read} dropped: "
        + " ".join(
            f"~~{plain(name)}~~" if out else plain(name)
            for name, out in zip(names, lost, strict=True)
        )
        for layer, lost in gone.items()
    ]


def crossed(pixels: Pixels, grid: NDArray[np.bool_]) -> Pixels:
    """A picture with the cells that are off grayed and crossed out.

    Args:
        pixels: (H, W, 3).
        grid: (rows, columns), on where a token is kept.
    """
    large = enlarged(pixels).copy()
    height, width = large.shape[0] // grid.shape[0], large.shape[1] // grid.shape[1]
    across = np.abs(np.arange(height)[:, None] * width - np.arange(width)[None] * height)
    line = np.minimum(across, across[:, ::-1]) < max(height, width)
    for row, column in zip(*np.nonzero(~grid), strict=True):
        here: Any = (
            slice(row * height, (row + 1) * height), slice(column * width, (column + 1) * width)
        )  # fmt: skip
        cell = (1 - SHADE) * large[here] + SHADE * DROPPED
        large[here] = np.where(line[..., None], 235, cell).astype(np.uint8)
    return large


def law(one: Spoken) -> None:
    """How much of the attention the most looked at tokens hold."""
    curve: Curve = one.answer["recovered"]
    keep = float(one.method.settings()["keep"])
    held = float(np.interp(keep, curve.x, curve.y))
    figure = go.Figure(
        go.Scatter(
            x=100 * curve.x, y=100 * curve.y, mode="lines",
            line={"width": 3, "color": COLORS[theme()][0]},
            hovertemplate="%{x:.0f} % of the tokens: %{y:.0f} %<extra></extra>",
        )
    )  # fmt: skip
    figure.add_scatter(
        x=[100 * keep], y=[100 * held], mode="markers+text", text=["kept"],
        textposition="bottom center", hoverinfo="skip",
        marker={"size": 14, "symbol": "diamond", "color": COLORS[theme()][1]},
    )  # fmt: skip
    figure.update_xaxes(title_text="% of the tokens read", range=[0, 103], fixedrange=True)
    figure.update_yaxes(title_text="% of the attention", range=[0, 108], fixedrange=True)
    figure.update_layout(height=330, showlegend=False, margin=MARGINS)
    half = float(np.interp(0.9, curve.y, curve.x))
    table = Table(
        np.stack([curve.x, curve.y], 1), tuple(str(at + 1) for at in range(len(curve.x))),
        ("tokens", "attention"), ("share", "share"),
    )  # fmt: skip
    plots.with_table(
        figure,
        f"The {100 * half:.0f} % most looked at tokens hold 90 % of the attention, at the last "
        f"word of the question. Keeping {100 * keep:.0f} % could hold {100 * held:.0f} %.",
        {"law": table}, f"{KEY}.law",
    )  # fmt: skip


def sinks(one: Spoken) -> None:
    """The attention that each word got, before and after calibration."""
    held: Columns = one.answer["sinks"]
    most = np.sort(np.argsort(-held["before"], kind="stable")[:SINKS])
    names = [sink_name(at, held.rows[at]) for at in most.tolist()]
    figure = go.Figure()
    for name, color, shape in zip(("before", "after"), COLORS[theme()], ("", "/"), strict=False):
        figure.add_bar(
            x=names, y=100 * held[name][most], name=name,
            marker={"color": color, "pattern": {"shape": shape}},
            hovertemplate=f"%{{x}} {name}: %{{y:.1f}} %<extra></extra>",
        )  # fmt: skip
    every = [sink_name(at, word) for at, word in enumerate(held.rows)]
    given = one.method.settings()
    figure.add_hline(100 * given["sink"], line={"dash": "dash", "width": 1.5, "color": GRAY})
    figure.update_xaxes(fixedrange=True)
    figure.update_yaxes(title_text="% of the attention, mean", fixedrange=True, rangemode="tozero")
    figure.update_layout(
        height=330, barmode="group", margin={"l": 10, "r": 10, "t": 30, "b": 10},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )  # fmt: skip
    top = int(np.argmax(held["before"]))
    plots.with_table(
        figure,
        f"{sink_name(top, held.rows[top])} soaks up most: {100 * held['before'][top]:.1f} % before "
        f"calibration, {100 * held['after'][top]:.1f} % after. Words above the dashed line (τ) are "
        f"held down. Of question and answer the {len(most)} words that get most are drawn.",
        {"sinks": as_table(held, rows=every)}, f"{KEY}.sinks",
    )  # fmt: skip


def sink_name(place: int, word: str) -> str:
    """A word of the whole text; the first place is the beginning."""
    return f"{place}. {word}" if place else BEGINNING
