"""Edit and watch: cover a rectangle of the image and see the model's words move."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from components import runs
from components.sidebar.subject import Subject, square_pixels
from components.widgets.bars import Bar, bars
from components.widgets.pictures import show_picture
from components.widgets.rectangle import Box, rectangle
from engine.case.editing import COVERS, covered
from engine.case.prediction import Prediction, best
from engine.pictures import as_bytes
from engine.result import Scores

START = Box(0.35, 0.35, 0.3, 0.3)


def watch(subject: Subject) -> None:
    """The rectangle, what it is covered with, and the top five before and after."""
    with st.expander("Edit and watch: cover a part and see what the model says then"):
        if not st.toggle("Start", key="edit.on", help="Asks the model again at each change."):
            return
        left, right = st.columns(2)
        with left:
            cover = st.segmented_control(
                "Cover with", COVERS, default=COVERS[0], required=True, key="edit.cover"
            )
            box = rectangle(
                square_pixels(subject),
                START,
                key="edit.box",
                words="The part that is covered: drag it, pull its corners, or use the arrow keys",
            )
        case = covered(subject.case, (box.left, box.top, box.width, box.height), cover)
        with right:
            before = runs.answer(Prediction(), subject.case.at("exact"), "edit.before")["classes"]
            after = runs.answer(Prediction(), case, "edit.after")["classes"]
            words = "What the model is shown"
            show_picture(pixels(case), words, width=224, caption=words)
            bars(compared(before, after), "edit.bars")
            st.caption("The line marks the probability before the edit.")


def compared(before: Scores, after: Scores) -> list[Bar]:
    """The five best before and after, each with where it was."""
    indices = dict.fromkeys(index for index, _, _ in [*best(after), *best(before)])
    return [
        Bar(i, after.labels[i], float(after.values[i]), before=float(before.values[i]))
        for i in list(indices)[:7]
    ]


def pixels(case: Any) -> NDArray[np.uint8]:
    """The case's image as 8-bit (H, W, 3)."""
    return as_bytes(case.image)
