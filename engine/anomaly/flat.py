"""What the experiments share: images as vectors, and pictures made of vectors."""

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadData
from engine.vision.data import DataSet

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


def pixels(data: DataSet, rows: Ints) -> Doubles:
    """Images (n, channels × H × W) in [0, 1]."""
    return data.images[rows].reshape(len(rows), -1) / 255.0


def vectors_to_images(vectors: Doubles, data: DataSet) -> NDArray[np.uint8]:
    """Vectors (n, channels × H × W) in [0, 1] as images (n, H, W, channels)."""
    shaped = vectors.reshape(len(vectors), *data.images.shape[1:]).transpose(0, 2, 3, 1)
    return np.rint(255 * np.clip(shaped, 0, 1)).astype(np.uint8)


def main_axes(vectors: Doubles, count: int) -> tuple[Doubles, Doubles, Doubles]:
    """The mean (D,), the axes (D, count) of most variance, and the variances, the largest last."""
    mean = vectors.mean(0)
    centered = vectors - mean
    values, axes = np.linalg.eigh(centered.T @ centered / len(vectors))
    return mean, axes[:, -count:], values[-count:]


def require_rows(data: DataSet, split: str, count: int) -> Ints:
    """The rows of a split. Raises BadData where there are fewer than `count`."""
    rows = data.rows(split)
    if len(rows) < count:
        raise BadData(
            f"This experiment needs at least {count} {split} images; {data.card.title} has "
            f"{len(rows)}. Choose larger data."
        )
    return rows
