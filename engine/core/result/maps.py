"""Views with a place to each number: in the image, in a plane, or along a walk."""

from dataclasses import dataclass

import numpy as np

from engine.core.result.view import Array, Floats, View


@dataclass(frozen=True, eq=False)
class HeatMap(View):
    """One value for each pixel of the working image, (H, W); NaN where nothing is known."""

    values: Floats
    unit: str
    signed: bool


@dataclass(frozen=True, eq=False)
class Grids(View):
    """Small maps over an image's tokens, for each of n words and each layer.

    Args:
        values: (n, layers, rows, columns).
        unit: of the values.
    """

    values: Floats
    unit: str


@dataclass(frozen=True, eq=False)
class Field(View):
    """A number at each node of a grid, (rows, columns), with the places of rows and columns."""

    values: Floats
    x: Floats  # of the columns
    y: Floats  # of the rows
    x_label: str
    y_label: str
    unit: str


@dataclass(frozen=True, eq=False)
class Points(View):
    """Points in a plane, (n, 2), and a number for each, (n,)."""

    places: Floats
    values: Floats
    x_label: str
    y_label: str
    unit: str


@dataclass(frozen=True, eq=False)
class Triangle(View):
    """Numbers on the blends of three images.

    A blend is the sum of its weights (n, 3) times the images (3, 3, H, W), so whoever shows it can
    blend by themselves. Its place in the plane is its weights times the corners (3, 2).
    """

    weights: Floats
    values: Floats  # (n,)
    corners: Floats
    images: Array  # float16
    labels: tuple[str, ...]  # of the corners
    unit: str


@dataclass(frozen=True, eq=False)
class Path(View):
    """Images along a walk, (n, 3, H, W) in [0, 1], and a number for each, (n,).

    Frames may be float16. `steps` tells which step of the walk each is; without it, every step is
    there.
    """

    frames: Array
    values: Floats
    unit: str
    steps: Array | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.steps, np.ndarray):
            object.__setattr__(self, "steps", np.arange(len(self.frames)))
        super().__post_init__()
