"""Plane: the walk bending round the region where the model would notice.

The plane goes through the source. Its first direction is the straight way x_t − x_s, its second the
one in which the walk leaves that line most: the first principal component, taken about the line,
of what is left of the walk's images beside it. Both coordinates are in lengths of the straight way,
so that the source is at (0, 0), the target at (1, 0), and angles are true.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.attribution.lst.method import batch_of_one
from engine.attribution.lst.settings import LevelSet
from engine.attribution.lst.spots import confidences, part_progress
from engine.attribution.lst.traversal import Traversal
from engine.core.errors import BlindspotError
from engine.core.method import Progress, Slider, quiet, setting
from engine.core.result import Field, Points, Result, Table
from engine.vision.case import PairCase
from engine.vision.case.scoring import as_drawn, in_memory

PLANE_IMAGES = 40  # images of the walk that settle the plane
MARGIN = 0.1  # of the way, seen on each side
LINE = 41  # points on the straight line
X, Y = "share of the straight way", "beside it, in the same length"


@dataclass(frozen=True)
class Plane(LevelSet):
    """The level-set walk drawn in a plane, over the model's confidence everywhere in that plane.

    From left to right it goes from source to target, up and down is the direction in which the walk
    leaves the straight line most; one unit is the length of that line. The background is the
    probability of the source's class for images of the plane (clipped to proper pixels); the points
    carry the probability at the walk's own images, which lie beside the plane, so that a bright
    point may stand on a dark ground. The number below says how much of the bend the plane holds.
    """

    name = "Plane"
    title = "The walk in a plane"
    proof = "tests/engine/attribution/lst/test_plane.py::test_on_a_linear_model_the_plane_is_exact"

    cells: int = setting(
        24, Slider(8, 48, step=4), "Grid", "Cells along the way at which the plane is looked at."
    )

    def __call__(self, case: PairCase, progress: Progress = quiet) -> Result:
        """Views: field, walk and line (points with their confidence), and figures."""
        self.check_case(case)
        frames, values = self.walked(case, part_progress(progress, 0.0, 0.6))
        plane = Basis.of(case, frames)
        x = torch.linspace(-MARGIN, 1 + MARGIN, self.cells + 1)
        y = heights(plane.places[:, 1], float(x[1] - x[0]))
        nodes = torch.cartesian_prod(y, x).flip(1)
        line = torch.stack([torch.linspace(0, 1, LINE), torch.zeros(LINE)], 1)
        probabilities = self.looked(
            case, plane, torch.cat([nodes, line]), part_progress(progress, 0.6, 1.0)
        )
        ground = probabilities[: len(nodes)].view(len(y), len(x))
        return {
            "field": Field(ground.numpy(), x.numpy(), y.numpy(), X, Y, "probability"),
            "walk": points(plane.places, values),
            "line": points(line, probabilities[len(nodes) :]),
            "figures": Table.grid(
                np.array([[plane.held]], np.float32), ("walk",), ("bend in the plane",), ("share",)
            ),
        }

    def walked(self, case: PairCase, progress: Progress) -> tuple[Tensor, Tensor]:
        """Images of the walk (k, 3, H, W), ends included, and the confidence at each."""
        walk = Traversal(
            case.model, *batch_of_one(case), self.rules(), self.start_noise(case.source)
        )
        snapshot_steps = {int(step) for step in np.linspace(0, self.steps, PLANE_IMAGES).round()}
        snapshots = [walk.snapshot()]
        for step in range(1, self.steps + 1):
            moved = not walk.ended and bool(walk.step()[0])
            last = step == self.steps
            if (moved and step in snapshot_steps) or last:
                snapshots.append(walk.snapshot())
            progress(step / self.steps, f"walking, step {step}")
        frames, values = (torch.cat(part) for part in zip(*snapshots, strict=True))
        return frames, values

    def looked(self, case: PairCase, plane: Basis, places: Tensor, progress: Progress) -> Tensor:
        """Confidence at places (n, 2) of the plane, clipped to proper pixels."""
        source, way, bend_direction = (
            in_memory(as_drawn(case.source, image)) for image in (plane.source, *plane.directions)
        )
        coordinates: list[list[float]] = places.tolist()

        def draw(index: int, out: Tensor) -> None:
            along, across = coordinates[index]
            flat = in_memory(out)
            torch.add(source, way, alpha=along, out=flat)
            flat.add_(bend_direction, alpha=across).clamp_(0, 1)

        return confidences(case.source, len(places), draw, progress, "looking at the plane")


@dataclass(frozen=True, eq=False)
class Basis:
    """The plane of a walk: its origin, two directions (2, 3, H, W) of the same length, the places.

    `held` is the share of the walk's squared distance from the line that lies in the plane.
    """

    source: Tensor
    directions: Tensor
    places: Tensor  # (k, 2)
    held: float

    @classmethod
    def of(cls, case: PairCase, frames: Tensor) -> Basis:
        """The plane of these images (k, 3, H, W)."""
        source, target = case.source.image, case.others[0]
        axis = (target - source).double().flatten()
        length = axis.norm()
        displacements = (frames - source).double().flatten(1)  # (k, d)
        along = displacements @ axis / length**2
        offsets = displacements - along[:, None] * axis
        spread, sides = torch.linalg.eigh(offsets @ offsets.T)  # the small side of the SVD
        if float(spread[-1]) <= 0:
            raise BlindspotError("The walk is straight, so there is no plane it bends in.")
        # eigh sorts upwards: the last one is the first principal component
        bend_direction = sides[:, -1] @ offsets
        bend_direction *= length / bend_direction.norm()
        across = offsets @ bend_direction / length**2
        # the sign of an eigenvector is arbitrary: the walk is drawn above the line
        bend_direction, across = (
            (bend_direction, across) if across.sum() >= 0 else (-bend_direction, -across)
        )
        return cls(
            source,
            torch.stack([axis, bend_direction]).float().view(2, *source.shape),
            torch.stack([along, across], 1).float(),
            float(spread[-1] / spread.sum()),
        )


def heights(across: Tensor, step: float) -> Tensor:
    """Rows of the grid, a whole number of steps from the line, that take in the walk."""
    low, high = float(across.min()) - MARGIN, float(across.max()) + MARGIN
    # whole multiples of the step, so that the straight line, at 0, is one of the rows
    return step * torch.arange(int(low / step) - 1, int(high / step) + 2)


def points(places: Tensor, values: Tensor) -> Points:
    """Places in the plane with their confidence."""
    return Points(places.numpy(), values.numpy(), X, Y, unit="probability")
