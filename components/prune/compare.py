"""The section "Two criteria": which weights both keep, and how much of that is chance."""

from dataclasses import replace

import numpy as np
import streamlit as st

from components.charts import tables
from components.draw import mask_pictures
from components.draw.layer_pictures import color_legend, draw_layer_pictures
from components.notices import escape_markdown
from components.open_file import open_file
from components.picks import pick
from components.prune.asked import KEY, PruneQuestion, masks_at, scores_ready
from engine.core.charts.style import theme
from engine.core.result import Table
from engine.sparsity import Masks, masks_in, read_masks
from engine.sparsity.masks import diagrams
from engine.sparsity.masks.compare import Overlap, overlap
from engine.sparsity.masks.pruning import BY_TITLE

FIRST, ELSE = "Random", "Magnitude"
FILE = "Masks from a file"
HIGH = 18  # px of a layer's strip


def show(question: PruneQuestion, masks: Masks) -> None:
    """The other masks, their overlap, and where they differ."""
    criterion = question.method.criterion
    offered = [option.title for option in BY_TITLE.values() if not option.unmet(question.case)]
    offered = [*(title for title in offered if title != criterion), FILE]
    first = FIRST if FIRST in offered else ELSE
    word = pick(f"{criterion} beside", offered, f"{KEY}.other", first=first, name="Beside it")
    if word == FILE:
        other = open_file(
            "A file of masks (.npz)",
            f"{KEY}.masks",
            lambda content: read_masks(content, question.case.model)[0],
            most=64,
            help="As “Keep it” gives them. They stay in this session's memory.",
        )
    else:
        other = by_criterion(question, word)
    if other is None:
        return
    compare_masks(question, masks, word, other)


def compare_masks(question: PruneQuestion, masks: Masks, word: str, other: Masks) -> None:
    """How alike the masks are to others of that name, and where they differ."""
    criterion = question.method.criterion
    mask_overlap = overlap(masks, other, masks_in(question.case.model))
    st.markdown(f"**{escape_markdown(sentence(criterion, word, mask_overlap))}**")
    differences(criterion, word, masks, other, mask_overlap)


def by_criterion(question: PruneQuestion, criterion: str) -> Masks | None:
    """The masks of another criterion by the same rule; None while it is scored."""
    method = replace(question.method, criterion=criterion)
    if not scores_ready(question.case, method, "other"):
        return None
    return masks_at(question.case, method)


def sentence(first: str, second: str, mask_overlap: Overlap) -> str:
    how = (
        "no more than by"
        if abs(mask_overlap.iou - mask_overlap.chance) < 0.01
        else ("less than by" if mask_overlap.iou < mask_overlap.chance else "more than by")
    )
    return (
        f"Of all weights that {first} or {second} keeps, both keep {100 * mask_overlap.iou:.1f} %; "
        f"chance would give {100 * mask_overlap.chance:.1f} %. They agree {how} chance."
    )


def differences(first: str, second: str, masks: Masks, other: Masks, mask_overlap: Overlap) -> None:
    st.html(
        color_legend(
            {
                "both keep": mask_pictures.BOTH,
                f"only {first}": mask_pictures.ONLY_FIRST,
                f"only {second}": mask_pictures.ONLY_SECOND,
            }
        )
    )
    names = tuple(part.layer for part in masks.parts)
    pictures = [
        mask_pictures.difference_picture(
            diagrams.difference(masks, other, part.name, HIGH), theme()
        )
        for part in masks.parts
    ]
    draw_layer_pictures(
        names,
        pictures,
        [
            f"{name}: IoU {iou:.2f}, chance {chance:.2f}"
            for name, (iou, chance) in zip(names, mask_overlap.layers, strict=True)
        ],
        [f"{100 * iou:.0f} % · {100 * chance:.0f} %" for iou, chance in mask_overlap.layers],
        ("layer", "who keeps what", "IoU · chance"),
        HIGH,
    )
    st.caption(
        f"{mask_overlap.both:,} weights are kept by both, {mask_overlap.only_first:,} only by "
        f"{first}, {mask_overlap.only_second:,} only by {second}. To share what it keeps between "
        f"layers as {second} does, {first} would have to move "
        f"{100 * mask_overlap.ratio_distance:.0f} % of it to other layers."
    )
    table = Table.grid(np.array(mask_overlap.layers), names, ("IoU", "chance"), ("share", "share"))
    tables.fold_numbers({f"{KEY}.overlap": table})
