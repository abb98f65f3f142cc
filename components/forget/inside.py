"""Inside the three models: where images lie, how alike layers are, and which weights moved."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from components import section
from components.charts.tables import signed
from components.draw import mask_pictures
from components.draw.bars import Dots
from components.draw.drawing import Drawing, Views
from components.draw.layer_pictures import draw_layer_pictures
from components.draw.lines import Lines, Scatter
from components.forget.asked import KEY, MODELS, WORDS, Closer
from components.section import Section
from engine.result import Columns
from engine.sparsity.masks import diagrams
from engine.unlearning import Embedding, Similarity, WhatMoved, moved_masks

STRIP = 28  # px of a layer's strip


def show(closer: Closer) -> None:
    """Where images lie, and how alike layers are."""
    section.show(
        Section(
            KEY, Embedding(), closer.case, "Where images lie inside the model", columns=3,
            evidence=[
                Drawing(
                    "points", WORDS[name].capitalize(), partial(embedded, closer, name),
                    partial(embedding_finding, name),
                )
                for name in MODELS
            ],
            detail=lambda _: st.caption(
                "Features before the last layer, by their two principal components. Where the "
                "forgotten images still are an island of their own, the model still tells them "
                "apart inside."
            ),
        )
    )  # fmt: skip
    alike = Drawing(
        "forget", "How alike the models' layers are", layers, layers_finding,
    )  # fmt: skip
    section.show(Section(KEY, Similarity(), closer.case, evidence=[alike], columns=1))


def embedded(closer: Closer, name: str, found: Views) -> Scatter:
    """Images that stay, and those to be forgotten."""
    labels = [closer.data.classes[int(label)] for label in found["points"]["label"]]
    return Scatter(
        x=f"{name} x", y=f"{name} y", names=labels, size=6, bare=True, height=300,
        x_title=" ", title=" ", groups=("forget", ("they stay", "to be forgotten")),
    )  # fmt: skip


def embedding_finding(name: str, found: Views) -> str:
    """How much of it two directions show."""
    share = 100 * found["shown"].cell(name, "share")
    return f"{WORDS[name].capitalize()}: these two directions show {share:.0f} % of what differs."


def layers(found: Views) -> Lines:
    """A line for each pair of models, from the first layer to the answers."""
    return Lines(
        x="", series={pair: pair for pair in found["forget"].order}, title="linear CKA (%)",
        x_title="layers, from the image to the answer", span=(-3, 105),
    )  # fmt: skip


def layers_finding(found: Views) -> str:
    """Where the unlearned model parts most from the original."""
    view: Columns = found["forget"]
    own, goal = view["original – unlearned"], view["original – retrained"]
    at = int(np.nanargmin(own))
    return (
        f"On the forgotten images, what was unlearned parts most from the original at "
        f"{view.rows[at]} ({signed(own[at])}; the retrained model there {signed(goal[at])}; 1 is "
        "the same)."
    )


# ---------------------------------------------------------------- weights

MOVED = Drawing(
    "layers", "Which weights moved",
    Dots(
        series={"moved": "share of weights that moved",
                "relative": "length of the change by that of the weights"},
        title="%", span=None,
    ),
    lambda found: moved_finding(found["layers"]),
)  # fmt: skip


def weights(closer: Closer) -> None:
    """Which weights moved, by layer and one by one."""
    section.show(
        Section(
            KEY, WhatMoved(), closer.case, evidence=[MOVED], columns=1,
            detail=lambda found: strips(closer, found),
        )
    )  # fmt: skip


def strips(closer: Closer, found: Views) -> None:
    """Where in each layer they are."""
    st.markdown("**Where they are**")
    masks = moved_masks(closer.asked.case.model, found["moved"])
    found_strips = diagrams.strips(masks, STRIP)
    shares = [
        f"{100 * kept / one.part.size:.0f} %"
        for one, kept in zip(found_strips, masks.counts, strict=True)
    ]
    names = [one.part.layer for one in found_strips]
    draw_layer_pictures(
        names, [mask_pictures.strip(one) for one in found_strips],
        [f"{n}: {share} of the weights moved" for n, share in zip(names, shares, strict=True)],
        shares, ("layer", "which moved", "moved"), STRIP,
    )  # fmt: skip
    st.caption(
        "A row for each layer, its filters from top to bottom, what a filter reads from left to "
        "right. Bright: all weights of that spot moved; dark blue: none. Orange: a filter of which "
        "none did."
    )


def moved_finding(parts: Any) -> str:
    """The share in all, and the layer that moved furthest."""
    sizes = parts["weights"]
    share = float((parts["moved"] * sizes).sum() / sizes.sum())
    at = int(np.argmax(parts["relative"]))
    return (
        f"{100 * share:.0f} % of the weights are others than before. {parts.rows[at]} moved "
        f"furthest: its change is {100 * parts['relative'][at]:.0f} % as long as its weights (from "
        f"original to retrained {100 * parts['relative, retrained'][at]:.0f} %)."
    )
