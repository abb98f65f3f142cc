"""Pictures by name, and the field of a case that is what a model sees of one."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from engine.core.controls import Option, OtherArguments, Slider, Text, argument
from engine.core.errors import BadData
from engine.core.naming import Unknown, named_by
from engine.vision.data import load
from engine.vision.data.example import Example, example
from engine.vision.images import Crop, Picture, square
from engine.vision.images.named import read_named
from engine.vision.images.samples import SAMPLES, sample
from engine.vision.models.catalog import data_of
from engine.vision.models.classifier import Classifier

SAMPLE, EXAMPLE, TWIN = "sample:", "example:", "twin:"
OF_A_CLASS = 2  # images of each other class that are offered


def picture_options(arguments: OtherArguments) -> tuple[Option, ...]:
    """The pictures that come along but for the one in hand, or what its data set has beside it."""
    name = arguments.get("image") or ""
    if name.startswith(EXAMPLE) and (
        options := tuple(partner_options(example(name.removeprefix(EXAMPLE))))
    ):
        return options
    result = (Option(f"{SAMPLE}{picture.name}", picture.title) for picture in SAMPLES)
    return tuple(option for option in result if option.name != name)


def partner_options(source: Example) -> Iterator[Option]:
    """Its twin where it has one, and the first test images of each other class."""
    if source.twin() is not None and source.has_finding:
        yield Option(f"{TWIN}{source.name}", "Its twin without the lesion")
    data, rows = source.data, source.data.rows("test")
    others = (label for label in range(len(data.classes)) if label != data.labels[source.row])
    for label in others:
        for row in rows[data.labels[rows] == label][:OF_A_CLASS].tolist():
            word = data.classes[label]
            yield Option(f"{EXAMPLE}{Example(data, row).name}", f"{word}, id {data.ids[row]}")


def picture_field() -> Any:
    """What the model of a case sees of a picture, (3, side, side) in [0, 1]."""
    return named_by(
        lambda image, crop_x, crop_y, model: named_input(image, Crop(crop_x, crop_y), model),
        lambda _image: {"image": Unknown()},
        image=argument(
            None,
            Text(off="one that fits the model", options=picture_options),
            "Picture",
            "A picture file, sample:NAME, or example:DATA/ID. Left out: the first test image of "
            "what the model learned from, or the first sample. Of a scan: "
            "FILE::slice=12,window=Brain.",
        ),
        crop_x=argument(
            0.5,
            Slider(0.0, 1.0, 0.01),
            "Square, across",
            "Where the square that the model sees lies in a wide picture: 0 left, 1 right.",
        ),
        crop_y=argument(
            0.5,
            Slider(0.0, 1.0, 0.01),
            "Square, down",
            "Where it lies in a tall picture: 0 top, 1 bottom.",
        ),
    )


def named_input(name: str | None, crop: Crop, model: Classifier) -> Tensor:
    """What a model sees of the picture of that name, or of its first one."""
    return model_input(open_picture(name or first_picture(model)), crop, model)


def model_input(picture: Picture, crop: Crop, model: Classifier) -> Tensor:
    """A picture's square as the model sees it, (3, side, side) in [0, 1]."""
    return torch.from_numpy(square(picture, crop, model.side))


def open_picture(name: str) -> Picture:
    """A sample, an image of a data set, its twin without what made its class, or a file."""
    if name.startswith(SAMPLE):
        return sample(name.removeprefix(SAMPLE))
    if name.startswith(EXAMPLE):
        return example(name.removeprefix(EXAMPLE)).picture()
    if name.startswith(TWIN):
        result = example(name.removeprefix(TWIN)).twin()
        if result is None:
            raise BadData(f"{name[:60]}: only images of data with twins have one.")
        return result
    return read_named(name)


def first_picture(model: Classifier) -> str:
    """The first test image of what a model learned from, or the first sample."""
    name = data_of(model)
    if not name:
        return f"{SAMPLE}{SAMPLES[0].name}"
    data = load(name)
    return f"{EXAMPLE}{name}/{data.ids[data.rows('test')[0]]}"
