"""The searched region at one step, large, beside the curves with a line at that step."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import binary_dilation, binary_erosion

from components.draw.drawing import draw
from components.draw.orders import WAYS, along_order
from components.links import refuse
from components.minimal_regions.form import KEY, RegionSearch
from components.sidebar.subject import Subject, square_pixels
from components.widgets.pictures import show_picture
from components.widgets.viewer import Pixels
from engine.attribution.lima.findings import at_step
from engine.core.charts.drawing import Drawing, Views
from engine.core.run import digest

SIDE = 672  # px of the picture on the page, at least
DIM = 0.3  # of the brightness of what is not shown
RED = (222, 32, 38)
BORDER = 2  # px to either side
TALL = 230  # px of a curve


@st.fragment
def show(result: Views, band: Views | None, search_request: RegionSearch, first: int) -> None:
    """The slider over the steps, and what stands at one; it opens at the headline's step."""
    left, right = st.columns(2, gap="medium")  # the picture stands whole in the first screen
    with left:
        count, search_digest = (
            len(result["insertion"].x) - 1,
            digest(search_request.method, search_request.case),
        )
        step = choose_step(count, search_digest, f"{KEY}.step", first)
        pixels = highlighted_regions(
            square_pixels(search_request.about), result["rank"].values, step
        )
        caption = at_step(search_request.case, result, step)
        with st.container(key=f"{KEY}-picture"):
            show_picture(pixels, caption, width="stretch")
        st.caption(caption)
    with right:
        for way in WAYS:
            draw(curve(result, band, way, step), result, f"{KEY}.curves.{way}")


def curve(result: Views, band: Views | None, way: str, step: int) -> Drawing:
    class_curve, first = result[way], result[f"{way} of the first class"]
    words = f"Area {result['areas'].values[list(WAYS).index(way)]:.3f} ({WAYS[way][1]})"
    if band is not None:
        areas = band["areas"][way]
        words += f"; random orders {areas.min():.3f} to {areas.max():.3f}"
    return along_order(
        way,
        {class_curve.y_label: class_curve, first.y_label: first},
        None if band is None else (band[f"{way} low"], band[f"{way} high"]),
        "random orders",
        f"{words}.",
        now=100 * float(class_curve.x[step]),
        height=TALL,
        names=tuple(f"{number} regions" for number in range(len(class_curve.x))),
    )


def choose_step(count: int, search_digest: str, key: str, first: int) -> int:
    """How many regions are shown; the link keeps it, where the page would not open there.

    What a link asks for is of the first search that is shown: any other opens at its own first
    step. Streamlit's own binding would give it to every search of another number of regions.
    """
    if st.session_state.setdefault(f"{key}.of", search_digest) != search_digest:
        st.session_state[f"{key}.of"] = search_digest
        st.query_params.pop(key, None)
    rule = f"a whole number from 0 to {count}"
    refuse(key, lambda word: parse_step(word, count) is not None, "Regions shown", rule)
    linked = parse_step(st.query_params.get(key, ""), count)
    step = st.slider(
        "Regions shown",
        0,
        count,
        first if linked is None else linked,
        key=f"{key}.{search_digest}",
        help="In the order that the search found. It begins at what the sentence above tells of.",
    )
    if step == first:
        st.query_params.pop(key, None)
    elif step != linked:
        st.query_params[key] = str(step)
    return step


def parse_step(word: str, count: int) -> int | None:
    return int(word) if word.isdecimal() and len(word) < 4 and int(word) <= count else None


def unsearched(chosen_subject: Subject) -> None:
    """The picture before any search."""
    middle, _ = st.columns([1, 2])
    words = "The image that is going to be searched"
    show_picture(enlarged(square_pixels(chosen_subject)), words, place=middle, width="stretch")


def highlighted_regions(picture: Pixels, rank: NDArray[np.float32], step: int) -> Pixels:
    colors = enlarged(picture)
    height, width = colors.shape[:2]
    mask = Image.fromarray((rank < step).astype(np.uint8))
    inside = np.asarray(mask.resize((width, height), Image.Resampling.NEAREST)).astype(bool)
    light = np.where(inside[..., None], colors, colors * DIM)
    core = binary_erosion(inside, iterations=BORDER, border_value=1)
    light[binary_dilation(inside, iterations=BORDER) & ~core] = RED
    pixels: Pixels = np.rint(light).astype(np.uint8)
    return pixels


def enlarged(picture: Pixels) -> Pixels:
    height, width = picture.shape[:2]
    times = SIDE / max(height, width)
    resampling = Image.Resampling.NEAREST if times > 4 else Image.Resampling.LANCZOS
    size = max(1, round(width * times)), max(1, round(height * times))
    return np.asarray(Image.fromarray(picture).resize(size, resampling))
