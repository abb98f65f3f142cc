"""The small pictures of the start page's cards, all of one height."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from components import exports
from components.charts import plots
from components.draw.samples import as_doubles
from components.sidebar.subject import Subject
from components.start.cards import KEY
from components.widgets.data_images import color_pixels
from components.widgets.pictures import show_picture
from engine.core.charts.drawing import Views
from engine.core.charts.labels import free_side
from engine.core.charts.spread import BarsAndLine
from engine.core.charts.style import GRAY
from engine.core.pictures import as_bytes, overlay
from engine.core.result import HeatMap, Table
from engine.vision.data import DataSet
from engine.vision.data.dataset import Rows
from engine.vision.data.layout import Scene

SIDE = 118  # px of each picture: two stand side by side in a card
BINS = 24
FEW, SMALL = 3, 64  # images of what is to be forgotten, and px of each

Pixels = NDArray[np.uint8]


def overlay_maps(subject: Subject, *heats: HeatMap) -> None:
    image = exports.model_input(subject)
    picture_row([overlay(image, heat) for heat in heats], "The heat map over the image")


def pair(first: Any, second: Any, words: str) -> None:
    """Two images (3, H, W) beside each other."""
    picture_row([as_bytes(first), as_bytes(second)], words)


def draw_scene(example_scene: Scene) -> None:
    description = (
        ", ".join(
            f"{scene_object.color} {scene_object.category}" for scene_object in example_scene.things
        )
        or "nothing"
    )
    picture_row(
        [example_scene.image.transpose(1, 2, 0)], f"A {example_scene.theme} with {description}"
    )


def some_of(data: DataSet, rows: Rows) -> None:
    """The first of what is to be forgotten."""
    images = [color_pixels(data, at) for at in rows[:FEW].tolist()]
    picture_row(images, "Images that are to be forgotten", SMALL)


def picture_row(images: Sequence[Pixels], words: str, side: int = SIDE) -> None:
    places = st.container(horizontal=True, gap="small")
    for at, image in enumerate(images):
        kind = Image.Resampling.NEAREST if len(image) < side else Image.Resampling.LANCZOS
        pixels = np.asarray(Image.fromarray(image).resize((2 * side, 2 * side), kind))
        show_picture(pixels, words if not at else "", place=places, width=side)


def draw_histogram(result: Views, words: str) -> None:
    normal, score = as_doubles(result["normal"]), float(result["subject"].values[0])
    counts, edges = np.histogram(normal, BINS, (min(score, normal.min()), max(score, normal.max())))
    table = Table.of({"from": (edges[:-1], ""), "to": (edges[1:], ""), "normal": (counts, "")})
    figure = BarsAndLine(
        bars={"normal": "normal images"}, title="images", x_title="score", height=SIDE + 30
    ).figure(table)
    side = free_side(score, float(edges[0]), float(edges[-1]))
    figure.add_vline(
        score,
        line={"color": GRAY, "width": 3},
        annotation_text="this image",
        annotation_position=f"top {side}",  # of the most unusual image, it would be cut off
    )
    plots.show_figure(figure, words, f"{KEY}.among", said=False)
