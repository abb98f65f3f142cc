"""A still picture of a map over the image it is about, with the ends of its colors and their unit.

Where a person wants to zoom, to read values and to fade the map, `widgets.viewer` draws it.
"""

from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from components.charts.style import plain_markdown
from components.colors import DIVERGING_DARK, DIVERGING_LIGHT, SEQUENTIAL, Ramp
from components.draw.pictures import url
from components.exports import encoded
from components.widgets import viewer
from components.widgets.as_seen import border
from components.widgets.downloads import download
from components.widgets.wording import short_number, with_unit
from engine.core.charts.drawing import DrawnAs
from engine.core.charts.style import COLORS, theme
from engine.core.pictures import Legend, Pixels, captioned, overlay, scale_ends, tint
from engine.core.result import HeatMap

BAR = 8  # px, the height of the legend's picture


@dataclass(frozen=True, kw_only=True)
class OverPicture(DrawnAs):
    """How a map is drawn.

    Args:
        picture: what it lies over, (H, W, 3); without it the map is drawn alone.
        truth: a mask over the whole picture, (h, w), whose border is drawn.
        span: the values at the ends of the colors; the map's own if not given. Maps that are
            compared share it.
        opacity: of the map.
    """

    picture: Pixels | None = None
    truth: NDArray[np.bool_] | None = None
    span: tuple[float, float] | None = None
    opacity: float = 0.55


def draw_heat_map(view: HeatMap, key: str, finding: str, shape: OverPicture) -> None:
    css = Path(__file__).with_suffix(".css").read_text("utf-8")
    st.html(f"<style>{css}</style>{as_html(view, finding, shape)}")
    image = blended(view, shape)  # the theme is not known where the file is made
    caption, legend = finding or as_sentence(viewer.finding(view)), legend_of(view, shape)
    with st.container(horizontal=True):  # the button keeps its width, however narrow the place
        st.caption(plain_markdown(caption), width="stretch")
        download(
            "PNG",
            lambda: encoded(captioned(image, "", [caption], legend)),
            "blindspot-map.png",
            f"{key}.png",
        )


def as_sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


def as_html(view: HeatMap, finding: str, shape: OverPicture) -> str:
    low, high = (short_number(end) for end in shape.span or scale_ends(view))
    shades = np.broadcast_to(colors(view)[None], (BAR, len(colors(view)), 3))
    alt = escape(finding or viewer.finding(view))
    return (
        f'<figure class="bs-map"><img src="{url(blended(view, shape))}" alt="{alt}">'
        f'<img class="bs-map-bar" src="{url(np.ascontiguousarray(shades))}" alt="">'
        f"<figcaption><span>{low}</span>"
        f"<span>{escape(with_unit(high, view.unit))}</span></figcaption></figure>"
    )


def legend_of(view: HeatMap, shape: OverPicture) -> Legend:
    low, high = shape.span or scale_ends(view)
    middle = "0" if view.signed and low == -high else ""
    return Legend(colors(view), short_number(low), middle, with_unit(short_number(high), view.unit))


def blended(view: HeatMap, shape: OverPicture) -> Pixels:
    """The map over the picture, (H, W, 3); where no value is known the picture alone."""
    span = shape.span or scale_ends(view)
    if shape.picture is None:
        image = tint(view, span, colors(view))
    else:
        image = overlay(shape.picture, view, shape.opacity, span, colors(view))
        known = resized(np.isfinite(view.values), image)
        image = np.where(known[..., None], image, shape.picture)
    if shape.truth is not None:
        red, green, blue = bytes.fromhex(COLORS[theme()][1][1:])
        image = image.copy()
        image[border(resized(shape.truth, image))] = red, green, blue
    return image


def colors(view: HeatMap) -> Ramp:
    if not view.signed:
        return SEQUENTIAL
    return DIVERGING_DARK if theme() == "dark" else DIVERGING_LIGHT


def resized(mask: NDArray[np.bool_], image: Pixels) -> NDArray[np.bool_]:
    height, width = image.shape[:2]
    result: NDArray[np.bool_] = np.asarray(
        Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST)
    )
    return result
