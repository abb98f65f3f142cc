"""Gradient: how the score would change if a pixel became a little brighter.

a = ∂f/∂x, with f the target's score and x the pixels in [0, 1]; the color channels are added with
their signs, or their sizes are.

Simonyan, Vedaldi and Zisserman, "Deep Inside Convolutional Networks" (2014),
https://arxiv.org/abs/1312.6034
"""

from dataclasses import dataclass

from torch import Tensor

from engine.core.method import Choice, Method, Progress, quiet, setting
from engine.core.result import HeatMap, Result
from engine.vision.case import ImageCase

CHANNELS = Choice(("signed", "size"))
CHANNELS_HELP = (
    "Add the three colors' values with their signs, or add their sizes and lose the direction."
)


@dataclass(frozen=True)
class Gradient(Method[ImageCase]):
    """How the score would change if a pixel became a little brighter.

    Orange pixels would raise the score when brightened, blue ones would lower it. One unit is one
    logit (or probability) for a change from black to white, as if the model were linear around
    this image. It is a slope at one point: noisy, and no statement about removing anything.
    """

    name = "Gradient"
    family = "attribution"
    title = "Gradient"
    cost = "live"
    paper = "Simonyan, Vedaldi & Zisserman 2014, https://arxiv.org/abs/1312.6034"
    needs = frozenset({"gradient"})
    proof = "tests/engine/attribution/test_gradient.py::test_a_linear_model_gives_its_own_weights"

    channels: str = setting("signed", CHANNELS, "Channels", CHANNELS_HELP)

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """Views: map, in score per full brightness, signed unless sizes are added."""
        _, gradient = case.gradient(case.image[None])
        progress(1.0, "one backward pass")
        return {"map": pixel_map(gradient[0], self.channels, f"{case.target.unit} per brightness")}


def pixel_map(attribution: Tensor, channels: str, unit: str) -> HeatMap:
    """One value a pixel from one a channel, (3, H, W) → (H, W)."""
    signed = channels == "signed"
    values = attribution.sum(0) if signed else attribution.abs().sum(0)
    return HeatMap(values.numpy(), unit=unit, signed=signed)
