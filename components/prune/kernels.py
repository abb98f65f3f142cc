"""The section "Kernels": the weights of one layer, and what one filter makes of the image."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from components.charts import mask_pictures, plots
from components.charts.style import theme
from components.charts.tables import signed
from components.links import let_go, refuse
from components.notices import plain
from components.prune import charts
from components.prune.asked import KEY, Asked, pruned_model
from components.widgets.mask_wall import Spot, mask_wall
from engine.result import Floats
from engine.sparsity import Masks, PrunableWeight, diagrams

TILES = diagrams.WALL


def show(asked: Asked, masks: Masks) -> None:
    """The wall on the left; the chosen filter and the layer's weights on the right."""
    columns = st.columns([3, 1, 1, 1], vertical_alignment="bottom")
    with columns[0]:
        part = choose_layer(masks)
    with columns[1]:
        chosen = place(part.filters, "Filter", "filter")
    edges = [0, 0]
    offered = (
        (part.filters, "First filter shown", "top"),
        (part.shape[1], "First channel", "left"),
    )
    for at, (count, label, word) in enumerate(offered):
        if count > TILES:
            with columns[2 + at]:
                edges[at] = place(count, label, word, TILES)
    found = diagrams.wall(asked.case.model, masks, part.name, edges[0], edges[1], TILES)
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.markdown("**Kernels**")
        tiles(part, found, chosen)
    with right:
        st.markdown(f"**Filter {chosen} of the image, before and after**")
        activations(asked, masks, part, chosen)
        st.markdown("**Weights of this layer, and the cut**")
        counted = diagrams.histogram(asked.case.model, masks, part.name)
        words = charts.histogram_words(counted)
        plots.drawn(charts.histogram(counted), words, f"{KEY}.histogram")


def choose_layer(masks: Masks) -> PrunableWeight:
    """One layer by its name."""
    names = {part.layer: part for part in masks.parts}
    key = f"{KEY}.layer"
    refuse(key, names, "Layer", "one of the model's layers that can be cut")
    let_go(key, names)
    return names[st.selectbox("Layer", list(names), key=key, bind="query-params")]


def place(count: int, label: str, word: str, step: int = 1) -> int:
    """A number below the count; one that a smaller layer does not have is let go of."""
    key = f"{KEY}.{word}"
    refuse(key, lambda asked: is_below(asked, count), label, f"from 0 to {count - 1}")
    let_go(key, range(count))
    return int(st.number_input(label, 0, count - 1, 0, step, key=key, bind="query-params"))


def is_below(asked: str, count: int) -> bool:
    """Whether a word from a link is a whole number from 0 to below the count."""
    return asked.isdecimal() and int(asked) < count


def tiles(part: PrunableWeight, found: diagrams.Wall, chosen: int) -> None:
    """The wall with a button over each filter."""
    drawn = mask_pictures.wall(found, theme())
    reads = int(np.prod(part.shape[1:]))
    spots = [
        Spot(number, f"Filter {number}: {kept} of {reads} weights stay", box, number == chosen)
        for number, kept, box in zip(found.filters.tolist(), found.kept, drawn.boxes, strict=True)
    ]
    rows = "A row of tiles is a filter, with a tile for each input channel"
    if len(found.channels) == 1:
        rows = "Each filter has one kernel"
    words = (
        f"Kernels of {part.layer}: {len(found.filters)} of {found.total[0]} filters, "
        f"{len(found.channels)} of {found.total[1]} channels"
    )
    with st.container(key=f"{KEY}-wall"):
        mask_wall(
            mask_pictures.source(drawn.pixels, "wall"), spots, words, f"{KEY}.wall", choose_number,
            drawn.width,
        )  # fmt: skip
    st.caption(
        plain(words) + f". {rows}; the fullest come first. Blue: negative, orange: positive, up to "
        f"± {found.limit:.3g}; gray: cut. Click a filter, or move with Tab and the arrow keys, to "
        "see what it makes of the image."
    )


def choose_number(number: int) -> None:
    """Choose a filter, as if by hand."""
    st.session_state[f"{KEY}.filter"] = number


def activations(asked: Asked, masks: Masks, part: PrunableWeight, chosen: int) -> None:
    """What the filter makes of the image in the whole and in the pruned model, on one scale."""
    image = asked.image.image
    nets: tuple[tuple[str, Any], ...] = (
        ("whole model", asked.case.model), ("pruned", pruned_model(asked, masks)),
    )  # fmt: skip
    maps = [(word, diagrams.activation(net, image, part.layer, chosen)) for word, net in nets]
    limit = max(float(np.abs(values).max()) for _, values in maps)
    for column, (word, values) in zip(st.columns(2), maps, strict=True):
        with column:
            one_map(word, values, limit, chosen)
    before, after = (values for _, values in maps)
    if not np.any(after):
        st.caption(f"Filter {chosen} is silent now: nothing of it stays.")
    elif before.size > 1 and np.ptp(before) and np.ptp(after):
        alike = float(np.corrcoef(before.ravel(), after.ravel())[0, 1])
        st.caption(f"The two maps go together with r = {signed(alike)}.")


def one_map(word: str, values: Floats, limit: float, chosen: int) -> None:
    """One activation map, or its number where it is one."""
    if values.size == 1:
        st.metric(word.capitalize(), f"{float(values.ravel()[0]):.3g}".replace("-", "−"))
        return
    low, high = float(values.min()), float(values.max())
    words = f"{word}: {low:.3g} to {high:.3g}".replace("-", "−")
    pixels = mask_pictures.signed(values, limit, theme())
    st.html(mask_pictures.image(pixels, f"Filter {chosen}, {words}"))
    st.caption(words)
