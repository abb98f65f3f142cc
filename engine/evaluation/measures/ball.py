"""What a bounded attack may do to an image: steps in a ball around it that stay in [0, 1]."""

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.evaluation.measures.levels import TOP

NORMS = ("L∞", "L2")


@dataclass(frozen=True)
class Ball:
    """What may be changed: by at most ε levels of 255 in each value, or in the mean (L2).

    Args:
        center: the image, (1, 3, H, W) in [0, 1], on the model's device; in L∞ also several images.
        epsilon: in levels of 255.
        norm: "L∞" or "L2".
    """

    center: Tensor
    epsilon: float
    norm: str

    @property
    def radius(self) -> float:
        """Of the ball, in pixel values."""
        # in L2, ε is a root mean square: over n values the length is √n times that
        spread = 1.0 if self.norm == "L∞" else self.center.numel() ** 0.5
        return self.epsilon / TOP * spread

    def step(self, slope: Tensor, share: float) -> Tensor:
        """A step along a slope, of a share of the radius."""
        if self.norm == "L∞":
            return share * self.radius * slope.sign()
        # clamped: without a slope there is no step, instead of NaN
        return share * self.radius * slope / slope.norm().clamp_min(1e-30)

    def project(self, images: Tensor) -> Tensor:
        """The nearest image in the ball, then in [0, 1]; the second keeps the first."""
        change = images - self.center
        if self.norm == "L∞":
            change = change.clamp(-self.radius, self.radius)
        elif (length := float(change.norm())) > self.radius:
            change = change * (self.radius / length)
        # the center lies in [0, 1], so this moves no value away from it
        return (self.center + change).clamp(0, 1)

    def start(self, generator: torch.Generator) -> Tensor:
        """A random image in the ball: uniform in L∞, in L2 in a random direction, half way out."""
        # drawn on the CPU: a seed gives one start on every device
        noise = (2 * torch.rand(self.center.shape, generator=generator) - 1).to(self.center)
        offset = self.radius * noise if self.norm == "L∞" else self.step(noise, 0.5)
        return self.project(self.center + offset)
