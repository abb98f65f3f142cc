"""C-LIME: a linear model of how the score moves when regions become brighter or darker.

Noise ξ_r ~ N(0, σ²), one draw for a whole region, is added to the pixels, and g(ξ) = w·ξ + b is
fitted to the scores by least squares, all samples counting alike. With more samples w_r tends to
the expected gradient summed over the region (Stein's lemma): SmoothGrad, region by region.

The paper's noise is independent for each input; a picture has 150 000 of them, and a linear fit
would need more samples than that, so the noise is one number a region.

Agarwal et al., "Towards the Unification and Robustness of Perturbation and Gradient Based
Explanations" (2021), https://arxiv.org/abs/2102.10618
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.attribution.heatmaps.linear_fit import fit
from engine.attribution.heatmaps.partition import (
    REGIONS,
    REGIONS_HELP,
    SHAPE,
    SHAPE_HELP,
    Partition,
)
from engine.core.method import Method, Progress, Slider, quiet, setting
from engine.core.result import HeatMap, Result
from engine.vision.case import ImageCase
from engine.vision.case.scoring import as_drawn, in_memory, score_renders


@dataclass(frozen=True)
class CLime(Method[ImageCase]):
    """How the score moves when a region becomes a little brighter, by a linear model fitted nearby.

    Each region is made brighter or darker at random, and a linear model is fitted to the scores.
    One unit is one logit (or probability) for brightening the whole region from black to white, as
    if the model were linear that far; orange rises with brightness, blue falls. It tells of small
    changes of light, not of what happens when a region is taken away.
    """

    name = "CLime"
    family = "attribution"
    title = "C-LIME"
    cost = "wait"
    paper = "Agarwal et al. 2021, https://arxiv.org/abs/2102.10618"
    proof = (
        "tests/engine/attribution/test_lime.py"
        "::test_c_lime_on_a_linear_model_gives_each_region_its_sum_of_weights"
    )

    shape: str = setting("superpixels", SHAPE, "Regions", SHAPE_HELP)
    regions: int = setting(40, REGIONS, "How many regions", REGIONS_HELP)
    samples: int = setting(
        500,
        Slider(50, 5000, step=50, log=True),
        "Samples",
        "How many random pictures are looked at; more is steadier.",
    )
    noise: float = setting(
        0.1,
        Slider(0.005, 0.5, step=0.005, log=True),
        "Noise",
        "Standard deviation of the change in brightness (σ); 1 is from black to white.",
    )

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """Views: map, in score per brightness of the region, signed."""
        partition = Partition.of(case, self.shape, self.regions)
        size = self.samples, partition.count
        shifts = torch.randn(size, generator=case.generator()) * self.noise
        image, places = in_memory(as_drawn(case, case.image)), partition.places(case)

        def draw(index: int, out: Tensor) -> None:
            shift = shifts[index].to(image.dtype).index_select(0, places)
            # not clipped to [0, 1]: near black and white ξ would no longer be Gaussian with mean 0
            torch.add(image, shift, out=in_memory(out))

        scores = score_renders(case, self.samples, draw, progress, "brightening regions")
        slopes = fit(shifts, scores, torch.ones(self.samples), intercept=True)
        unit = f"{case.target.unit} per brightness of the region"
        return {"map": HeatMap(partition.values(slopes).numpy(), unit=unit, signed=True)}
