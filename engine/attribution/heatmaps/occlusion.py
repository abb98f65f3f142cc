"""Occlusion: how far the score falls when a square of the image is hidden.

A square slides over the image; each place records the fall of the target's score. A pixel's value
is the mean fall over the squares that cover it, so the map is in units of the score, and two
images, or two models, can share one color scale.

Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks" (2014),
https://arxiv.org/abs/1311.2901
"""

from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from engine.attribution.heatmaps.partition import COVER, COVER_HELP
from engine.core.method import Method, Progress, Slider, quiet, setting
from engine.core.result import HeatMap, Result
from engine.vision.case import ImageCase
from engine.vision.case.scoring import as_drawn, score_renders

Square = tuple[slice, slice]


@dataclass(frozen=True)
class Occlusion(Method[ImageCase]):
    """How far the score falls when a square of the image is hidden.

    Orange where hiding lowers the score, blue where hiding raises it. One unit is one logit (or
    probability) lost, as the mean over the squares that cover the pixel; details smaller than the
    square cannot show. What stands for "hidden" is a picture the model may never have seen, so
    try another cover before you trust a spot.
    """

    name = "Occlusion"
    family = "attribution"
    title = "Occlusion"
    cost = "wait"
    paper = "Zeiler & Fergus 2014, https://arxiv.org/abs/1311.2901"
    fast = True
    proof = (
        "tests/engine/attribution/test_occlusion.py"
        "::test_squares_side_by_side_give_each_block_its_own_sum"
    )

    side: int = setting(
        32,
        Slider(1, 96, step=1, unit="px"),
        "Square",
        "Side of the square that hides the image; at most half of the image's own.",
    )
    overlap: float = setting(
        0.5, Slider(0.0, 0.75, step=0.25), "Overlap", "Share of a square that the next one covers."
    )
    cover: str = setting("mean", COVER, "Hide with", COVER_HELP)

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """Views: map, the mean fall of the score, signed."""
        image, cover = (
            as_drawn(case, pixels) for pixels in (case.image, case.baseline(self.cover))
        )
        squares = self.squares(*case.image.shape[1:])

        def draw(index: int, out: Tensor) -> None:
            out.copy_(image)
            if index:  # the first render is the image as it is
                out[:, *squares[index - 1]] = cover[:, *squares[index - 1]]

        scores = score_renders(case, len(squares) + 1, draw, progress, "hiding squares")
        fall = torch.zeros(case.image.shape[1:])
        counts = torch.zeros_like(fall)
        for square, drop in zip(squares, (scores[0] - scores[1:]).tolist(), strict=True):
            fall[square] += drop
            counts[square] += 1
        return {"map": HeatMap((fall / counts).numpy(), unit=case.target.unit, signed=True)}

    def squares(self, height: int, width: int) -> list[Square]:
        """Every place of the square; the last row and column reach the edge."""
        side = max(1, min(self.side, height // 2, width // 2))  # one square alone shows nothing
        return [
            (slice(top, top + side), slice(left, left + side))
            for top, left in product(self.starts(height, side), self.starts(width, side))
        ]

    def starts(self, length: int, side: int) -> list[int]:
        """Where squares begin along one side of the image."""
        step = max(1, round(side * (1 - self.overlap)))
        return [*range(0, length - side, step), length - side]
