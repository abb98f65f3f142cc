"""DoLa: what each layer would have said, and the early one that was subtracted."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from components.charts import plots
from components.charts.style import COLORS, INK, MARGINS, PALE, theme
from components.decoding.asked import KEY, Compared, Spoken
from components.links import let_go
from engine.result import Columns, Ranking, Table

ROW = 44  # px
SHOWN = 10  # words at a time


def show(_found: Compared, one: Spoken) -> None:
    """Words across, layers upward; the early layer of each word is outlined."""
    if not one.tokens.words:
        return
    layers = lenses(one)
    held: Columns = one.answer["layers"]
    names = [f"{at + 1}. {word}" for at, word in enumerate(one.tokens.words)]
    part = window(names)
    chosen = held["early layer"].astype(int)[part].tolist()
    names = names[part]
    values = np.stack([layer.values[part, 0] for layer in layers])  # (layers, words)
    rows = [row_name(at, len(layers)) for at in range(len(layers))]
    figure = go.Figure(
        go.Heatmap(
            z=values, x=names, y=rows, zmin=0, zmax=1, colorscale=PALE[theme()], xgap=2, ygap=2,
            text=[[words[0] for words in layer.labels[part]] for layer in layers],
            texttemplate="%{text}", textfont={"size": 13, "color": INK[theme()]},
            colorbar={"title": "probability"},
            hovertemplate="%{y}, %{x}: %{text}, %{z:.2f}<extra></extra>",
        )
    )  # fmt: skip
    for place, layer in enumerate(chosen):
        figure.add_shape(
            type="rect", x0=place - 0.46, x1=place + 0.46, y0=layer - 0.44, y1=layer + 0.44,
            line={"width": 3, "color": COLORS[theme()][1]},
        )  # fmt: skip
    figure.update_xaxes(fixedrange=True, title_text="the answer's words")
    figure.update_yaxes(fixedrange=True)
    figure.update_layout(height=150 + ROW * len(layers), margin=MARGINS)
    table = Table(values.T, tuple(names), tuple(rows), ("probability",) * len(rows))
    plots.with_table(figure, lens_words(layers), {"lens": table}, f"{KEY}.lens")


def window(names: list[str]) -> slice:
    """The words that are drawn: of a long answer so many at a time, from where one chooses."""
    if len(names) <= SHOWN:
        return slice(None)
    key, starts = f"{KEY}.lens.from", names[: len(names) - SHOWN + 1]
    let_go(key, starts)
    first = starts.index(st.select_slider(f"{SHOWN} words, from", starts, key=key))
    return slice(first, first + SHOWN)


def lenses(one: Spoken) -> list[Ranking]:
    """The best words after each layer, from the embedding on."""
    return [one.answer[name] for name in one.answer if name.startswith("lens ")]


def row_name(layer: int, count: int) -> str:
    """What a row is."""
    if layer == 0:
        return "the word before it"
    return f"layer {layer}" + (" (the last)" if layer == count - 1 else "")


def lens_words(layers: list[Ranking]) -> str:
    """How many of the last layer's favorites no earlier one had, and what is outlined."""
    last = [words[0] for words in layers[-1].labels]
    settled = [
        next(at for at in range(len(layers))
             if all(layer.labels[place][0] == last[place] for layer in layers[at:]))
        for place in range(len(last))
    ]  # fmt: skip
    late = sum(at == len(layers) - 1 for at in settled)
    return (
        "Each cell: what that layer would have said, deeper blue for surer. Outlined: the early "
        f"layer that was subtracted. {late} of {len(last)} favorites of the last layer are its "
        "own, no earlier layer had them on top."
    )
