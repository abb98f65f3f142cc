"""The images that can be asked about, as small pictures: the start page's way to choose one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from components.sidebar.pictures import FROM_DATA, YOURS
from components.widgets.encoding import data_url, saved
from components.widgets.thumbs import Thumb, thumbs
from engine import data as data_sets
from engine.errors import BlindspotError
from engine.images import Crop, Picture, Scan, square
from engine.images.samples import SAMPLES, sample
from engine.pictures import as_bytes

SIDE = 96  # px
DATA = "digits"  # whose images stand for all data sets
KEY = "image"  # in the link, as that of the sidebar's list

Pixels = NDArray[np.uint8]


def pick(shown: Sequence[str]) -> str:
    """The image that is chosen, by title; a click on another one chooses that.

    The list of the other views has the same key, so that the choice goes along. It is bound to the
    link; what is no widget has to put itself there.
    """
    linked = st.query_params.get(KEY)
    if KEY not in st.session_state and linked in shown:
        st.session_state[KEY] = linked
    held = st.session_state.get(KEY)
    picked = next((title for title in shown if title == held), shown[0])
    if picked == shown[0]:
        st.query_params.pop(KEY, None)
    else:
        st.query_params[KEY] = picked

    def take(number: int) -> None:
        st.session_state[KEY] = shown[number]

    rows = [Thumb(at, title, thumb(title), title == picked) for at, title in enumerate(shown)]
    thumbs(rows, "Images to ask about", "subject.thumbs", take)
    return picked


def thumb(title: str) -> str:
    """The data URL of what that title chooses."""
    if title == YOURS:
        return encoded(of_picture(uploaded()))
    name = next((one.name for one in SAMPLES if one.title == title), "")
    return of_data(FROM_DATA) if not name else of_sample(name)


def uploaded() -> Picture:
    """What the person opened, of a scan its middle."""
    found: Picture | Scan = st.session_state["subject.upload"]
    return found.picture() if isinstance(found, Scan) else found


def of_picture(picture: Picture) -> Pixels:
    """Its middle square, (side, side, 3)."""
    return as_bytes(square(picture, Crop(), SIDE))


@st.cache_data(show_spinner=False)
def of_sample(name: str) -> str:
    """A shipped photograph; "" where its package is missing."""
    try:
        return encoded(of_picture(sample(name)))
    except BlindspotError:
        return ""


@st.cache_data(show_spinner=False)
def of_data(_title: str) -> str:
    """Four images of a data set, two by two."""
    images = data_sets.load(DATA).images[:4, 0]
    sheet = np.vstack([np.hstack(list(images[:2])), np.hstack(list(images[2:]))])
    return encoded(np.repeat(sheet[..., None], 3, 2))


def encoded(pixels: Pixels) -> str:
    """As a data URL."""
    return data_url("png", saved(Image.fromarray(pixels), "PNG"))
