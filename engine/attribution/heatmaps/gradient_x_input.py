"""Gradient × input: each pixel's slope times how far the pixel is from the baseline.

a = (x − b) ⊙ ∂f/∂x, with f the target's score, x the pixels in [0, 1] and b the baseline.

Shrikumar, Greenside, Shcherbina and Kundaje, "Not Just a Black Box: Learning Important Features
Through Propagating Activation Differences" (2016), https://arxiv.org/abs/1605.01713
"""

from dataclasses import dataclass

from engine.core.method import Choice, Method, Progress, quiet, setting
from engine.core.result import Result
from engine.evaluation.maps.gradient import CHANNELS, CHANNELS_HELP, pixel_map
from engine.vision.case import ImageCase

BASELINE = Choice(("mean", "black"))
BASELINE_HELP = (
    "What counts as nothing there: the model's zero (the mean color of its training), or black."
)


@dataclass(frozen=True)
class GradientXInput(Method[ImageCase]):
    """Each pixel's slope times how far the pixel is from "nothing there".

    Orange pixels pull the score up compared with the baseline color, blue ones pull it down, as
    if the model were linear. One unit is one logit (or probability): on a linear model the map
    adds up to the score minus the baseline's score. On a network it does not, and a pixel that
    has the baseline's own color always shows zero, however much it matters.
    """

    name = "GradientXInput"
    family = "attribution"
    title = "Gradient × input"
    cost = "live"
    paper = "Shrikumar et al. 2016, https://arxiv.org/abs/1605.01713"
    needs = frozenset({"gradient"})
    proof = (
        "tests/engine/attribution/test_gradient.py::test_a_linear_model_gives_weight_times_input"
    )

    baseline: str = setting("mean", BASELINE, "Baseline", BASELINE_HELP)
    channels: str = setting("signed", CHANNELS, "Channels", CHANNELS_HELP)

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """Views: map, in the score's unit, signed unless sizes are added."""
        _, gradient = case.gradient(case.image[None])
        progress(1.0, "one backward pass")
        attribution = (case.image - case.baseline(self.baseline)) * gradient[0]
        return {"map": pixel_map(attribution, self.channels, case.target.unit)}
