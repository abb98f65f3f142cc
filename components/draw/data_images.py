"""Images of a data set beside each other, each with its words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from components.notices import plain
from components.sidebar.pictures import enlarged
from components.widgets.pictures import show_picture
from engine.data import DataSet
from engine.result import Array


def draw_data_images(data: DataSet, rows: Array, words: Sequence[str], columns: int) -> None:
    """The images of some rows, each with its words as alt text and caption."""
    for place, row, caption in zip(st.columns(columns), rows.astype(int), words, strict=False):
        image = data.images[row].transpose(1, 2, 0)
        pixels = np.ascontiguousarray(np.broadcast_to(image, (*image.shape[:2], 3)))
        show_picture(
            enlarged(pixels), caption, place=place, width="stretch", caption=plain(caption)
        )
