"""An image with some of its cells grayed and crossed out, such as tokens that were dropped."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.sidebar.pictures import enlarged
from engine.core.result import Pictures

DROPPED = np.array([110, 110, 110], np.uint8)
LINE = 235  # of 255
SHADE = 0.75  # of a crossed out place

Pixels = NDArray[np.uint8]


def crossed_out(
    image: Pixels, grids: NDArray[np.bool_], name: str, unit: str, finding: str
) -> Pictures:
    """The image once for each grid, with how many cells are on below it.

    Args:
        image: (H, W, 3).
        grids: (n, rows, columns), on where a cell stays as it is.
        name: what each grid is; they are numbered from 1.
        unit: what the cells are.
        finding: what is seen.
    """
    return Pictures(
        np.stack([crossed(image, grid) for grid in grids])[None],
        ("",),
        tuple(f"{name} {at + 1}" for at in range(len(grids))),
        finding,
        captions=tuple(f"{int(grid.sum())} of {grid.size} {unit}" for grid in grids),
    )


def crossed(image: Pixels, grid: NDArray[np.bool_]) -> Pixels:
    """The enlarged image with the cells that are off grayed and crossed out.

    Args:
        image: (H, W, 3).
        grid: (rows, columns).
    """
    large = enlarged(image).copy()
    height, width = large.shape[0] // grid.shape[0], large.shape[1] // grid.shape[1]
    across = np.abs(np.arange(height)[:, None] * width - np.arange(width)[None] * height)
    line = np.minimum(across, across[:, ::-1]) < max(height, width)
    for row, column in zip(*np.nonzero(~grid), strict=True):
        window: Any = (
            slice(row * height, (row + 1) * height),
            slice(column * width, (column + 1) * width),
        )
        cell = (1 - SHADE) * large[window] + SHADE * DROPPED
        large[window] = np.where(line[..., None], LINE, cell).astype(np.uint8)
    return large
