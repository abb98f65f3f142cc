"""The section "Kernels": the weights of one layer, and what one filter makes of the image."""

import numpy as np
import streamlit as st

from components.draw import tables
from components.draw.kernels import draw_activations, draw_wall
from components.picks import pick, pick_number
from components.prune.asked import KEY, ShownPruning, pruned_model
from engine.core.charts.bins import Bins
from engine.core.result import Table
from engine.sparsity import Masks, PrunableWeight
from engine.sparsity.masks import diagrams
from engine.sparsity.masks.diagrams import Histogram

TILES = diagrams.WALL
FILTER = f"{KEY}.filter"


def show(question: ShownPruning, masks: Masks) -> None:
    """The wall on the left; the chosen filter and the layer's weights on the right."""
    part, chosen, top, first = choose(masks)
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.markdown("**Kernels**")
        wall = diagrams.wall(question.case.model, masks, part.name, top, first, TILES)
        draw_wall(part, wall, chosen, f"{KEY}.wall", choose_filter)
    with right:
        st.markdown(f"**Filter {chosen} of the image, before and after**")
        models = {"whole model": question.case.model, "pruned": pruned_model(question, masks)}
        image = question.image.image
        maps = {
            name: diagrams.activation(model, image, part.layer, chosen)
            for name, model in models.items()
        }
        draw_activations(maps, f"Filter {chosen}")
        st.markdown("**Weights of this layer, and the cut**")
        result = diagrams.histogram(question.case.model, masks, part.name)
        tables.draw_chart(bins(result), counts(result), finding(result), f"{KEY}.histogram")


def choose(masks: Masks) -> tuple[PrunableWeight, int, int, int]:
    parts = {part.layer: part for part in masks.parts}
    places = st.columns([3, 1, 1, 1], vertical_alignment="bottom")
    with places[0]:
        rule = "one of the model's layers that can be cut"
        part = parts[pick("Layer", list(parts), f"{KEY}.layer", rule=rule)]
    with places[1]:
        chosen = pick_number("Filter", part.filters, FILTER)
    top = first = 0
    with places[2]:
        if part.filters > TILES:
            top = pick_number("First filter shown", part.filters, f"{KEY}.top", TILES)
    with places[3]:
        if part.shape[1] > TILES:
            first = pick_number("First channel", part.shape[1], f"{KEY}.left", TILES)
    return part, chosen, top, first


def choose_filter(number: int) -> None:
    st.session_state[FILTER] = number


def counts(histogram: Histogram) -> Table:
    middle = (histogram.edges[:-1] + histogram.edges[1:]) / 2
    return Table.of(
        {"weight": (middle, ""), "cut": (histogram.cut, ""), "stays": (histogram.kept, "")}
    )


def bins(histogram: Histogram) -> Bins:
    has_cut = bool(histogram.cut.any()) and np.isfinite(histogram.above)
    return Bins(
        x="weight",
        series={"cut": "cut", "stays": "stays"},
        title="weights",
        edges=(histogram.above, -histogram.above) if has_cut else (),
    )


def finding(histogram: Histogram) -> str:
    kept_count, cut = int(histogram.kept.sum()), int(histogram.cut.sum())
    if not cut:
        return f"All {kept_count:,} weights of this layer stay."
    words = f"{cut:,} of {kept_count + cut:,} weights of this layer are cut."
    if histogram.below <= histogram.above:
        return (
            words + f" The cut lies at a size of {histogram.above:.3g}: whatever is smaller goes."
        )
    return (
        f"{words} The largest that goes has a size of {histogram.below:.3g}, the smallest that "
        f"stays {histogram.above:.3g}: size alone does not decide here."
    )
