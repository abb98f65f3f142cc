"""Edit and watch: cover a rectangle of the image and see the model's words move."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from components import runs
from components.notices import escape_markdown
from components.sidebar.subject import Subject, precise, square_pixels
from components.widgets.bars import Bar, bar_widget
from components.widgets.pictures import show_picture
from components.widgets.rectangle import Box, rectangle
from engine.core import run
from engine.core.method import Method
from engine.core.pictures import as_bytes
from engine.core.result import HeatMap, Scores
from engine.vision.case.editing import COVERS, PAINT, covered
from engine.vision.case.prediction import Prediction, top_classes

SIDE = 0.3  # of the rectangle at first, as a share of the image


def edit_rectangle(subject: Subject, begin: Box) -> None:
    about = "Asks the model again at each change."
    if not st.toggle("Cover a part and watch the answer", key="edit.on", help=about):
        return
    left, middle, right = st.columns(3, gap="medium")  # on a phone the answer follows the frame
    with left:
        box = rectangle(
            square_pixels(subject), begin, key="edit.box", words="The part that is covered"
        )
    with right:
        cover = st.segmented_control(
            "Cover with", COVERS, default=COVERS[0], required=True, key="edit.cover"
        )
        color = st.color_picker("Color", "#ffffff", key="edit.color") if cover == PAINT else ""
        case = covered(subject.case, (box.left, box.top, box.width, box.height), cover, color)
        words = "What the model is shown"
        show_picture(as_bytes(case.image), words, width="stretch", caption=words)
    with middle:
        before = runs.answer(Prediction(), subject.case.at("exact"), "edit.before")["classes"]
        after = runs.answer(Prediction(), case, "edit.after")["classes"]
        st.markdown(f"**{escape_markdown(sentence(before, after))}**")
        bar_widget(score_changes(before, after), "edit.bars")
        st.caption("The line marks the probability before the edit.")


def start(subject: Subject, methods: Sequence[Method[Any]]) -> Box:
    """Around the strongest place of the first map, in the middle where there is none yet."""
    stored_answer = run.kept_answer(methods[0], precise(methods[0], subject)) if methods else None
    if stored_answer and np.isfinite(stored_answer["map"].values).any():
        return box_around_peak(stored_answer["map"])
    return Box(0.5 - SIDE / 2, 0.5 - SIDE / 2, SIDE, SIDE)


def box_around_peak(heat: HeatMap) -> Box:
    """A square with the map's strongest place as near its middle as the border allows."""
    down, right = np.unravel_index(np.nanargmax(heat.values), heat.values.shape)
    height, width = heat.values.shape
    top, left = (
        float(np.clip((at + 0.5) / length - SIDE / 2, 0, 1 - SIDE))
        for at, length in ((down, height), (right, width))
    )
    return Box(round(left, 3), round(top, 3), SIDE, SIDE)


def sentence(before: Scores, after: Scores) -> str:
    (index, label, share), (first, other, _) = top_classes(before)[0], top_classes(after)[0]
    now = f"{label}: {100 * share:.0f} % → {100 * float(after.values[index]):.0f} %"
    return f"{now}." if first == index else f"{now}. It now says {other}."


def score_changes(before: Scores, after: Scores) -> list[Bar]:
    indices = dict.fromkeys(index for index, _, _ in [*top_classes(after), *top_classes(before)])
    return [
        Bar(i, after.labels[i], float(after.values[i]), before=float(before.values[i]))
        for i in list(indices)[:7]
    ]
