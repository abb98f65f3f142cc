"""What is asked: what prototypes make of one image, after they were learned from a data set."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.core.case_base import Case, Precision
from engine.core.controls import Text, argument
from engine.core.device import best_device
from engine.core.errors import BlindspotError
from engine.core.keeping.lazy import lazy
from engine.core.naming import Unknown, named_by
from engine.evaluation.experiment import ExperimentCase
from engine.vision import data as data_sets
from engine.vision.arguments import name_of, named_data, seed_argument
from engine.vision.data import DataSet, Rows
from engine.vision.images import Crop, Picture, square
from engine.vision.pictures import EXAMPLE, open_picture

LIGHT = 127.5  # mean of the outermost pixels, above which the ground is light
PER_CLASS, FIRST = 2, 8  # test images of each class that are offered, and which of them comes first
SOME = 200  # images whose ground is looked at
NO_ROW = Unknown("A case does not know where its image is from: say image=….")


def named_image(name: str | None, data: DataSet) -> Tensor:
    """A picture as the images of a data set are; the first test image, if none is named."""
    rows = data.rows("test")
    if not name and not len(rows):
        raise BlindspotError(f"{data.card.title} has no test images: name an image.")
    return about_picture(data, open_picture(name or example_of(data, rows[0])), Crop())[0].image


def image_name(image: Tensor, data: DataSet) -> str | Unknown:
    """An image of a data set by its name; nobody knows where another one is from."""
    row = row_of(image, data)
    return NO_ROW if row is None else example_of(data, row)


def example_of(data: DataSet, row: int) -> str:
    """An image of a data set by its name."""
    return f"{EXAMPLE}{data.name}/{data.ids[row]}"


def row_of(image: Tensor, data: DataSet) -> int | None:
    """Where an image is in a data set, if it is one of it."""
    levels = np.round(255 * image.numpy()).astype(np.uint8)
    is_same = (data.images == levels).all((1, 2, 3))
    return int(is_same.argmax()) if is_same.any() else None


@dataclass(frozen=True, eq=False)
class PrototypeCase(Case):
    """An image, and the data that prototypes are learned from.

    Args:
        data: a data set.
        image: as its images are: (C, side, side) in [0, 1], float32.
        seed: of the training.
        precision: "exact" is the only one.

    Raises:
        BlindspotError: the image has another shape, or holds what is no number.
    """

    case_name: ClassVar[str] = "prototypes"
    what: ClassVar[str] = "an image and a data set to learn prototypes from"
    asks: ClassVar[str] = ""

    data: DataSet = named_by(data_sets.load, name_of, data=named_data("digits"))
    image: Tensor = named_by(
        named_image,
        image_name,
        image=argument(
            None,
            Text(off="the first test image"),
            "Picture",
            "A picture file, sample:NAME, or example:DATA/ID. Dark strokes on light paper are "
            "inverted where the data has light strokes on a dark ground.",
        ),
    )
    seed: int = named_by(default=0, seed=seed_argument("Of the training."))
    precision: Precision = "exact"

    def __post_init__(self) -> None:
        shape = tuple(self.data.images.shape[1:])
        if tuple(self.image.shape) != shape:
            raise BlindspotError(
                f"Images of {self.data.card.title} are {shape}, not {tuple(self.image.shape)}."
            )
        if not torch.isfinite(self.image).all():
            raise BlindspotError("A pixel of this image is no number.")

    @property
    def lane(self) -> str:
        """The device whose lane trains."""
        return str(best_device())

    @property
    def learned(self) -> ExperimentCase:
        """The case of the training."""
        return ExperimentCase(self.data, self.seed, self.precision)

    @property
    def pixels(self) -> Tensor:
        """The image as a network is asked about it, (1, 3, side, side)."""
        return self.image.expand(3, -1, -1)[None]

    @property
    def shown(self) -> NDArray[np.uint8]:
        """The image as it is drawn, (side, side, 3)."""
        levels = np.round(255 * self.pixels[0].numpy()).astype(np.uint8)
        return np.ascontiguousarray(levels.transpose(1, 2, 0))

    @lazy
    def row(self) -> int | None:
        """Where this image is in the data set, if it is one of it."""
        return row_of(self.image, self.data)

    @property
    def blank(self) -> bool:
        """Whether all of its pixels are alike."""
        return bool(self.image.max() - self.image.min() < 1 / 255)

    def facts(self) -> dict[str, Any]:
        """What it is, for the record: no pixels."""
        return super().facts() | {"alike": self.data.name}  # in seconds


def offered_rows(data: DataSet) -> Rows:
    """The rows of some test images of each class."""
    return data.some("test", PER_CLASS * len(data.classes))


def first_row(data: DataSet) -> int:
    """The row of the test image that the view opens with."""
    rows = offered_rows(data)
    return int(rows[min(FIRST, len(rows) - 1)])


def about_row(data: DataSet, row: int, seed: int = 0) -> PrototypeCase:
    """The case of an image of the data set."""
    return PrototypeCase(data, torch.from_numpy(data.images[row] / np.float32(255)), seed)


def about_picture(
    data: DataSet, picture: Picture, crop: Crop, seed: int = 0
) -> tuple[PrototypeCase, bool]:
    """The case of any picture's square, and whether its black and white were exchanged.

    Dark strokes on light paper are inverted where the data has light strokes on a dark ground.
    """
    pixels = square(picture, crop, data.side)
    if data.images.shape[1] == 3:
        return PrototypeCase(data, torch.from_numpy(pixels), seed), False
    gray = np.round(255 * pixels.mean(0, keepdims=True)).astype(np.uint8)
    inverted = edge(gray) > LIGHT > edge(data.images[data.rows("train")][:SOME])
    gray_levels = 255 - gray if inverted else gray
    return PrototypeCase(data, torch.from_numpy(gray_levels / np.float32(255)), seed), inverted


def edge(images: NDArray[np.uint8]) -> float:
    """Mean of the outermost pixels of images (…, H, W)."""
    sides = images[..., 0, :], images[..., -1, :], images[..., :, 0], images[..., :, -1]
    return float(np.mean([side.mean() for side in sides]))
