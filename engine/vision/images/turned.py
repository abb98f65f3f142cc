"""A large image that lies otherwise in its file than it is to be seen."""

from dataclasses import dataclass

import numpy as np

from engine.vision.images.large_base import LargeImage, Pixels

TRANSPOSED, FLIPPED, MIRRORED = {5, 6, 7, 8}, {3, 4, 7, 8}, {2, 3, 6, 7}  # in this order
TURNED = "Turned as its file says."
Rectangle = tuple[int, int, int, int]  # top, bottom, left, right


@dataclass(frozen=True, eq=False)
class TurnedImage(LargeImage):
    """Rectangles of another image, turned or mirrored.

    Args:
        lying: the image as it lies in its file.
        orientation: TIFF's and EXIF's number, from 2 to 8.
    """

    lying: LargeImage
    orientation: int

    def piece(self, top: int, bottom: int, left: int, right: int) -> Pixels:
        """Of the image as it is seen."""
        return self.turned(self.lying.piece(*self.place((top, bottom, left, right))))

    def smaller(self, times: int, top: int, bottom: int, left: int, right: int) -> Pixels:
        """By the same squares as if it had been turned first."""
        # cut at the end as it is seen, which may be the beginning in the file: squares begin there
        bottom -= (bottom - top) % times
        right -= (right - left) % times
        place = self.place((top, bottom, left, right))
        return self.turned(self.lying.smaller(times, *place))

    def place(self, rectangle: Rectangle) -> Rectangle:
        """Where a rectangle lies in the file."""
        top, bottom, left, right = rectangle
        if self.orientation in FLIPPED:
            top, bottom = self.height - bottom, self.height - top
        if self.orientation in MIRRORED:
            left, right = self.width - right, self.width - left
        turned = self.orientation in TRANSPOSED
        return (left, right, top, bottom) if turned else (top, bottom, left, right)

    def turned(self, lying: Pixels) -> Pixels:
        """A piece of the file as it is seen."""
        result = lying.transpose(1, 0, 2) if self.orientation in TRANSPOSED else lying
        result = result[::-1] if self.orientation in FLIPPED else result
        result = result[:, ::-1] if self.orientation in MIRRORED else result
        return np.ascontiguousarray(result)


def upright(lying: LargeImage, orientation: int) -> LargeImage:
    """The image as it is to be seen; as it lies for 1 and for numbers that mean nothing."""
    if orientation not in TRANSPOSED | FLIPPED | MIRRORED:
        return lying
    across, down = lying.width, lying.height
    width, height = (down, across) if orientation in TRANSPOSED else (across, down)
    notes = (*lying.notes, TURNED)
    name = f"{lying.fingerprint} turned {orientation}"
    return TurnedImage(width, height, name, notes, lying, orientation)
