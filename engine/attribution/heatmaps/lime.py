"""LIME: a linear model of which regions raise the score when they are shown.

Regions are shown or hidden at random, z_r ~ Bernoulli(½), and g(z) = w·z + b is fitted to the
scores by least squares with weights exp(−d²/κ²). A region's value is its coefficient w_r.

d is the length of what was hidden as a share of hiding everything, ‖x − x_z‖ / ‖x − b‖, so that
κ means the same on every image; in raw pixels κ = 1 would leave no weight at all on an image of
150 000 numbers. The plain least-squares fit replaces the original's lasso, as in the analysis of
LIME as local function approximation (Han, Srinivas and Lakkaraju 2022).

Ribeiro, Singh and Guestrin, "Why Should I Trust You?" (2016), https://arxiv.org/abs/1602.04938
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.attribution.heatmaps.linear_fit import fit
from engine.attribution.heatmaps.partition import (
    COVER,
    COVER_HELP,
    REGIONS,
    REGIONS_HELP,
    SHAPE,
    SHAPE_HELP,
    Partition,
)
from engine.core.method import Method, Progress, Slider, quiet, setting
from engine.core.result import HeatMap, Result
from engine.vision.case import ImageCase
from engine.vision.case.scoring import score_renders


@dataclass(frozen=True)
class Lime(Method[ImageCase]):
    """How much each region adds to the score when it is shown, by a linear model fitted nearby.

    Regions are shown and hidden at random and a linear model is fitted to the scores. One unit is
    one logit (or probability) for showing the whole region rather than hiding it, on average over
    the other regions. The regions are drawn by color before the model is asked: a map cannot be
    finer than they are, and another seed moves the values.
    """

    name = "Lime"
    family = "attribution"
    title = "LIME"
    cost = "wait"
    paper = "Ribeiro, Singh & Guestrin 2016, https://arxiv.org/abs/1602.04938"
    proof = (
        "tests/engine/attribution/test_lime.py"
        "::test_a_linear_model_gives_each_region_its_sum_of_weight_times_pixel"
    )

    shape: str = setting("superpixels", SHAPE, "Regions", SHAPE_HELP)
    regions: int = setting(40, REGIONS, "How many regions", REGIONS_HELP)
    samples: int = setting(
        500,
        Slider(50, 5000, step=50, log=True),
        "Samples",
        "How many random pictures are looked at; more is steadier.",
    )
    width: float = setting(
        0.75,
        Slider(0.1, 10.0, step=0.05, log=True),
        "Neighborhood",
        "How far from the image a sample may be and still count (κ); 1 is hiding everything.",
    )
    cover: str = setting("mean", COVER, "Hide with", COVER_HELP)

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """Views: map, in score for showing the region, signed."""
        partition = Partition.of(case, self.shape, self.regions)
        size = self.samples, partition.count
        visible = torch.rand(size, generator=case.generator()) < 0.5
        draw = partition.drawing(case, visible, self.cover)
        scores = score_renders(case, self.samples, draw, progress, "showing some of the regions")
        weights = self.closeness(case, partition, visible)
        values = partition.values(fit(visible.float(), scores, weights, intercept=True))
        return {"map": HeatMap(values.numpy(), unit=f"{case.target.unit} per region", signed=True)}

    def closeness(self, case: ImageCase, partition: Partition, visible: Tensor) -> Tensor:
        """exp(−d²/κ²) of each sample, with d² the share of squared difference that is hidden."""
        hidden = partition.sums((case.image - case.baseline(self.cover)).double() ** 2)
        total = hidden.sum()
        if total == 0:  # the image is its own cover: every sample is the image
            return torch.ones(len(visible))
        # disjoint regions: squared differences of hidden ones add up, and nothing is rendered
        squared = (~visible).double() @ hidden / total
        return torch.exp(-squared / self.width**2)
