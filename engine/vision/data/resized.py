"""Images of a data set at another side."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.vision.data.dataset import DataSet


def at_side(images: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Images (N, 1 or 3, H, W) at (N, 1 or 3, side, side); one antialiased bicubic resize each.

    As `engine.vision.images.square` makes a picture smaller; images of that side come back as they
    are.
    """
    count, channels, height, width = images.shape
    if (height, width) == (side, side):
        return images
    small = np.empty((count, channels, side, side), np.uint8)
    for place, image in enumerate(images):
        for channel, plane in enumerate(image):
            resized_plane = Image.fromarray(plane).resize((side, side), Image.Resampling.BICUBIC)
            small[place, channel] = np.asarray(resized_plane)
    return small


def resized(data: DataSet, side: int) -> DataSet:
    """The data set at another side; labels, ids and splits stay. Truth in pixels is left out."""
    if data.images.shape[2:] == (side, side):
        return data
    per_image = {name: array for name, array in data.truth.items() if array.ndim == 1}
    card = replace(data.card, made=f"{data.card.made} Brought to {side} × {side} px.")
    return replace(data, images=at_side(data.images, side), truth=per_image, card=card)
