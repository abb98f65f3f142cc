"""Two pictures of one size over each other, with an edge that a person moves between them."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image

from components.widgets.encoding import data_url
from components.widgets.pictures import ENCODED, encoded
from engine.pictures import Pixels


def swipe(left: Pixels, right: Pixels, names: tuple[str, str], key: str) -> None:
    """Draw them; the second is brought to the size of the first, (H, W, 3).

    Args:
        left, right: what is seen on each side of the edge.
        names: of both.
        key: of the widget.
    """
    height, width = left.shape[:2]
    if right.shape != left.shape:
        right = np.asarray(Image.fromarray(right).resize((width, height)))
    sources = [
        ENCODED.get(one, "picture", partial(lambda kept: data_url(*encoded(kept)), one))
        for one in (left, right)
    ]
    mounted()(key=key, data={"sources": sources, "names": names, "width": width, "height": height})


@cache
def mounted() -> Any:
    """The component, registered once."""
    here = Path(__file__)
    return st.components.v2.component(
        "blindspot_swipe", css=here.with_suffix(".css").read_text("utf-8"),
        js=here.with_suffix(".js").read_text("utf-8"),
    )  # fmt: skip
