"""What the score does while one square of the image at a time is hidden: the same for every map."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from engine.core.method import Choice, Method, Progress, Slider, quiet, setting
from engine.core.result import Result, Table
from engine.vision.case import ImageCase
from engine.vision.case.scoring import as_drawn, score_renders

SEED = 0  # where the squares lie
SIDES = (1 / 8, 1 / 3)  # of the image's shorter side

Boxes = NDArray[np.int64]  # (n, 3): top, left, side


def square_size() -> Any:
    """The setting that the looks and the maps before them share."""
    return setting(64, Slider(16, 256, 16), "Squares", "How many are hidden, one at a time.")


def cover() -> Any:
    """What takes the place of pixels: a setting of every trial that hides some."""
    words = ("mean", "black", "blur")
    return setting("mean", Choice(words), "Hide with", "What hidden pixels become.")


@dataclass(frozen=True)
class HiddenSquares(Method[ImageCase]):
    """How far the score falls when a single square of the image is hidden, for many squares.

    They lie anywhere and are of any size between an eighth and a third of the image's side. It
    depends on image, model and class alone, so all maps of an image share it.
    """

    family = "attribution"
    name = "HiddenSquares"
    title = "Squares hidden one at a time"
    cost = "live"
    paper = "Yeh et al. 2019, https://arxiv.org/abs/1901.09392"
    proof = "tests/engine/attribution/test_infidelity.py::test_a_score_falls_by_what_a_square_hid"

    squares: int = square_size()
    cover: str = cover()

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """squares: top, left and side in pixels, and how far the score fell; whole: the score."""
        squares = boxes(self.squares, case.image.shape[1], case.image.shape[2])
        image, hidden = as_drawn(case, case.image), as_drawn(case, case.baseline(self.cover))

        def draw(index: int, out: Tensor) -> None:
            out.copy_(image)
            if index:
                top, left, side = squares[index - 1]
                part = (..., slice(top, top + side), slice(left, left + side))
                out[part] = hidden[part]

        scores = score_renders(case, 1 + len(squares), draw, progress, "hiding squares").numpy()
        fell = scores[0].astype(np.float64) - scores[1:]
        columns = {
            name: (squares[:, at], "px") for at, name in enumerate(("top", "left", "side"))
        } | {"fell": (fell, case.target.unit)}
        whole_score = Table.of({"score": (scores[:1], case.target.unit)})
        return {"squares": Table.of(columns), "whole": whole_score}


def boxes(count: int, height: int, width: int) -> Boxes:
    """Squares inside an image, each place of one size as likely as any other."""
    generator = np.random.default_rng(SEED)
    low, high = (max(1, round(share * min(height, width))) for share in SIDES)
    side = generator.integers(low, high + 1, count)
    # the size first: all sizes are equally likely, though a large square has fewer places
    top = generator.integers(0, height - side + 1)
    left = generator.integers(0, width - side + 1)
    return np.stack([top, left, side], 1)


def sums(
    values: NDArray[np.float32], drawn: Boxes, moved: NDArray[np.int64]
) -> NDArray[np.float64]:
    """What a map holds in each square, (k, n), once for each of k moves of the map.

    Args:
        values: (H, W).
        drawn: the squares.
        moved: by how many pixels the map goes down and right, (k, 2); what leaves the image at one
            side comes in at the other.
    """
    height, width = values.shape
    # twice along each side, so that a square can go on around the edges of the moved map
    tiled = np.tile(values.astype(np.float64), (2, 2))
    total = np.pad(tiled, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    top = (drawn[:, 0] - moved[:, :1]) % height
    left = (drawn[:, 1] - moved[:, 1:]) % width
    bottom, right = top + drawn[:, 2], left + drawn[:, 2]
    # summed-area table: four look-ups a square, whatever its size
    inside = total[bottom, right] - total[top, right] - total[bottom, left] + total[top, left]
    return np.asarray(inside)
