"""Where weights are taken out: by layer, every layer at a glance, and patterns of kernels."""

from dataclasses import replace
from html import escape

import numpy as np
import streamlit as st

from components.draw import tables
from components.draw.mask_drawings import draw_folded_back, draw_groups, draw_patterns, draw_strips
from components.forms import widget
from components.prune import learning
from components.prune.asked import KEY, PATTERNED, PruneQuestion, masks_at, scores_ready
from engine.core.charts.widths import Widths
from engine.core.charts.words import percent
from engine.sparsity import Masks, Prune
from engine.sparsity.masks import diagrams
from engine.sparsity.prune import layer_table

MANY = 0.1  # of a layer's filters dead: from here on its bar is hatched


def draw_layers(masks: Masks) -> None:
    """For each layer the share that stays; a bar is as wide as the layer has weights."""
    st.markdown("**Where it was taken out**")
    tables.draw_chart(layer_widths(masks), layer_table(masks), finding(masks), f"{KEY}.layers")


def layer_widths(masks: Masks) -> Widths:
    return Widths(
        value="density",
        width="weights",
        hatched=many_dead(masks),
        line=100 * masks.density,
        x_title="layers, each as wide as it has weights (%)",
        title="stays (%)",
        span=(0, 102),
        hovers=[
            f"{escape(part.layer)}<br>{count:,} of {part.size:,} weights stay "
            f"({100 * count / part.size:.1f} %)<br>{dead} of {part.filters} filters dead"
            for part, count, dead in zip(masks.parts, masks.counts, masks.dead_filters, strict=True)
        ],
    )


def many_dead(masks: Masks) -> list[bool]:
    return [
        dead >= MANY * part.filters
        for dead, part in zip(masks.dead_filters, masks.parts, strict=True)
    ]


def finding(masks: Masks) -> str:
    shares = [n / part.size for n, part in zip(masks.counts, masks.parts, strict=True)]
    low, high = int(np.argmin(shares)), int(np.argmax(shares))
    words = (
        f"{masks.kept:,} of {masks.total:,} weights stay (dashed line: {percent(masks.density)})"
    )
    words += (
        ", the same share of each layer."
        if shares[low] == shares[high]
        else (
            f". Most is cut from {masks.parts[low].layer}, of which {percent(shares[low])} stays; "
            f"least from {masks.parts[high].layer} ({percent(shares[high])} stays)."
        )
    )
    if dead := sum(masks.dead_filters):
        words += f" {dead} filters are dead: nothing of them stays"
        words += " (hatched: a tenth or more of a layer's)." if any(many_dead(masks)) else "."
    return words


def show(question: PruneQuestion, masks: Masks) -> None:
    del question
    st.markdown("**Every layer at a glance**")
    st.caption(
        "A row for each layer, its filters from top to bottom, what a filter reads from left to "
        "right. Bright: all weights of that spot stay; dark blue: none. Orange: no filter of that "
        "row is left."
    )
    draw_strips(masks)


def show_patterns(question: PruneQuestion, masks: Masks) -> None:
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.markdown("**Patterns of the 3 × 3 kernels**")
        draw_patterns(masks)
    with right:
        st.markdown("**What the first layer still reads**")
        draw_folded_back(question.case.model, masks)
    st.markdown("**N of every M**")
    left, right = st.columns([1, 3], gap="large")
    with left:
        pattern = question.method.pattern
        patterned = question.method.structure == PATTERNED
        if not patterned:
            spec = Prune.__dataclass_fields__["pattern"]
            pattern = widget(spec, f"{KEY}.groups.pattern", None)
        method = replace(question.method, structure="N:M", allocation="global", pattern=pattern)
        if not scores_ready(question.case, method, "groups"):
            return
        pattern_masks = masks_at(question.case, method)
        n, m = (int(number) for number in pattern.split(":"))
        fitting = {part.layer: part.name for part in pattern_masks.parts if part.shape[1] % m == 0}
        if not fitting:
            st.caption(f"No layer here has inputs that can be parted into groups of {m}.")
            return
        layer = st.selectbox("Layer of the groups", list(fitting), key=f"{KEY}.groups.layer")
    with right:
        elsewhere = "" if patterned else "The picture on top of the page is not cut so."
        draw_groups(diagrams.groups(pattern_masks, fitting[layer], n, m), n, layer, elsewhere)
    learning.show(replace(question, method=method))
