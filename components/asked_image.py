"""An image for networks that a view has trained: a test image to press, or a person's own."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import streamlit as st

from components.picks import pick_number
from components.sidebar.pictures import enlarged
from components.sidebar.subject import ChosenImage, square_pixels
from components.widgets.data_images import color_pixels, press_images
from components.widgets.viewer import Pixels
from engine.vision.case import ImageCase, image_case
from engine.vision.case.prediction import at_once
from engine.vision.case.target import Target
from engine.vision.data import DataSet
from engine.vision.data.example import Example
from engine.vision.images import Crop
from engine.vision.models.classifier import Classifier

PICTURES = 20  # of rows that are chosen by number
TEST, SIDEBAR_IMAGE = "a test image", "the image of the sidebar"


@dataclass(frozen=True)
class AskedImage:
    """An image as a network is asked about it, and its pixels as they are drawn."""

    case: ImageCase
    pixels: Pixels
    about: str  # what is known of it


def choose_image(
    data: DataSet, seed: int, model: Classifier, own: ChosenImage | None, key: str
) -> AskedImage:
    """The person's own image, or a test image to choose among some of each class."""
    if own is not None:
        return AskedImage(own.seen_by(model), square_pixels(own), "your image")
    rows = data.some("test", len(data.classes), seed).tolist()
    row = press_row(data, rows, rows[0], key)
    example = Example(data, row)
    case = image_case(model, example.picture(), Crop(), Target(0))
    case = replace(case, target=Target(int(at_once(case).argmax())))
    return AskedImage(case, enlarged(color_pixels(data, row)), f"a {example.label}")


def press_row(
    data: DataSet, rows: list[int], first: int, key: str, words: Mapping[int, str] | None = None
) -> int:
    """The row of the test image that was pressed last, `first` while none of these was."""
    ids = [int(image_id) for image_id in data.ids[rows]]
    chosen = st.session_state.get(f"{key}.image")  # the id of the test image
    row = rows[ids.index(chosen)] if chosen in ids else first
    press_images(
        data,
        rows,
        "Test images; press one to ask about it",
        f"{key}.images",
        lambda number: st.session_state.update({f"{key}.image": number}),
        chosen=[int(data.ids[row])],
        words=words,
    )
    return row


def pick_place(data: DataSet, rows: list[int], label: str, title: str, key: str) -> int:
    """The place of one of the rows, by its number or, of the first PICTURES, by its picture."""
    place = pick_number(label, len(rows), key)
    ids = data.ids[rows].tolist()
    press_images(
        data,
        rows[:PICTURES],
        title,
        f"{key}s",
        lambda number: st.session_state.update({key: ids.index(number)}),
        chosen={ids[place]},
        words={row: data.classes[data.labels[row]] for row in rows},
    )
    return place
