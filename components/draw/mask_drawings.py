"""Masks as they are drawn on a page: patterns of kernels, what is still read, and groups."""

import streamlit as st

from components.draw import mask_pictures
from components.draw.layer_pictures import draw_layer_pictures
from components.notices import escape_markdown
from engine.core.charts.style import theme
from engine.core.errors import BlindspotError
from engine.sparsity import Masks
from engine.sparsity.masks import diagrams
from engine.sparsity.masks.diagrams import Groups
from engine.vision.models.classifier import Classifier

ROOM = 900  # px for all strips together
LOWEST, HIGHEST = 14, 64  # px of a strip


def draw_strips(masks: Masks) -> None:
    high = min(max(ROOM // len(masks.parts), LOWEST), HIGHEST)
    names, alts, texts = [], [], []
    for part, count, dead in zip(masks.parts, masks.counts, masks.dead_filters, strict=True):
        share = f"{100 * count / part.size:.0f} %"
        names.append(part.layer)
        alts.append(f"{part.layer}: {share} stays, {dead} of {part.filters} filters dead")
        texts.append(share + (f", {dead} dead" if dead else ""))
    pictures = [mask_pictures.layer_strip(strip) for strip in diagrams.strips(masks, high)]
    draw_layer_pictures(names, pictures, alts, texts, ("layer", "what stays", "stays"), high)


def draw_patterns(masks: Masks) -> None:
    try:
        result = diagrams.patterns(masks)
    except BlindspotError as error:
        st.caption(escape_markdown(str(error)))
        return
    st.html(mask_pictures.patterns_html(result))
    st.caption(
        f"{result.kernels:,} kernels of 3 × 3 show {result.different} of 512 possible patterns; "
        f"these {len(result.shares)} are the most frequent, each with its share of the kernels. "
        "Bright: stays; gray: cut."
    )


def draw_folded_back(model: Classifier, masks: Masks) -> None:
    try:
        result = diagrams.folded_back(model, masks)
    except BlindspotError as error:
        st.caption(escape_markdown(str(error)))
        return
    same = all((channel == result.kept[0]).all() for channel in result.kept)
    names = ["all colors"] if same else ["red", "green", "blue"]
    pictures = mask_pictures.folded_picture(result)
    for at, (column, name) in enumerate(zip(st.columns(len(names)), names, strict=True)):
        counts = result.kept[at]
        words = f"{name}: from {counts.min()} to {counts.max()} of {result.most} connections stay"
        column.html(mask_pictures.image(pictures[at], words, "width:100%;max-width:16rem"))
        column.caption(words)
    where = "pixel of the image" if result.pixels else "place of the kernel"
    st.caption(
        f"For each {where}, the share of the first layer's connections that stays: all where it is "
        "brightest, none where it is dark blue."
    )


def draw_groups(weight_groups: Groups, n: int, layer: str, more: str = "") -> None:
    rows, count, m = weight_groups.bits.shape
    exact = "keeps exactly" if weight_groups.exact else "does not keep exactly"
    words = f"{layer}: every group of {m} weights {exact} {n}."
    st.html(
        mask_pictures.image(
            mask_pictures.groups_picture(weight_groups, n, theme()), words, "max-width:100%"
        )
    )
    st.caption(
        f"{escape_markdown(words)} Shown are the first {rows} filters and {count} groups; the "
        f"numbers below count what stays in each. {more}"
    )
