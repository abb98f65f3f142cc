"""Pictures that are part of the page itself, so that a rerun cannot take them from the browser.

Streamlit serves the picture of `st.image` as a file of its own and deletes that file when a later
run no longer shows it, also when the browser has not fetched it yet (404). A data URL cannot be
deleted, and is encoded once per picture.
"""

from typing import Final, Literal

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from components.widgets.encoding import RecentEncodings, data_url, light

LONG_SIDE = 1024  # px; shown larger nowhere
PICTURES_CACHED = 128

ENCODED: Final = RecentEncodings[str](PICTURES_CACHED)


def show_picture(
    pixels: NDArray[np.uint8],
    alt: str,
    *,
    place: DeltaGenerator | None = None,
    width: int | Literal["stretch", "content"] = "content",
    caption: str | None = None,
) -> None:
    """Draw an image.

    Args:
        pixels: (H, W, 3).
        alt: what it shows, for those who cannot see it.
        place: a column or container; the page itself if not given.
        width: in px, or how it fits its place.
        caption: below it, in Markdown.
    """
    url = ENCODED.get(pixels, "picture", lambda: data_url(*encoded(pixels)))
    (place or st).image(url, caption=caption, width=width, alt=alt)


def encoded(pixels: NDArray[np.uint8]) -> tuple[str, bytes]:
    """The kind and content of an image file at most 1024 px long: PNG, or WebP if that is heavy."""
    image = Image.fromarray(pixels)
    image.thumbnail((LONG_SIDE, LONG_SIDE), Image.Resampling.LANCZOS)
    return light(image)
