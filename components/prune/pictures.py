"""Images of the data set that a model is pruned with, beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from components.notices import plain
from components.prune.asked import Asked
from components.sidebar.pictures import enlarged
from components.widgets.pictures import show_picture


def shown(asked: Asked, rows: Sequence[int] | Any, words: Sequence[str], columns: int) -> None:
    """Some images of the data set, each with its words."""
    for column, row, said in zip(st.columns(columns), rows, words, strict=False):
        image = asked.case.data.images[row].transpose(1, 2, 0)
        pixels = np.ascontiguousarray(np.broadcast_to(image, (*image.shape[:2], 3)))
        show_picture(enlarged(pixels), said, place=column, width="stretch", caption=plain(said))
