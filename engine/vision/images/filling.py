"""A hole in a picture is filled from what lies around it, smoothly: no texture is made up."""

from math import sqrt

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.core.errors import BadImage
from engine.vision.images.crop import Crop
from engine.vision.images.masks import Mask

MOST = 60_000  # px that are filled at once; the time grows faster than their number
MOST_COVERED = 0.9  # of the picture


def square_mask(mask: Mask, crop: Crop, side: int) -> Mask:
    """A mask (H, W) of a picture on the square that the model sees, (side, side).

    A pixel belongs to it where the mask covers half of it or more.

    Raises:
        BadImage: so little is marked there that nothing is left of it.
    """
    height, width = mask.shape
    small = Image.fromarray(mask.astype(np.uint8) * 255).resize(
        (side, side), Image.Resampling.BOX, box=crop.box(width, height)
    )
    result: Mask = np.asarray(small) >= 128  # half
    if not result.any():
        raise BadImage(
            f"Nothing of the mask is left on the square of {side} × {side} px that the model sees: "
            "mark more, or what lies in the middle square of the photograph."
        )
    return result


def grown(mask: Mask, px: int) -> Mask:
    """The mask made wider by so many px on all sides."""
    from scipy.ndimage import binary_dilation

    if not px:
        return mask
    wider: Mask = binary_dilation(mask, np.ones((3, 3), np.bool_), iterations=px)
    return wider


def inpaint(image: NDArray[np.float32], mask: Mask) -> NDArray[np.float32]:
    """The image (H, W, 3) in [0, 1], its masked part filled by the biharmonic equation.

    Where more than MOST px are masked, they are filled in a smaller copy and enlarged: a smooth
    filling loses nothing by that which the eye would see. All other pixels stay as they are.

    Raises:
        BadImage: the mask is empty, or leaves too little to fill it from.
    """
    from skimage.restoration import inpaint_biharmonic

    check(mask)
    # the masked pixels fall with the square of the scale
    shape, scale = mask.shape, sqrt(min(1.0, MOST / int(mask.sum())))
    small = image, mask
    if scale < 1:
        height, width = (max(round(scale * side), 1) for side in shape)
        # any share of mask: a mixed pixel must not be what the rest is filled from
        small = resized(image, height, width), resized(mask, height, width) > 0
        check(small[1])
    inpainted = inpaint_biharmonic(*small, channel_axis=-1).astype(np.float32)
    if scale < 1:
        inpainted = resized(inpainted, *shape)
    result: NDArray[np.float32] = np.where(mask[..., None], inpainted.clip(0, 1), image)
    return result


def check(mask: Mask) -> None:
    """Raise BadImage for a mask that is empty or leaves too little."""
    share = float(mask.mean())
    if not share:
        raise BadImage("The mask is empty: mark the thing that goes.")
    if share > MOST_COVERED:
        raise BadImage(
            f"The mask covers {100 * share:.0f} % of the picture: too little is left to fill it "
            f"from. Mark the thing alone, {100 * MOST_COVERED:.0f} % at most."
        )


def resized(values: NDArray[np.generic], height: int, width: int) -> NDArray[np.float32]:
    """Numbers (H, W) or (H, W, C) at another size, bilinear and antialiased."""
    planes = np.atleast_3d(values.astype(np.float32))
    channels = [
        np.asarray(Image.fromarray(plane).resize((width, height), Image.Resampling.BILINEAR))
        for plane in np.moveaxis(planes, -1, 0)
    ]
    return np.stack(channels, -1) if values.ndim > 2 else channels[0]
