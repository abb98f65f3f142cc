"""What all large images share: rectangles are read, and smaller ones made of them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]  # (rows, columns, 3)

MOST_HELD = 64_000_000  # bytes of an answer


@dataclass(frozen=True, eq=False)
class LargeImage(ABC):
    """An image of which rectangles are read.

    Args:
        width, height: px.
        fingerprint: of the file, or of what it was made from.
        notes: what was done to it, in sentences.
    """

    width: int
    height: int
    fingerprint: str
    notes: tuple[str, ...]

    @abstractmethod
    def piece(self, top: int, bottom: int, left: int, right: int) -> Pixels:
        """The pixels of a rectangle inside the image, (bottom − top, right − left, 3)."""

    def mask(self, top: int, bottom: int, left: int, right: int) -> NDArray[np.bool_] | None:  # noqa: ARG002
        """What is known of these pixels: where the planted regions are; None where nothing is."""
        return None

    def smaller(self, times: int, top: int, bottom: int, left: int, right: int) -> Pixels:
        """A rectangle so many times smaller, by the mean of its squares; its ends are cut to fit.

        It is read in bands, so that memory is that of its result and one band.
        """
        rows, columns = (bottom - top) // times, (right - left) // times
        result = np.empty((rows, columns, 3), np.uint8)
        band = max(1, MOST_HELD // (3 * max(right - left, 1) * times * 4))
        for at in range(0, rows, band):
            end = min(rows, at + band)
            part = self.piece(top + at * times, top + end * times, left, left + columns * times)
            cells = part.reshape(end - at, times, columns, times, 3)
            result[at:end] = cells.mean((1, 3), dtype=np.float32).round()
        return result


@dataclass(frozen=True, eq=False)
class WholeImage(LargeImage):
    """An image that was decoded whole."""

    pixels: Pixels

    def piece(self, top: int, bottom: int, left: int, right: int) -> Pixels:
        """As it was decoded."""
        return self.pixels[top:bottom, left:right]
