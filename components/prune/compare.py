"""The section "Two criteria": which weights both keep, and how much of that is chance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import streamlit as st

from components.charts import mask_pictures, tables
from components.charts.style import theme
from components.draw.strips import StripRow, strip_table
from components.links import let_go, refuse
from components.notices import plain
from components.prune.asked import KEY, Asked, masks_at, scored
from engine.errors import BlindspotError
from engine.result import Table
from engine.sparsity import Masks, diagrams, masks_in, read_masks
from engine.sparsity.compare import Overlap, overlap
from engine.sparsity.pruning import BY_TITLE

FIRST, ELSE = "Random", "Magnitude"
FILE = "Masks from a file"
HIGH = 18  # px of a layer's strip
TALL = 420  # px of the page that the strips take


def show(asked: Asked, masks: Masks) -> None:
    """The other masks, their overlap, and where they differ."""
    word = choose_other(asked)
    other = opened(asked) if word == FILE else by_criterion(asked, word)
    if other is None:
        return
    found = overlap(masks, other, masks_in(asked.case.model))
    st.markdown(f"**{plain(sentence(asked.method.criterion, word, found))}**")
    differences(asked.method.criterion, word, masks, other, found)


def choose_other(asked: Asked) -> str:
    """What is held beside the page's criterion."""
    there = [one.title for one in BY_TITLE.values() if not one.unmet(asked.case)]
    offered = [title for title in there if title != asked.method.criterion] + [FILE]
    key = f"{KEY}.other"
    refuse(key, offered, "Beside it", "one of " + ", ".join(offered))
    first = FIRST if FIRST in offered else ELSE
    let_go(key, offered, first)
    return st.selectbox(
        f"{asked.method.criterion} beside",
        offered,
        offered.index(first),
        key=key,
        bind="query-params",
    )


def by_criterion(asked: Asked, criterion: str) -> Masks | None:
    """The masks of another criterion by the same rule; None while it is scored."""
    method = replace(asked.method, criterion=criterion)
    if not scored(asked.case, method.criterion, method.allocation, "other"):
        return None
    return masks_at(asked.case, method)


def opened(asked: Asked) -> Masks | None:
    """Masks that were downloaded before; a file that does not fit is named."""
    given = st.file_uploader(
        "A file of masks (.npz)", key=f"{KEY}.masks", max_upload_size=64,
        help="As “Keep it” gives them. They stay in this session's memory.",
    )  # fmt: skip
    if given is None:
        return None
    try:
        return read_masks(given.getvalue(), asked.case.model)[0]
    except BlindspotError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return None


def sentence(first: str, second: str, found: Overlap) -> str:
    """How alike the two choices are, beside chance."""
    said = (
        f"Of all weights that {first} or {second} keeps, both keep {100 * found.iou:.1f} %; "
        f"chance would give {100 * found.chance:.1f} %."
    )
    if abs(found.iou - found.chance) < 0.01:
        return said + " They agree no more than by chance."
    if found.iou < found.chance:
        return said + " They agree less than by chance."
    return said + " They agree more than by chance."


def differences(first: str, second: str, one: Masks, other: Masks, found: Overlap) -> None:
    """Each layer with both masks over each other, its IoU and the chance."""
    rows: list[StripRow] = []
    for part, (iou, chance) in zip(one.parts, found.layers, strict=True):
        shares = diagrams.difference(one, other, part.name, HIGH)
        said = f"{100 * iou:.0f} % · {100 * chance:.0f} %"
        picture = mask_pictures.image(
            mask_pictures.difference(shares, theme()),
            f"{part.layer}: IoU {iou:.2f}, chance {chance:.2f}",
            f"width:100%;height:{HIGH}px;display:block",
        )
        rows.append((part.layer, picture, said))
    legend = "".join(
        f'<span style="margin-right:1.2rem"><span style="display:inline-block;width:0.9em;'
        f'height:0.9em;background:rgb{color};margin-right:0.4em"></span>{word}</span>'
        for color, word in (
            (mask_pictures.BOTH, "both keep"),
            (mask_pictures.ONLY_FIRST, f"only {first}"),
            (mask_pictures.ONLY_SECOND, f"only {second}"),
        )
    )
    st.html(f'<div style="font-size:0.85rem">{legend}</div>')
    with st.container(height=TALL if len(rows) > TALL // HIGH // 2 else "content"):
        st.html(strip_table(rows, ("layer", "who keeps what", "IoU · chance")))
    st.caption(
        f"{found.both:,} weights are kept by both, {found.only_first:,} only by {first}, "
        f"{found.only_second:,} only by {second}. The two share out what they keep between the "
        f"layers with a distance of {found.ratio_distance:.2f} (0: alike, 1: not at all)."
    )
    table = Table(
        np.array(found.layers), tuple(part.layer for part in one.parts),
        ("IoU", "chance"), ("share", "share"),
    )  # fmt: skip
    tables.numbers({f"{KEY}.overlap": table})
