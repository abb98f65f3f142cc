"""The searched region at one step, large, the curves with a line at that step, and the map."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from components.charts.plots import with_table
from components.links import refuse
from components.minimal_regions.curves import figure, tables, words
from components.sidebar.subject import Subject, square_behind, square_pixels
from components.widgets.pictures import show_picture
from components.widgets.viewer import Panel, Pixels, viewer
from engine.result import Curve
from engine.run import Answer

SHARES = (3, 2)  # of the page: the picture, and what stands beside it
SIDE = 672  # px of the picture on the page, at least
DIM = 0.3  # of the brightness of what is not shown
RED = (222, 32, 38)
BORDER = 2  # px to either side
NEAR = 0.99  # of the highest probability: no worse to the eye, and often far fewer regions


def show(answer: Answer, band: Answer | None, about: Subject, key: str, first: int) -> None:
    """Left the picture, at first as the headline has it, right the curves, below them the map.

    Args:
        answer: what the search found.
        band: that of random orders, where it is known.
        about: the image.
        key: of the widgets.
        first: the step that the headline tells of, at which the picture opens.
    """
    steps(answer, band, about, key, first)
    left, _ = st.columns(SHARES, gap="medium")
    with left:
        st.markdown("**Which regions count**")
        panel = Panel("Minimal regions", answer["map"])
        viewer(square_pixels(about), [panel], f"{key}.viewer", square_behind(about), about.mask)


@st.fragment
def steps(answer: Answer, band: Answer | None, about: Subject, key: str, first: int) -> None:
    """The slider over the steps, and what stands at one."""
    left, right = st.columns(SHARES, gap="medium")
    with left:
        step = choose_step(answer, f"{key}.step", first)
        pixels = searched(square_pixels(about), answer["rank"].values, step)
        show_picture(pixels, said(answer, step), width="stretch")
        st.caption(said(answer, step))
    with right:
        with_table(
            figure(answer, band, step), words(answer, band), tables(answer, band), f"{key}.curves"
        )


def choose_step(answer: Answer, key: str, first: int) -> int:
    """How many regions are shown; the link keeps it, where the page would not open there.

    What a link asks for is of the first search that is shown: any other opens at its own first
    step. Streamlit's own binding would give it to every search of another number of regions.
    """
    count, search = len(answer["insertion"].x) - 1, answer.record["digest"]
    if st.session_state.setdefault(f"{key}.of", search) != search:
        st.session_state[f"{key}.of"] = search
        st.query_params.pop(key, None)
    rule = f"a whole number from 0 to {count}"
    refuse(key, lambda word: read(word, count) is not None, "Regions shown", rule)
    linked = read(st.query_params.get(key, ""), count)
    step = st.slider(
        "Regions shown", 0, count, first if linked is None else linked, key=f"{key}.{search}",
        help="In the order that the search found. It begins at what the sentence above tells of.",
    )  # fmt: skip
    if step == first:
        st.query_params.pop(key, None)
    elif step != linked:
        st.query_params[key] = str(step)
    return step


def best_step(curve: Curve) -> int:
    """The first step at which the target is as good as most probable: NEAR of its highest."""
    return int((curve.y >= NEAR * curve.y.max()).argmax())


def read(word: str, count: int) -> int | None:
    """A step from a link; None where there is no such step."""
    return int(word) if word.isdecimal() and len(word) < 4 and int(word) <= count else None


def said(answer: Answer, step: int) -> str:
    """What the model says at a step."""
    shown, gone = answer["insertion"], answer["deletion"]
    told = (
        f"{step} of {len(shown.x) - 1} regions, {100 * shown.x[step]:.0f} % of the image: "
        f"“{shown.y_label}” {shown.y[step]:.2f} with only these, {gone.y[step]:.2f} without them"
    )
    first = answer["insertion of the first class"]
    if first.y_label != shown.y_label:
        told += f"; “{first.y_label}” {first.y[step]:.2f} with only these"
    return told + f". The whole image: {shown.y[-1]:.2f}."


def unsearched(about: Subject) -> None:
    """The picture before any search."""
    middle, _ = st.columns([1, 2])
    words = "The image that is going to be searched"
    show_picture(enlarged(square_pixels(about)), words, place=middle, width="stretch")


def searched(picture: Pixels, rank: NDArray[np.float32], step: int) -> Pixels:
    """The picture with the first so many regions bright, the rest dimmed, and a red border."""
    colors = enlarged(picture)
    height, width = colors.shape[:2]
    inside = np.asarray(
        Image.fromarray((rank < step).astype(np.uint8)).resize(
            (width, height), Image.Resampling.NEAREST
        )
    ).astype(bool)
    light = np.where(inside[..., None], colors, colors * DIM)
    light[border(inside)] = RED
    found: Pixels = np.rint(light).astype(np.uint8)
    return found


def border(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels within BORDER of the edge of a mask, on either side of it."""
    near = np.zeros_like(inside)
    for axis in (0, 1):
        edge = np.diff(inside, axis=axis)
        for shift in range(1 - BORDER, 1 + BORDER):
            places = [
                np.clip(at + shift * (k == axis), 0, inside.shape[k] - 1)
                for k, at in enumerate(np.nonzero(edge))
            ]
            near[tuple(places)] = True
    return near


def enlarged(picture: Pixels) -> Pixels:
    """The picture about SIDE px long; a tiny one keeps its squares."""
    height, width = picture.shape[:2]
    times = SIDE / max(height, width)
    way = Image.Resampling.NEAREST if times > 4 else Image.Resampling.LANCZOS
    size = max(1, round(width * times)), max(1, round(height * times))
    return np.asarray(Image.fromarray(picture).resize(size, way))
