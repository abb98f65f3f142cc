"""Inside the three models: where images lie, how layers and weights moved, and what remains."""

from functools import partial

import numpy as np
import streamlit as st

from components.draw import mask_pictures
from components.draw.layer_pictures import draw_layer_pictures
from components.forget.asked import KEY, WORDS, MethodDetail, Rows, each_model
from components.forget.each_image import choose_id, series_in
from components.forget.words import percent
from components.notices import escape_markdown
from components.widgets.data_images import LARGE, image_thumb
from components.widgets.thumbs import thumbs
from engine.core.charts.bars import Dots
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Lines, Scatter
from engine.core.charts.words import signed
from engine.core.result import Table
from engine.sparsity.masks import diagrams
from engine.unlearning import Embedding, Relearn, Similarity, StillThere, WhatMoved, moved_masks

STRIP = 28  # px of a layer's strip
HIDDEN = 0.05  # of the images more than in the retrained model: something stayed
NAMES = {**WORDS, "untrained": "never learned anything"}


def internal_views(detail: MethodDetail) -> Rows:
    drawings = each_model("points", partial(embedded, detail), embedding_finding, detail.names)
    words = (
        "Features before the last layer, by their two principal components. Where the forgotten "
        "images still are an island of their own, the model still tells them apart inside."
    )
    return [
        [detail.section(Embedding(), *drawings, columns=3, detail=lambda _: st.caption(words))],
        [detail.section(Similarity(), LAYERS)],
    ]


def embedded(detail: MethodDetail, name: str, result: Views) -> Scatter:
    labels = [detail.data.classes[int(label)] for label in result["points"]["label"]]
    return Scatter(
        x=f"{name} x",
        y=f"{name} y",
        names=labels,
        size=6,
        bare=True,
        height=300,
        x_title=" ",
        title=" ",
        groups=("forget", ("they stay", "to be forgotten")),
    )


def embedding_finding(name: str, result: Views) -> str:
    share = 100 * result["shown"].cell(name, "share")
    return f"{WORDS[name].capitalize()}: these two directions show {share:.0f} % of what differs."


def layers_finding(result: Views) -> str:
    view: Table = result["forget"]
    similarities = view["original – unlearned"]
    at, other = int(np.nanargmin(similarities)), "original – retrained"
    goal = f"; the retrained model there {signed(view[other][at])}" if other in view.order else ""
    return (
        f"On the forgotten images, what was unlearned parts most from the original at "
        f"{view.rows[at]} ({signed(similarities[at])}{goal}; 1 is the same)."
    )


LAYERS = Drawing(
    "forget",
    "How alike the models' layers are",
    lambda result: Lines(
        x="",
        series={pair: pair for pair in result["forget"].order},
        title="linear CKA (%)",
        x_title="layers, from the image to the answer",
        span=(-3, 105),
    ),
    layers_finding,
)


# ---------------------------------------------------------------- weights


def weight_rows(detail: MethodDetail) -> Rows:
    return [[detail.section(WhatMoved(), MOVED, detail=partial(strips, detail))]]


def moved_finding(result: Views) -> str:
    parts: Table = result["layers"]
    share = float((parts["moved"] * parts["weights"]).sum() / parts["weights"].sum())
    at = int(np.argmax(parts["relative"]))
    return (
        f"{100 * share:.0f} % of the weights are others than before. {parts.rows[at]} moved "
        f"furthest: its change is {100 * parts['relative'][at]:.0f} % as long as its weights (from "
        f"original to retrained {100 * parts['relative, retrained'][at]:.0f} %)."
    )


MOVED = Drawing(
    "layers",
    "",
    Dots(
        series={
            "moved": "share of weights that moved",
            "relative": "length of the change by that of the weights",
        },
        title="%",
    ),
    moved_finding,
)


def strips(detail: MethodDetail, result: Views) -> None:
    st.markdown("**Where they are**")
    masks = moved_masks(detail.case.case.model, result["moved"])
    names = [part.layer for part in masks.parts]
    shares = [
        f"{100 * moved / part.size:.0f} %"
        for part, moved in zip(masks.parts, masks.counts, strict=True)
    ]
    draw_layer_pictures(
        names,
        [mask_pictures.layer_strip(strip) for strip in diagrams.strips(masks, STRIP)],
        [f"{n}: {share} of the weights moved" for n, share in zip(names, shares, strict=True)],
        shares,
        ("layer", "which moved", "moved"),
        STRIP,
    )
    st.caption(
        "A row for each layer, its filters from top to bottom, what a filter reads from left to "
        "right. Bright: all weights of that spot moved; dark blue: none. Orange: a filter of which "
        "none did."
    )


# ---------------------------------------------------------------- what remains


def still_there(detail: MethodDetail) -> Rows:
    return [
        [
            detail.section(
                StillThere(),
                PROBE,
                button="Look what is still there",
                before="A linear probe is taught on what each model sees before its last layer, "
                "with half of the forgotten images, and is asked about the other half.",
                detail=partial(neighbors, detail),
            )
        ]
    ]


def probe_finding(result: Views) -> str:
    if "retrained" not in result["figures"].rows:
        share = result["figures"].cell("unlearned", "probe")
        return f"A new last layer, taught half of them, finds {percent(share)} of the rest."
    share, goal = own_and_goal(result["figures"], "probe")
    traces = "Traces remain: a" if stayed(result) else "A"
    return (
        f"{traces} new last layer, taught half of them, finds {percent(share)} of the rest (never "
        f"seen: {percent(goal)})."
    )


def stayed(result: Views) -> str:
    """That more of it can be read inside than in the retrained model; "" where it cannot."""
    if "retrained" not in result["figures"].rows:
        return ""
    share, goal = own_and_goal(result["figures"], "probe")
    if share - goal <= HIDDEN:
        return ""
    return (
        f"Something stayed behind inside: {percent(share)} can be read there (never seen: "
        f"{percent(goal)})."
    )


def own_and_goal(figures: Table, column: str) -> tuple[float, float]:
    return figures.cell("unlearned", column), figures.cell("retrained", column)


PROBE = Drawing(
    "figures",
    "What a new last layer could still tell",
    lambda result: Dots(
        series={"probe": "found by the probe", "alike": "nearest images with its label"},
        names=[NAMES[name] for name in result["figures"].rows],
        title="of the forgotten images (%)",
        span=(-4, 104),
        height=320,
    ),
    probe_finding,
)


def neighbors(detail: MethodDetail, result: Views) -> None:
    st.caption(
        "Every model that learned to see well lets some of it be read: compare with the one that "
        "never saw them, not with 0."
    )
    st.markdown("**What it takes them to be like now**")
    data, view = detail.data, result["neighbors"]
    ids = [int(number) for number in view["id"]]
    number = choose_id("Forgotten image", ids, f"{KEY}.neighbors.of")
    near = [int(view[name][ids.index(number)]) for name in view.order[1:]]
    rows = data.places(np.array([number, *near])).tolist()
    words = [data.classes[data.labels[row]] for row in rows]
    thumbnails = [
        image_thumb(data, row, f"{f'no. {at}' if at else 'this one'}: {word}", LARGE, chosen=not at)
        for at, (row, word) in enumerate(zip(rows, words, strict=True))
    ]
    thumbs(thumbnails, "The image and its nearest", f"{KEY}.neighbors", lambda _: None)
    st.caption(
        escape_markdown(
            f"To the unlearned model, {words[1:].count(words[0])} of the {len(near)} nearest "
            f"training images are {words[0]} as well."
        )
    )


def relearn(detail: MethodDetail) -> Rows:
    return [[detail.section(Relearn(), LOSSES)]]


def relearn_finding(result: Views) -> str:
    if "retrained" not in result["needed"].rows:
        count = result["needed"].cell("unlearned", "steps")
        return f"The unlearned model knows them again {steps(count)}."
    steps_needed, goal = (steps(count) for count in own_and_goal(result["needed"], "steps"))
    return (
        f"The unlearned model knows them again {steps_needed}; the model that never saw them "
        f"{goal}. A "
        "model that has only hidden them knows them again sooner than one that never saw them."
    )


def steps(count: float) -> str:
    if not np.isfinite(count):
        return "not within these steps"
    return "at once" if count == 0 else f"after {count:.0f} step{'' if count == 1 else 's'}"


LOSSES = Drawing(
    "losses",
    "",
    lambda result: Lines(
        x="step",
        series=series_in(result["losses"]),
        x_title="batches learned again",
        title="loss on the forgotten images (nats)",
    ),
    relearn_finding,
)
