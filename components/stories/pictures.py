"""Pictures that several steps share: an image or a map beside the model's classes."""

from collections.abc import Callable

import numpy as np
import streamlit as st

from components.charts.plots import slide
from components.draw.drawing import draw
from components.stories.words import top_class_text
from engine.core.charts.drawing import Drawing
from engine.core.result import Scores
from engine.core.run import Answer
from engine.vision.case.prediction import top_classes

BARS = 5  # classes that are shown
BAR = 42  # px of each, before it is enlarged for the screen
AXIS = 55  # px below them


def highest(classes: Scores) -> Scores:
    top = top_classes(classes, BARS)
    values = np.array([value for *_, value in top], np.float32)
    return Scores(values, tuple(label for _, label, _ in top), classes.unit)


CLASSES = Drawing(
    "classes",
    finding=lambda result: top_class_text(result["classes"]),
    made=lambda f: highest(f["classes"]),
)


def beside_classes(picture: Callable[[], object], answer: Answer, key: str) -> None:
    left, right = st.columns([2, 3], gap="large", vertical_alignment="center")
    with left:
        picture()
    with right, slide(AXIS + BAR * min(BARS, len(answer["classes"].labels))):
        draw(CLASSES, answer, f"{key}.classes")
