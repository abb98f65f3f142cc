"""The square of a picture that the model sees."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.core.errors import BlindspotError
from engine.vision.images.picture import Picture


@dataclass(frozen=True)
class Crop:
    """Where the largest square sits along the free side: 0 left or top, 1 right or bottom."""

    x: float = 0.5
    y: float = 0.5

    def __post_init__(self) -> None:
        if not (0 <= self.x <= 1 and 0 <= self.y <= 1):
            raise BlindspotError(
                f"The crop cannot sit at {self.x:g}, {self.y:g}: choose both between 0 and 1."
            )

    def box(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Left, top, right and bottom in px; the side is the short side of the picture."""
        side = min(width, height)
        left, top = self.x * (width - side), self.y * (height - side)
        return left, top, left + side, top + side


def square(picture: Picture, crop: Crop, side: int) -> NDArray[np.float32]:
    """The crop at the model's size, (3, side, side) in [0, 1]; one antialiased bicubic resize."""
    height, width = picture.pixels.shape[:2]
    small = Image.fromarray(picture.pixels).resize(
        (side, side), Image.Resampling.BICUBIC, box=crop.box(width, height)
    )
    planes = np.asarray(small).transpose(2, 0, 1)
    return np.ascontiguousarray(planes, dtype=np.float32) / np.float32(255)
