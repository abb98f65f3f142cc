"""A region that a person draws: which words looked there, and which need it."""

from functools import partial

import streamlit as st

from components.ask.cause import ATTENTION, LOST
from components.dialog.scene import KEY, DialogImage
from components.notices import show_problems
from components.section import Section
from components.sidebar.pictures import enlarged
from components.widgets.rectangle import Box, rectangle
from engine.core.charts.drawing import Drawing
from engine.hallucination.grounding.findings import changed_most, points_lost
from engine.hallucination.grounding.region import RegionWords
from engine.hallucination.grounding.word_case import WordCase
from engine.vision.data.layout import Scene

START = Box(0.25, 0.25, 0.3, 0.3)
CHART_WORDS = 10  # words of the charts


def show(dialog_image: DialogImage, picked: WordCase) -> None:
    left, right = st.columns([2, 3], gap="large")
    with left:
        box = rectangle(
            enlarged(dialog_image.pixels),
            start(picked.scene),
            f"{KEY}.box",
            words="The region: drag it, pull its corners, or use the arrow keys",
        )
    table = partial(changed_most, CHART_WORDS)
    with right, show_problems():
        Section(
            KEY, RegionWords(**box.sides()), picked, "Pick a region: which words need it?",
            known=dialog_image.known,
            evidence=(
                Drawing(
                    "words", "Looked there", ATTENTION, part=table,
                    finding=lambda _: "How much of each word's attention to the image lies in "
                    "the region.",
                ),
                Drawing(
                    "words", "Hangs on it", LOST, part=table,
                    finding=lambda result: points_lost(CHART_WORDS, result["words"]),
                ),
            ),
        ).show()  # fmt: skip


def start(scene: Scene | None) -> Box:
    """Around the scene's first thing, so that the first picture says something."""
    masks = [scene.mask(scene_object.category) for scene_object in scene.things] if scene else []
    return next((Box.around(mask) for mask in masks if mask.any()), START)
