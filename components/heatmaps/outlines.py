"""What the model's own map outlines, beside what other maps do by the same rule, and the truth."""

from __future__ import annotations

import numpy as np
import streamlit as st

from components.draw.drawing import Views
from components.draw.pictures import draw_pictures
from components.sidebar.subject import Subject
from components.together import Answers
from engine.attribution.heatmaps.own_map import OwnMap
from engine.data.example import Mask
from engine.measures.outlines import dice, iou, outlined
from engine.pictures import as_bytes, compared
from engine.result import Pictures

ABOUT = (
    "Each map is cut at multi-Otsu's highest threshold less an offset; the settings of the model's "
    "own map move its outline. A COMET's mask is cut at one half."
)


def draw(answers: Answers, subject: Subject) -> None:
    """A picture for each map; nothing where the model's own is not among them."""
    if OwnMap.title not in answers:
        return
    st.markdown("**What each map outlines**")
    draw_pictures(pictures(answers, subject), "heatmaps.outlines")
    st.caption(ABOUT)


def pictures(answers: Answers, subject: Subject) -> Pictures:
    """The image with each map's outline in it; colored by the truth where that is known."""
    image, truth = as_bytes(subject.case.image), subject.mask
    truth = truth if truth is not None and truth.any() else None
    inside = {title: inside_of(answer) for title, answer in answers.items()}
    shown = [compared(image, one, one if truth is None else truth) for one in inside.values()]
    captions = [agreement(one, truth) for one in inside.values()]
    how = (
        "White is outlined and part of the finding, red is missed, blue is extra."
        if truth is not None
        else "White is outlined."
    )
    said = ", ".join(f"{title}: {one}" for title, one in zip(inside, captions, strict=True))
    return Pictures(
        np.stack([[image, *shown]]), ("",), ("image", *inside), f"{how} {said}.",
        captions=("", *captions),
    )  # fmt: skip


def inside_of(answer: Views) -> Mask:
    """The pixels inside a map's outline."""
    if "outline" in answer:
        return np.asarray(answer["outline"].values > 0)
    return outlined(answer["map"].values).inside


def agreement(inside: Mask, truth: Mask | None) -> str:
    """Dice and IoU with the truth, or how much is outlined."""
    if not inside.any():
        return "nothing stands out"
    if truth is None:
        return f"{100 * inside.mean():.1f} % of the image"
    return f"Dice {dice(inside, truth):.2f}, IoU {iou(inside, truth):.2f}"
