"""Boxes and outlines of masks."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

Masks = NDArray[np.bool_]


def boxes(masks: Masks) -> NDArray[np.int64]:
    """Top, left, bottom, right of each mask (N, H, W), the last two just outside; −1 for none."""
    result = np.full((len(masks), 4), -1, np.int64)
    some = np.any(masks, axis=(1, 2))
    for column, axis in ((0, 2), (1, 1)):
        hit = np.any(masks[some], axis=axis)
        result[some, column] = hit.argmax(1)
        result[some, column + 2] = hit.shape[1] - hit[:, ::-1].argmax(1)
    return result


def outline(mask: Masks) -> Masks:
    """The pixels just outside a mask (H, W)."""
    grown: Masks = ndi.binary_dilation(mask)
    return grown & ~mask
