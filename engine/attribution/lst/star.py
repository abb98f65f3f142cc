"""Star: the confidence along the straight lines from a source to its blind spots.

For each blind spot x* the segment x_s + t (x* − x_s) is looked at in equal steps. The set where the
confidence holds is like a star when the lowest value of (nearly) every limb stays above p0 − δ. The
same segment to the raw target is the control that gives this meaning: it collapses.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.attribution.lst.distance import rmse
from engine.attribution.lst.settings import LevelSet
from engine.attribution.lst.spots import blind_spots, confidences, part_progress
from engine.core.method import Progress, Slider, defaults, quiet, setting
from engine.core.result import Field, Path, Result, Table
from engine.vision.case import ImageCase, PairCase
from engine.vision.case.scoring import as_drawn, in_memory

COLUMNS = {
    "lowest on the limb": "probability",
    "mean on the limb": "probability",
    "lowest on the control": "probability",
    "mean on the control": "probability",
    "holds": "yes or no",
    "RMSE to target": "pixel value",
}


@dataclass(frozen=True)
class Star(LevelSet):
    """The model's confidence along straight lines from the source to several blind spots.

    Each limb leads to an image that looks like another target, and its color is the probability
    that the model gives to the source's class on the way. Where a limb stays bright to its tip,
    every blend of source and blind spot is still the source's class to the model. The thin lines to
    the raw targets are the control: they go dark. The angles between limbs mean nothing.
    """

    name = "Star"
    title = "Star of blind spots"
    targets = (4, 12)
    argument_defaults = defaults(
        against=tuple(
            f"sample:{sample_name}"
            for sample_name in ("china", "flower", "rocket", "motorcycle", "hopper")
        )
    )
    proof = (
        "tests/engine/attribution/lst/test_star.py"
        "::test_limbs_are_the_segments_looked_at_one_by_one"
    )

    points: int = setting(
        21, Slider(5, 101, step=4), "Points", "Images looked at along each limb, ends included."
    )

    def __call__(self, case: PairCase, progress: Progress = quiet) -> Result:
        """Views: limbs and controls (a row for each target), ends, and figures."""
        self.check_case(case)
        spots = blind_spots(self, case, part_progress(progress, 0.0, 0.8))
        raw = torch.stack(case.others)
        limbs = rays(case.source, spots, self.points, part_progress(progress, 0.8, 0.9))
        controls = rays(case.source, raw, self.points, part_progress(progress, 0.9, 1.0))
        return {
            "limbs": field(limbs),
            "controls": field(controls),
            "ends": Path(spots.half().numpy(), limbs[:, -1].numpy(), unit="probability"),
            "figures": self.figures(case, limbs, controls, rmse(spots, raw)),
        }

    def figures(self, case: PairCase, limbs: Tensor, controls: Tensor, left: Tensor) -> Table:
        """A row for each target, named by the class that the model sees in it."""
        # the first point is the source as it is, without the walk's start noise: p0
        holds = limbs.amin(1) > limbs[:, 0] - self.delta
        columns = (limbs.amin(1), limbs.mean(1), controls.amin(1), controls.mean(1), holds, left)
        predicted = case.model.logits(torch.stack(case.others)).argmax(1)
        return Table.grid(
            torch.stack([column.float() for column in columns], 1).numpy(),
            tuple(case.model.labels[index] for index in predicted),
            tuple(COLUMNS),
            tuple(COLUMNS.values()),
        )


def rays(case: ImageCase, ends: Tensor, points: int, progress: Progress) -> Tensor:
    """Confidence along the segment to each end, (n, points), the source's own included."""
    source = in_memory(as_drawn(case, case.image))
    tips = [in_memory(as_drawn(case, end)) for end in ends]
    shares: list[float] = torch.linspace(0, 1, points).tolist()

    def draw(index: int, out: Tensor) -> None:
        limb, point = divmod(index, points)
        torch.lerp(source, tips[limb], shares[point], out=in_memory(out))

    values = confidences(case, len(ends) * points, draw, progress, "looking along the limbs")
    return values.view(len(ends), points)


def field(values: Tensor) -> Field:
    """A row for each target, a column for each share of the way."""
    return Field(
        values.numpy(),
        x=np.linspace(0, 1, values.shape[1], dtype=np.float32),
        y=np.arange(len(values), dtype=np.float32),
        x_label="share of the way",
        y_label="target",
        unit="probability",
    )
