"""Images of a data set on the page: their pixels, small pictures to press, and pages of them."""

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from components.notices import escape_markdown
from components.sidebar.pictures import enlarged
from components.widgets.encoding import data_url, saved
from components.widgets.pictures import show_picture
from components.widgets.thumbs import Thumb, thumbs
from engine.core.result import Array
from engine.vision.data import DataSet

SMALL, LARGE = 56, 88  # px


def color_pixels(data: DataSet, row: int) -> NDArray[np.uint8]:
    """An image in color, (H, W, 3)."""
    picture = data.images[row].transpose(1, 2, 0)
    return np.ascontiguousarray(np.broadcast_to(picture, (*picture.shape[:2], 3)))


def image_thumb(
    data: DataSet, row: int, words: str = "", size: int = SMALL, *, chosen: bool = False
) -> Thumb:
    """A small picture, named by its id and class where nothing else is said."""
    picture = Image.fromarray(color_pixels(data, row))
    kind = Image.Resampling.NEAREST if max(picture.size) < size else Image.Resampling.LANCZOS
    source = data_url("png", saved(picture.resize((size, size), kind), "PNG"))
    words = words or f"{data.ids[row]}: {data.classes[data.labels[row]]}"
    return Thumb(int(data.ids[row]), words, source, chosen)


def press_images(
    data: DataSet,
    rows: Sequence[int],
    title: str,
    key: str,
    on_press: Callable[[int], None],
    *,
    chosen: Collection[int] = (),
    words: Mapping[int, str] | None = None,
) -> None:
    """Pictures of some rows; pressing one calls `on_press` with its id.

    Args:
        data: that has the images.
        rows: that are shown.
        title: what they are, for a screen reader.
        key: of the widget.
        on_press: is told the id.
        chosen: ids that are marked.
        words: below the pictures, by row, where that is not the id and the class.
    """
    thumbnails = [
        image_thumb(data, row, (words or {}).get(row, ""), chosen=int(data.ids[row]) in chosen)
        for row in rows
    ]
    thumbs(thumbnails, title, key, on_press)


def page_of(rows: Sequence[int], size: int, key: str, word: str = "Page") -> list[int]:
    """The rows on the page that is turned to; nothing is asked where all fit on one."""
    pages = max(-(-len(rows) // size), 1)
    if st.session_state.get(key, 1) > pages:
        st.session_state[key] = pages
    page = st.number_input(f"{word} (of {pages})", 1, pages, key=key) if pages > 1 else 1
    return list(rows[(page - 1) * size : page * size])


def draw_data_images(data: DataSet, rows: Array, words: Sequence[str], columns: int) -> None:
    """The images of some rows beside each other, each with its words as alt text and caption."""
    for place, row, caption in zip(st.columns(columns), rows.tolist(), words, strict=False):
        pixels = enlarged(color_pixels(data, int(row)))
        show_picture(
            pixels, caption, place=place, width="stretch", caption=escape_markdown(caption)
        )
