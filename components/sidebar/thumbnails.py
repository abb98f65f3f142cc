"""The images that can be asked about, as small pictures: the start page's way to choose one.

Beside the photographs stand a phantom and a scene. Their data sets are made when they are chosen;
their small pictures come along, so that the page need not wait for them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from components.sidebar import examples
from components.sidebar.held import free
from components.sidebar.pictures import FROM_DATA, YOURS
from components.widgets.encoding import data_url, light
from components.widgets.thumbs import Thumb, thumbs
from engine.commands.openings.attribution import PLANTED
from engine.core.errors import BlindspotError
from engine.core.pictures import as_bytes
from engine.vision import data as data_sets
from engine.vision.data.example import choice, example
from engine.vision.images import Crop, Picture, Scan, square
from engine.vision.images.samples import SAMPLES, sample
from engine.vision.models.catalog import DEFAULT

SIDE = 96  # px
DATA = "digits"  # whose images stand for all data sets
KEY = "image"  # in the link, as that of the sidebar's list

SCENE = 18  # three things, all clearly visible
FOLDER = Path(__file__).parents[2] / "assets" / "thumbs"

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class ShippedExample:
    """An image of a data set that can be chosen like a photograph.

    Args:
        title: as a person knows it.
        data: the data set by name, with settings.
        id: of the image, one of the test split.
        model: that answers when it is chosen, unless a person has chosen another.
    """

    title: str
    data: str
    id: int
    model: str = DEFAULT

    @property
    def path(self) -> Path:
        return FOLDER / f"{self.data.partition(':')[0]}.png"

    def picture(self) -> Picture:
        """The image; makes its data set where that is not there yet."""
        return example(f"{self.data}/{self.id}").picture()


SHIPPED = (
    ShippedExample("A phantom", PLANTED.unmarked, PLANTED.slice, PLANTED.control),
    ShippedExample("A scene", "scenes:count=100", SCENE),
)
SHIPPED_KEY = "subject.shipped"  # which of them was chosen, and by which number it is found


def pick(shown: Sequence[str]) -> str:
    """The image that is chosen, by title; a click on another one chooses that.

    The list of the other views has the same key, so that the choice goes along. It is bound to the
    link; what is no widget has to put itself there.
    """
    linked = st.query_params.get(KEY)
    if KEY not in st.session_state and linked in shown:
        st.session_state[KEY] = linked
    stored = st.session_state.get(KEY)
    picked = next((title for title in shown if title == stored), shown[0])
    if picked == shown[0]:
        st.query_params.pop(KEY, None)
    else:
        st.query_params[KEY] = picked

    def take(number: int) -> None:
        if number < len(shown):
            st.session_state[KEY] = shown[number]
            answer_by(DEFAULT)
        else:
            take_example(SHIPPED[number - len(shown)])

    shipped = shipped_now() if picked == FROM_DATA else None
    rows = [(title, thumb(title), title == picked and shipped is None) for title in shown]
    rows += [
        (shipped_example.title, of_file(shipped_example.path), shipped_example == shipped)
        for shipped_example in SHIPPED
    ]
    thumbnails = [Thumb(at, *row) for at, row in enumerate(rows)]
    thumbs(thumbnails, "Images to ask about", "subject.thumbs", take)
    return picked


def take_example(shipped_example: ShippedExample) -> None:
    place = choice(example(f"{shipped_example.data}/{shipped_example.id}"))
    settings = {"data": shipped_example.data, "kind": examples.ANY, "item": place}
    st.session_state.update(
        {KEY: FROM_DATA, SHIPPED_KEY: (shipped_example.title, settings), **settings}
    )
    st.query_params.update(free({key: str(value) for key, value in settings.items()}))
    answer_by(shipped_example.model)


def shipped_now() -> ShippedExample | None:
    """Which of the shipped ones is chosen still; None once a person has changed something."""
    title, settings = st.session_state.get(SHIPPED_KEY, ("", {}))
    same = all(st.session_state.get(key) == value for key, value in settings.items())
    return next(
        (shipped_example for shipped_example in SHIPPED if same and shipped_example.title == title),
        None,
    )


def answer_by(model: str) -> None:
    """Choose that model, unless a person has chosen one that goes with no thumbnail."""
    if st.session_state.get("model", DEFAULT) in {
        DEFAULT,
        *(shipped_example.model for shipped_example in SHIPPED),
    }:
        st.session_state["model"] = model


def thumb(title: str) -> str:
    """The data URL of what that title chooses."""
    if title == YOURS:
        upload: Picture | Scan = st.session_state["subject.upload"]
        return encoded(of_picture(upload.picture() if isinstance(upload, Scan) else upload))
    name = next(
        (sample_picture.name for sample_picture in SAMPLES if sample_picture.title == title), ""
    )
    return of_data(FROM_DATA) if not name else of_sample(name)


def of_picture(picture: Picture) -> Pixels:
    """Its middle square, (side, side, 3)."""
    return as_bytes(square(picture, Crop(), SIDE))


@st.cache_data(show_spinner=False)
def of_sample(name: str) -> str:
    try:
        return encoded(of_picture(sample(name)))
    except BlindspotError:
        return ""


@st.cache_data(show_spinner=False)
def of_file(path: Path) -> str:
    return data_url("png", path.read_bytes())


@st.cache_data(show_spinner=False)
def of_data(_title: str) -> str:
    images = data_sets.load(DATA).images[:4, 0]
    sheet = np.vstack([np.hstack(list(images[:2])), np.hstack(list(images[2:]))])
    return encoded(np.repeat(sheet[..., None], 3, 2))


def encoded(pixels: Pixels) -> str:
    """As a data URL; a dozen stand beside each other, so each is sent as WebP."""
    return data_url(*light(Image.fromarray(pixels), 0))
