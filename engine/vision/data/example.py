"""One image of a data set as a picture that can be asked about, with what is known of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.core.errors import BadData
from engine.core.whole import whole_number
from engine.vision.data.dataset import DataSet, Rows
from engine.vision.data.registry import load
from engine.vision.images import Crop, Picture
from engine.vision.images.picture import digest

Mask = NDArray[np.bool_]
SPLIT = "test"  # of which images are offered: no model of ours has learned from it


@dataclass(frozen=True, eq=False)
class Example:
    """A row of a data set."""

    data: DataSet
    row: int

    @property
    def name(self) -> str:
        """By which `example` finds it again: the data set's name and the image's id."""
        return f"{self.data.name}/{self.data.ids[self.row]}"

    @property
    def label(self) -> str:
        """Its class in words."""
        return self.data.classes[self.data.labels[self.row]]

    def picture(self) -> Picture:
        """The image, (H, W, 3)."""
        return example_picture(self.data.images[self.row])

    def twin(self) -> Picture | None:
        """The same image without what made its class, where there is one."""
        twins = self.data.truth.get("twin")
        return None if twins is None else example_picture(twins[self.row])

    def mask(self) -> Mask | None:
        """Where that is, (H, W), nowhere when there is nothing; None when it is not known."""
        masks = self.data.truth.get("mask")
        return None if masks is None else masks[self.row]

    @property
    def has_finding(self) -> bool:
        """Whether it is known to show something."""
        mask = self.mask()
        return mask is not None and bool(mask.any())


def example(name: str) -> Example:
    """The image of that name, such as "phantoms/17".

    Raises:
        BadData: no such data set, or no image of that id in it.
    """
    word, _, number = name.rpartition("/")
    place = whole_number(number)
    if not word or place is None:
        raise BadData(f"“{name[:60]}” names no image: write a data set, a slash and an id.")
    data = load(word)
    return Example(data, int(data.places(np.array([place]))[0]))


def example_picture(image: NDArray[np.uint8]) -> Picture:
    """(1 or 3, H, W) as a picture."""
    pixels = np.array(np.broadcast_to(image.transpose(1, 2, 0), (*image.shape[1:], 3)))
    pixels.setflags(write=False)
    return Picture(pixels, (pixels.shape[1], pixels.shape[0]), (), digest(pixels))


def mask_in_square(mask: Mask, crop: Crop, side: int) -> Mask:
    """The mask in the square that the model sees, (side, side): where at least half is covered."""
    height, width = mask.shape
    shrunk = Image.fromarray(mask.astype(np.uint8) * 255).resize(
        (side, side), Image.Resampling.BOX, box=crop.box(width, height)
    )
    covered: Mask = np.asarray(shrunk) >= 128
    return covered


def known_in(mask: Mask, crop: Crop, side: int) -> Mask | None:
    """As `mask_in_square`; None where something is too small for a pixel of the square."""
    result, (height, width) = mask_in_square(mask, crop, side), mask.shape
    left, top, right, bottom = (round(edge) for edge in crop.box(width, height))
    return result if result.any() or not mask[top:bottom, left:right].any() else None


def with_finding_first(data_set: DataSet, rows: Rows) -> Rows:
    """The rows, headed by the first whose mask shows something, so that a data set opens on it."""
    masks = data_set.truth.get("mask")
    if masks is None:
        return rows
    shows = masks[rows].reshape(len(rows), -1).any(1)
    first = int(shows.argmax())
    return np.concatenate([rows[first : first + 1], np.delete(rows, first)])


def choice(chosen: Example) -> int:
    """The number by which an image stands among those of any class, as a link has it."""
    return choices(chosen.data)[chosen.row]


def choices(data: DataSet) -> dict[int, int]:
    """The number of each image that is offered, by its row."""
    rows = with_finding_first(data, data.rows(SPLIT))
    return {int(row): place for place, row in enumerate(rows, 1)}
