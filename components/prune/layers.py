"""The section "Layers": every layer at a glance, and the patterns of its kernels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from components.charts import mask_pictures, tables
from components.charts.style import theme
from components.draw.strips import StripRow, strip_table
from components.forms import widget
from components.notices import plain
from components.prune.asked import KEY, Asked, masks_at
from engine.errors import BlindspotError
from engine.sparsity import Masks, diagrams
from engine.sparsity.prune import layer_table

ROOM = 900  # px for all strips together
LOWEST, HIGHEST = 14, 64  # px of a strip
TALL = 480  # px of the page that the strips take


def show(asked: Asked, masks: Masks) -> None:
    """The overview strip, and its numbers."""
    del asked
    st.markdown("**Every layer at a glance**")
    st.caption(
        "A row for each layer, its filters from top to bottom, what a filter reads from left to "
        "right. Bright: all weights of that spot stay; dark blue: none. Orange: no filter of that "
        "row is left."
    )
    high = min(max(ROOM // len(masks.parts), LOWEST), HIGHEST)
    rows: list[StripRow] = []
    for one, kept, dead in zip(
        diagrams.strips(masks, high), masks.counts, masks.dead_filters, strict=True
    ):
        share = f"{100 * kept / one.part.size:.0f} %"
        words = f"{one.part.layer}: {share} stays, {dead} of {one.part.filters} filters dead"
        picture = mask_pictures.image(
            mask_pictures.strip(one), words, f"width:100%;height:{high}px;display:block"
        )
        rows.append((one.part.layer, picture, share + (f", {dead} dead" if dead else "")))
    with st.container(height=TALL if len(rows) > ROOM // HIGHEST // 2 else "content"):
        st.html(strip_table(rows, ("layer", "what stays", "stays")))
    tables.numbers({f"{KEY}.layers.table": layer_table(masks)})


# ---------------------------------------------------------------- patterns


def show_patterns(asked: Asked, masks: Masks) -> None:
    """Which patterns kernels have, what the first layer still reads, and N of every M."""
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.markdown("**Patterns of the 3 × 3 kernels**")
        dictionary(masks)
    with right:
        st.markdown("**What the first layer still reads**")
        fold_back(asked, masks)
    st.markdown("**N of every M**")
    pattern(asked)


def dictionary(masks: Masks) -> None:
    """The most frequent patterns with their shares."""
    try:
        found = diagrams.patterns(masks)
    except BlindspotError as error:
        st.caption(plain(str(error)))
        return
    st.html(mask_pictures.patterns_html(found))
    st.caption(
        f"{found.kernels:,} kernels of 3 × 3 show {found.different} of 512 possible patterns; "
        f"these {len(found.shares)} are the most frequent, each with its share of the kernels. "
        "Bright: stays; gray: cut."
    )


def fold_back(asked: Asked, masks: Masks) -> None:
    """The first layer's masks in the image's own form."""
    try:
        found = diagrams.folded_back(asked.case.model, masks)
    except BlindspotError as error:
        st.caption(plain(str(error)))
        return
    same = all((one == found.kept[0]).all() for one in found.kept)
    shown = (
        [("all colors", 0)] if same else list(zip(("red", "green", "blue"), range(3), strict=True))
    )
    pictures = mask_pictures.folded(found)
    for column, (word, at) in zip(st.columns(len(shown)), shown, strict=True):
        kept = found.kept[at]
        words = f"{word}: from {kept.min()} to {kept.max()} of {found.most} connections stay"
        with column:
            st.html(mask_pictures.image(pictures[at], words, "width:100%;max-width:16rem"))
            st.caption(words)
    where = "pixel of the image" if found.pixels else "place of the kernel"
    st.caption(
        f"For each {where}, the share of the first layer's connections that stays: all where it is "
        "brightest, none where it is dark blue."
    )


def pattern(asked: Asked) -> None:
    """The same criterion with N of every M, and the proof that each group keeps N."""
    spec: Any = type(asked.method).__dataclass_fields__["pattern"]
    left, right = st.columns([1, 3], gap="large")
    with left:
        chosen = asked.method.pattern
        if not asked.patterned:
            chosen = widget(spec, f"{KEY}.groups.pattern", None)
        method = replace(asked.method, structure="N:M", allocation="global", pattern=chosen)
        masks = masks_at(asked.case, method)
        n, m = (int(word) for word in chosen.split(":"))
        fitting = [part for part in masks.parts if part.shape[1] % m == 0]
        if not fitting:
            st.caption(f"No layer here has inputs that can be parted into groups of {m}.")
            return
        names = {part.layer: part.name for part in fitting}
        layer = st.selectbox("Layer of the groups", list(names), key=f"{KEY}.groups.layer")
    found = diagrams.groups(masks, names[layer], n, m)
    with right:
        exact = "keeps exactly" if found.exact else "does not keep exactly"
        words = f"{layer}: every group of {m} weights {exact} {n}."
        picture = mask_pictures.groups(found, n, theme())
        st.html(mask_pictures.image(picture, words, "max-width:100%"))
        st.caption(
            plain(words) + f" Shown are the first {found.bits.shape[0]} filters and "
            f"{found.bits.shape[1]} groups; the numbers below count what stays in each. "
            + ("" if asked.patterned else "The picture on top of the page is not cut so.")
        )
