"""SmoothGrad: the gradient, averaged over noisy copies of the image.

a = mean over ξ ~ N(0, σ²) of ∂f/∂x at x + ξ. The noise is in pixels, [0, 1], and is not clipped:
clipping would shift its mean near black and white, and the average would no longer be the slope of
the smoothed score.

Smilkov, Thorat, Kim, Viégas and Wattenberg, "SmoothGrad: removing noise by adding noise" (2017),
https://arxiv.org/abs/1706.03825
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.core.method import Method, Progress, Slider, quiet, setting
from engine.core.result import Result
from engine.evaluation.maps.gradient import CHANNELS, CHANNELS_HELP, pixel_map
from engine.evaluation.maps.mean_gradient import mean_gradient
from engine.vision.case import ImageCase


@dataclass(frozen=True)
class SmoothGrad(Method[ImageCase]):
    """The slope of the score, averaged over noisy copies of the image.

    Orange pixels would raise the score when brightened, blue ones would lower it, on average
    around this image. One unit is one logit (or probability) for a change from black to white.
    More noise gives a calmer map of a blurrier question: it explains the score of noisy images,
    and says nothing about removing a pixel.
    """

    name = "SmoothGrad"
    family = "attribution"
    title = "SmoothGrad"
    cost = "wait"
    paper = "Smilkov et al. 2017, https://arxiv.org/abs/1706.03825"
    needs = frozenset({"gradient"})
    proof = (
        "tests/engine/attribution/test_gradient.py"
        "::test_it_is_the_mean_of_gradients_on_the_same_noise"
    )

    samples: int = setting(
        25, Slider(5, 200, step=5), "Samples", "How many noisy copies are averaged."
    )
    noise: float = setting(
        0.15,
        Slider(0.005, 0.5, step=0.005, log=True),
        "Noise",
        "Standard deviation of the noise, as a share of the way from black to white.",
    )
    channels: str = setting("signed", CHANNELS, "Channels", CHANNELS_HELP)

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """Views: map, in score per full brightness, signed unless sizes are added."""
        generator = case.generator()

        def draw(_index: int, out: Tensor) -> None:
            out.normal_(0.0, self.noise, generator=generator).add_(case.image)

        weights = torch.full((self.samples,), 1 / self.samples)
        gradient = mean_gradient(case, draw, weights, progress, "looking at noisy copies")
        return {"map": pixel_map(gradient, self.channels, f"{case.target.unit} per brightness")}
