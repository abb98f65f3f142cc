"""A mask that a person brings: a picture or scan in which what is bright is meant."""

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadImage
from engine.vision.images.picture import Picture
from engine.vision.images.scan import Scan, SliceChoice

HALF = 0.5  # of the way from the lowest value to the highest: what is above is the mask

Mask = NDArray[np.bool_]


def mask_of(
    mask_file: Picture | Scan, view: SliceChoice | None, picture: Picture, *, empty: bool = False
) -> Mask:
    """Where the mask is, (H, W) like the picture's pixels.

    Args:
        mask_file: what was opened as a mask.
        view: which slice of the picture's scan is looked at; the same one is taken of a scan.
        picture: what the mask belongs to.
        empty: whether a black mask is one too, which says that nothing is there.

    Raises:
        BadImage: the sizes differ, there is no such slice, it is all of one brightness but black,
            or nothing is marked and something has to be.
    """
    marks, size = bright_mask(mask_file, view)
    if marks.shape != picture.pixels.shape[:2]:
        mask_size, image_size, where = size, picture.size, "The mask"
        if mask_size == image_size:  # the files are alike, but one has pixels that are not square
            mask_size, image_size = marks.shape[::-1], picture.pixels.shape[1::-1]
            where = "With square pixels the mask"
        raise BadImage(
            f"{where} has {mask_size[0]} × {mask_size[1]} px and the image {image_size[0]} × "
            f"{image_size[1]}: "
            "they must be of one size."
        )
    if not marks.any() and not empty:
        raise BadImage("The mask is empty here: nothing in it is brighter than its background.")
    return marks


def bright_mask(source: Picture | Scan, view: SliceChoice | None) -> tuple[Mask, tuple[int, int]]:
    """What is bright, half of the range and more; and the file's own width and height."""
    if isinstance(source, Picture):
        image = source
        values = source.pixels.max(-1).astype(np.float32)
    else:
        choice = SliceChoice(view.plane, view.slice, view.volume) if view else SliceChoice()
        image = source.picture(fitting_slice(source, choice))
        behind = image.behind
        if behind is None or behind.values is None:
            raise BadImage("A scan in color cannot be a mask: open one in gray.")
        values = np.nan_to_num(behind.values)
    low, high = float(values.min()), float(values.max())
    if low == high != 0:
        raise BadImage(
            "The mask is of one brightness here, and not black: make black what is not marked, "
            "and all of it where nothing is there."
        )
    bright: Mask = values > low + HALF * (high - low)
    return bright, image.size


def fitting_slice(scan: Scan, choice: SliceChoice) -> SliceChoice:
    """The asked slice, if the mask has one; a single slice or volume is the mask of all."""
    plane = choice.plane if choice.plane in scan.planes else None
    count = scan.count(plane or scan.planes[0])
    if count == 1:
        return SliceChoice(plane)
    if choice.slice is not None and choice.slice >= count:
        raise BadImage(f"The mask has {count} slices, but slice {choice.slice + 1} is looked at.")
    return SliceChoice(plane, choice.slice, choice.volume if choice.volume < scan.volumes else 0)
