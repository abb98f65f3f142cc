"""The sections "Inside" and "Weights": features, likeness of layers, and which weights moved."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from components.charts import plots, tables
from components.charts.style import COLORS, DASHES, GRAY, SYMBOLS, laid, theme
from components.charts.tables import as_table, signed
from components.draw import mask_pictures
from components.draw.layer_pictures import draw_layer_pictures
from components.forget.asked import KEY, MODELS, WORDS, Closer, looked, word_of
from components.sidebar.subject import Subject
from engine.result import Columns
from engine.sparsity import diagrams
from engine.unlearning import Embedding, Similarity, WhatMoved, moved_masks

HIGH = 28  # px of a layer's strip


def show(closer: Closer, subject: Subject | None, table: Columns) -> None:
    """Where images lie, and how alike layers are."""
    del subject, table
    st.markdown("**Where images lie inside the model**")
    if (found := looked(closer, Embedding())) is not None:
        for column, name in zip(st.columns(3), MODELS, strict=True):
            with column:
                share = found["shown"].cell(name, "share")
                words = f"{WORDS[name].capitalize()}: these two directions show {100 * share:.0f} %"
                figure = embedded(closer, found["points"], name)
                plots.drawn(figure, f"{words} of what differs.", f"{KEY}.Embedding.{name}")
        st.caption(
            "Features before the last layer, by their two principal components. Where the "
            "forgotten images still are an island of their own, the model still tells them apart "
            "inside."
        )
        tables.numbers({f"{KEY}.Embedding.table": as_table(found["points"])})
    st.markdown("**How alike the models' layers are**")
    if (alike := looked(closer, Similarity())) is not None:
        forget: Columns = alike["forget"]
        twins = {name: as_table(alike[name]) for name in ("forget", "retain")}
        plots.with_table(layers(forget), layers_words(forget), twins, f"{KEY}.Similarity")


def embedded(closer: Closer, points: Columns, name: str) -> go.Figure:
    """Gray: images that stay; orange: those to be forgotten."""
    figure = go.Figure()
    marked = points["forget"] == 1
    labels = np.array([word_of(closer.data, label) for label in points["label"]])
    looks = (
        (~marked, "they stay", {"color": COLORS[theme()][0], "size": 5, "opacity": 0.55}),
        (marked, "to be forgotten",
         {"color": COLORS[theme()][1], "size": 7, "symbol": "diamond"}),
    )  # fmt: skip
    for own, word, marker in looks:
        figure.add_scatter(
            x=points[f"{name} x"][own], y=points[f"{name} y"][own], mode="markers", name=word,
            marker=marker, hovertext=labels[own],
            hoverinfo="text",
        )  # fmt: skip
    figure.update_xaxes(showticklabels=False)
    figure.update_yaxes(showticklabels=False)
    return laid(figure, 300)


def layers(view: Columns) -> go.Figure:
    """A line for each pair of models, from the first layer to the answers."""
    figure = go.Figure()
    for at, pair in enumerate(view.order):
        figure.add_scatter(
            x=view.rows, y=view[pair], name=pair, mode="lines+markers",
            line={"color": COLORS[theme()][at], "dash": DASHES[at], "width": 2.5},
            marker={"symbol": SYMBOLS[at], "size": 9},
        )  # fmt: skip
    figure.update_yaxes(title="linear CKA", range=[-0.03, 1.05])
    figure.update_xaxes(title="layers, from the image to the answer")
    return laid(figure, 300)


def layers_words(view: Columns) -> str:
    """Where the unlearned model parts most from the original."""
    own, goal = view["original – unlearned"], view["original – retrained"]
    at = int(np.nanargmin(own))
    return (
        f"On the forgotten images, what was unlearned parts most from the original at "
        f"{view.rows[at]} ({signed(own[at])}; the retrained model there {signed(goal[at])}; 1 is "
        "the same)."
    )


# ---------------------------------------------------------------- weights


def weights(closer: Closer, subject: Subject | None, table: Columns) -> None:
    """Which weights moved, by layer and one by one."""
    del subject, table
    st.markdown("**Which weights moved**")
    found = looked(closer, WhatMoved())
    if found is None:
        return
    parts: Columns = found["layers"]
    words = moved_words(parts)
    plots.with_table(moved(parts), words, {"layers": as_table(parts)}, f"{KEY}.WhatMoved")
    st.markdown("**Where they are**")
    masks = moved_masks(closer.asked.case.model, found["moved"])
    strips = diagrams.strips(masks, HIGH)
    shares = [
        f"{100 * kept / one.part.size:.0f} %"
        for one, kept in zip(strips, masks.counts, strict=True)
    ]
    names = [one.part.layer for one in strips]
    draw_layer_pictures(
        names, [mask_pictures.strip(one) for one in strips],
        [f"{n}: {share} of the weights moved" for n, share in zip(names, shares, strict=True)],
        shares, ("layer", "which moved", "moved"), HIGH,
    )  # fmt: skip
    st.caption(
        "A row for each layer, its filters from top to bottom, what a filter reads from left to "
        "right. Bright: all weights of that spot moved; dark blue: none. Orange: a filter of which "
        "none did."
    )


def moved(parts: Columns) -> go.Figure:
    """How far each layer moved, beside the retrained model; and the share that moved at all."""
    figure = go.Figure()
    color = COLORS[theme()]
    rows = (("moved", "share of weights that moved", GRAY, ""),
            ("relative", "length of the change by that of the weights", color[1], "/"))  # fmt: skip
    for name, word, ink, shape in rows:
        figure.add_bar(
            x=parts.rows, y=100 * parts[name], name=word,
            marker={"color": ink, "pattern": {"shape": shape}},
        )  # fmt: skip
    figure.update_yaxes(title="%")
    figure.update_layout(barmode="group")
    return laid(figure, 300)


def moved_words(parts: Any) -> str:
    """The share in all, and the layer that moved furthest."""
    sizes = parts["weights"]
    share = float((parts["moved"] * sizes).sum() / sizes.sum())
    at = int(np.argmax(parts["relative"]))
    return (
        f"{100 * share:.0f} % of the weights are others than before. {parts.rows[at]} moved "
        f"furthest: its change is {100 * parts['relative'][at]:.0f} % as long as its weights (from "
        f"original to retrained {100 * parts['relative, retrained'][at]:.0f} %)."
    )
