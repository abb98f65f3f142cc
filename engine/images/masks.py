"""A mask that a person brings: a picture or scan in which what is not black is meant."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadImage
from engine.images.picture import Picture
from engine.images.scan import Scan, View

HALF = 0.5  # of the highest value: what is brighter belongs to the mask

Mask = NDArray[np.bool_]


def mask_of(given: Picture | Scan, view: View | None, picture: Picture) -> Mask:
    """Where the mask is, (H, W) like the picture's pixels.

    Args:
        given: what was opened as a mask.
        view: which slice of the picture's scan is looked at; the same one is taken of a scan.
        picture: what the mask belongs to.

    Raises:
        BadImage: the sizes differ, there is no such slice, or nothing is marked.
    """
    marks = drawn(given, view)
    if marks.shape != picture.pixels.shape[:2]:
        (height, width), (rows, columns) = picture.pixels.shape[:2], marks.shape
        raise BadImage(
            f"The mask has {columns} × {rows} px and the image {width} × {height}: "
            "they must be of one size."
        )
    if not marks.any():
        raise BadImage("The mask is empty here: nothing in it is brighter than its background.")
    return marks


def drawn(given: Picture | Scan, view: View | None) -> Mask:
    """What is bright: half of the range and more."""
    if isinstance(given, Picture):
        values = given.pixels.max(-1).astype(np.float32)
    else:
        asked = View(view.plane, view.slice, view.volume) if view else View()
        behind = given.picture(fitting(given, asked)).behind
        if behind is None or behind.values is None:
            raise BadImage("A scan in color cannot be a mask: open one in gray.")
        values = np.nan_to_num(behind.values)
    low, high = float(values.min()), float(values.max())
    bright: Mask = values > low + HALF * (high - low)
    return bright


def fitting(given: Scan, asked: View) -> View:
    """The asked slice, if the mask has one; a single slice or volume is the mask of all."""
    plane = asked.plane if asked.plane in given.planes else None
    count = given.count(plane or given.planes[0])
    if count == 1:
        return View(plane)
    if asked.slice is not None and asked.slice >= count:
        raise BadImage(f"The mask has {count} slices, but slice {asked.slice + 1} is looked at.")
    return View(plane, asked.slice, asked.volume if asked.volume < given.volumes else 0)
