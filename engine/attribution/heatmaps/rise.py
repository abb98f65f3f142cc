"""RISE: random soft masks over the image, each weighted by the score that is left.

Grids of n × n cells are switched on with probability p, enlarged bilinearly to a little more than
the image and cut out at a random shift: M_i. The picture is shown through each mask, over what
stands for hidden, and a pixel's value is Σ_i (f(M_i) − f̄) M_i / (N p).

The paper's map is Σ_i f(M_i) M_i / (N p). Taking off the mean score f̄ first moves that map by the
constant f̄ and removes the noise that a constant score would make; so zero here means "shown or
hidden, the score is the same on average".

Petsiuk, Das and Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models"
(2018), https://arxiv.org/abs/1806.07421
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.attribution.heatmaps.partition import COVER, COVER_HELP
from engine.core.keeping.lazy import lazy
from engine.core.method import Method, Progress, Slider, quiet, setting
from engine.core.result import HeatMap, Result
from engine.vision.case import ImageCase
from engine.vision.case.scoring import laid_out, score_renders


@dataclass(frozen=True)
class Rise(Method[ImageCase]):
    """How much higher the score is when a pixel is shown, over many random soft masks.

    One unit is one logit (or probability) above the mean score of all masks, given that the pixel
    is shown: orange where showing helps, blue where it hurts. A spot is as wide as a cell of the
    grid, and the map is grainy while the masks are few; another seed gives another grain.
    """

    name = "Rise"
    family = "attribution"
    title = "RISE"
    cost = "wait"
    paper = "Petsiuk, Das & Saenko 2018, https://arxiv.org/abs/1806.07421"
    fast = True
    proof = (
        "tests/engine/attribution/test_occlusion.py"
        "::test_it_is_the_paper_s_sum_written_out_mask_by_mask"
    )

    masks: int = setting(
        1000,
        Slider(100, 10000, step=100, log=True),
        "Masks",
        "How many random masks are looked through; the paper uses 4000 and more.",
    )
    cells: int = setting(
        7, Slider(3, 16, step=1), "Grid", "Cells along each side of a mask; more draws finer."
    )
    share: float = setting(
        0.5, Slider(0.1, 0.9, step=0.05), "Shown", "Chance that a cell is shown (p)."
    )
    cover: str = setting("mean", COVER, "Hide with", COVER_HELP)

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """Views: map, in score above the mean when the pixel is shown, signed."""
        masks = RandomGrids.random(self, case)
        nothing = laid_out(case, case.baseline(self.cover))
        something = laid_out(case, case.image) - nothing

        def draw(index: int, out: Tensor) -> None:
            out.copy_(torch.addcmul(nothing, masks.mask(index), something))

        scores = score_renders(case, self.masks, draw, progress, "looking through masks")
        # divided by N · E[M], where E[M] = p
        values = masks.weighted_sum(scores - scores.mean()) / (self.masks * self.share)
        unit = f"{case.target.unit} above the mean"
        return {"map": HeatMap(values.numpy(), unit=unit, signed=True)}


@dataclass(frozen=True, eq=False)
class RandomGrids:
    """Random grids (N, n, n) and the shifts (N, 2) at which their enlargements are cut out.

    Enlarging is linear along each side, so a mask is R_y G R_xᵀ with small fixed matrices: two
    products of a few thousand numbers instead of an interpolation.
    """

    grids: Tensor
    shifts: Tensor
    height: int
    width: int

    @classmethod
    def random(cls, method: Rise, case: ImageCase) -> RandomGrids:
        """All masks of a case, from its seed; they do not depend on the batch."""
        generator = case.generator()
        size = method.masks, method.cells, method.cells
        grids = (torch.rand(size, generator=generator) < method.share).float()
        height, width = case.image.shape[1:]
        reach = torch.tensor([ceil(height / method.cells), ceil(width / method.cells)])
        # by less than a cell, so that borders of cells fall anywhere and no grid shows in the map
        shifts = (torch.rand(method.masks, 2, generator=generator) * reach).long()
        return cls(grids, shifts, height, width)

    @lazy
    def rows(self) -> Tensor:
        """Enlargement along the height for each shift, (shifts, H, n)."""
        return enlargement(self.grids.shape[1], self.height)

    @lazy
    def columns(self) -> Tensor:
        """Enlargement along the width for each shift, (shifts, n, W)."""
        return enlargement(self.grids.shape[1], self.width).transpose(1, 2).contiguous()

    def mask(self, index: int) -> Tensor:
        """One mask (H, W) in [0, 1]."""
        y, x = self.shifts[index].tolist()
        return self.rows[y] @ self.grids[index] @ self.columns[x]

    def weighted_sum(self, weights: Tensor) -> Tensor:
        """Σ_i w_i M_i, (H, W): one product of long matrices for every thousand masks."""
        total = torch.zeros(self.height, self.width)
        for part in torch.arange(len(weights)).split(1000):
            y, x = self.shifts[part].T
            left = self.rows[y] @ (weights[part, None, None] * self.grids[part])  # (N, H, n)
            right = self.columns[x]  # (N, n, W)
            # (H, N · n) @ (N · n, W): the product itself sums over masks and cells
            total += left.transpose(0, 1).flatten(1) @ right.flatten(0, 1)
        return total


def enlargement(cells: int, length: int) -> Tensor:
    """Bilinear enlargement of n cells to n + 1 times a cell's length, cut at each shift.

    Gives (shifts, length, n): the matrix for a shift turns n cells into `length` pixels.
    """
    cell = ceil(length / cells)
    # the enlargement of the unit vectors is the matrix of the enlargement
    whole = F.interpolate(
        torch.eye(cells)[None], size=(cells + 1) * cell, mode="linear", align_corners=False
    )[0].T  # ((n + 1) · cell, n)
    return torch.stack([whole[shift : shift + length] for shift in range(cell)])
