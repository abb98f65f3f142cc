"""Simplex: the confidence over the triangle between a source and two of its blind spots.

Points are x_ij = (1 − i/n − j/n) s + (i/n) a + (j/n) b for i + j ≤ n, and P_ij = p_y(x_ij). The
corners are drawn with the true angle and lengths: s at (0, 0), a at (1, 0). The triangle with the
raw targets in place of the blind spots is the control. A grid of few points can miss a narrow
valley on the far side.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.attribution.lst.settings import LevelSet
from engine.attribution.lst.spots import blind_spots, confidences, part_progress
from engine.core.method import Progress, Slider, defaults, quiet, setting
from engine.core.result import Floats, Result, Table, Triangle
from engine.vision.case import ImageCase, PairCase
from engine.vision.case.scoring import Draw, as_drawn, in_memory

FALLS = (0.0, 0.1, 0.2, 0.3)
STATISTICS = (
    "source's confidence",
    "mean",
    *(f"above source − {fall:g}" for fall in FALLS),
    "mean of the paths",
    "lowest of the paths − source",
)
UNITS = ("probability", "probability", *("share",) * len(FALLS), "probability", "probability")
ROWS = ("blind spots", "raw targets")


@dataclass(frozen=True)
class Simplex(LevelSet):
    """The model's confidence over all blends of the source and two of its blind spots.

    Each point of the triangle is an image: the source at one corner, the ends of two level-set
    walks at the others, in between their blends. The color is the probability that the model gives
    to the source's class, on a scale from 0 to 1; angles and lengths are those between the images.
    The second triangle blends the raw targets and falls off quickly: it is the control. Only this
    one plane through the space of images is seen.
    """

    name = "Simplex"
    title = "Triangle of blind spots"
    targets = (2, 2)
    argument_defaults = defaults(against=("sample:china", "sample:flower"))
    proof = (
        "tests/engine/attribution/lst/test_star.py"
        "::test_on_a_linear_model_every_point_is_the_blend_s_own_confidence"
    )

    cells: int = setting(
        10,
        Slider(5, 25, step=1),
        "Grid",
        "Cells along a side of the triangle: n gives (n + 1)(n + 2) / 2 images.",
    )

    def __call__(self, case: PairCase, progress: Progress = quiet) -> Result:
        """Views: blind spots and raw targets (each a triangle), and their statistics."""
        self.check_case(case)
        spots = blind_spots(self, case, part_progress(progress, 0.0, 0.8))
        raw = torch.stack(case.others)
        steps = barycentric(self.cells)
        triangles = {
            name: triangle(case.source, ends, steps / self.cells, name, part)
            for name, ends, part in (
                (ROWS[0], spots, part_progress(progress, 0.8, 0.9)),
                (ROWS[1], raw, part_progress(progress, 0.9, 1.0)),
            )
        }
        values = np.stack([statistics(blends.values, steps) for blends in triangles.values()])
        return {**triangles, "statistics": Table.grid(values, ROWS, STATISTICS, UNITS)}


def barycentric(cells: int) -> Tensor:
    """Whole numbers of steps to source, a and b, (points, 3), that add up to `cells`."""
    return torch.tensor(
        [(cells - i - j, i, j) for i in range(cells + 1) for j in range(cells + 1 - i)]
    )


def triangle(
    case: ImageCase, ends: Tensor, weights: Tensor, name: str, progress: Progress
) -> Triangle:
    """The confidence on every blend of the source and two ends (2, 3, H, W)."""
    images = torch.stack([case.image, *ends])
    draw = blend(case, images, weights)
    values = confidences(case, len(weights), draw, progress, f"looking at the {name}")
    return Triangle(
        weights.numpy().astype(np.float32),
        values.numpy(),
        corners(images).numpy(),
        images.half().numpy(),
        ("source", f"{name[:-1]} 1", f"{name[:-1]} 2"),
        unit="probability",
    )


def blend(case: ImageCase, images: Tensor, weights: Tensor) -> Draw:
    """Draws the sum of weights times images, number by number as they lie in memory."""
    drawn = [in_memory(as_drawn(case, image)) for image in images]
    table: list[list[float]] = weights.tolist()

    def draw(index: int, out: Tensor) -> None:
        flat = in_memory(out)
        first, *others = zip(table[index], drawn, strict=True)
        torch.mul(first[1], first[0], out=flat)
        for weight, image in others:
            flat.add_(image, alpha=weight)

    return draw


def corners(images: Tensor) -> Tensor:
    """Places of the three images in their plane, (3, 2): the first at 0, the second at (1, 0)."""
    a, b = (images[1:] - images[0]).double().flatten(1)
    square = a @ a
    along = a @ b / square
    # where both ways are parallel, rounding may leave a little less than 0
    across = (b @ b / square - along**2).clamp_min(0).sqrt()
    return torch.tensor([[0.0, 0.0], [1.0, 0.0], [along, across]])


def statistics(values: Floats, steps: Tensor) -> Floats:
    """The numbers of one triangle: its source's confidence, mean, shares, and the two paths."""
    _, i, j = steps.numpy().T
    source = values[(i == 0) & (j == 0)][0]
    paths = np.concatenate([values[j == 0], values[i == 0]])  # the source counts in both
    # strictly, as published: at a fall of 0 the source itself does not count
    above = [float((values > source - fall).mean()) for fall in FALLS]
    numbers = [source, values.mean(), *above, paths.mean(), paths.min() - source]
    return np.array(numbers, np.float32)
