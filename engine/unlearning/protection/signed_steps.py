"""Signed steps that make a model's error on images small: the inner loop of error-minimizing noise.

    noise <- clip(m * (noise - a sign(grad CE(f(x + noise), y))))

with the clip to ±epsilon and to 0 <= x + noise <= 1, and a mask m where there is one. After the
clip the noise keeps both bounds exactly; outside the mask it is 0.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.core.method import Slider, setting

Loss = Callable[[Tensor], Tensor]  # of logits (n, classes), one number


def steps_setting(default: int) -> Any:
    """T of the published loop."""
    return setting(
        default,
        Slider(1, 100, 1),
        "Steps of the noise",
        "How many signed steps the noise takes "
        "at a time; published are 20 for noise of each image, and 1 for noise of a class.",
    )


def step_setting() -> Any:
    """The length of one step."""
    return setting(
        0.1, Slider(0.01, 1.0, 0.01), "Length of a step", "Of one signed step, as a share of ε."
    )


@dataclass(frozen=True)
class SignedSteps:
    """How noise is changed under a fixed model.

    Args:
        epsilon: the most that a value of [0, 1] changes.
        count: steps.
        length: of each, in values of [0, 1].
    """

    epsilon: float
    count: int
    length: float

    def __call__(
        self,
        model: torch.nn.Module,
        images: Tensor,
        noise: Tensor,
        loss: Loss,
        mask: Tensor | None = None,
    ) -> Tensor:
        """The noise (n, C, H, W) after all steps; the model is in eval mode, and is left so.

        Args:
            model: asked about images of three channels; gray ones, C = 1, are repeated.
            images: (n, C, H, W) in [0, 1], clean.
            noise: what it begins with, of the same shape.
            loss: what the steps make small, summed over images, so that none weighs on another.
            mask: 1 where an image may change, (n, 1, H, W).
        """
        # bounds of the noise rather than of the image: cut once, it keeps both exactly
        low = torch.clamp(-images, min=-self.epsilon)
        high = torch.clamp(1 - images, max=self.epsilon)
        for _ in range(self.count):
            noise = noise - self.length * slope(model, images + noise, loss).sign()
            # masked before it is cut; what an earlier mask let through is taken back, too
            if mask is not None:
                noise = noise * mask
            noise = noise.clamp(low, high)
        return noise


def slope(model: torch.nn.Module, images: Tensor, loss: Loss) -> Tensor:
    """The gradient of the loss with respect to images (n, C, H, W), C = 1 or 3."""
    with torch.enable_grad():
        leaf = images.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(model(leaf.expand(-1, 3, -1, -1))), leaf)
    return gradient


def error_on(targets: Tensor) -> Loss:
    """Cross-entropy with these classes (n,), summed over images."""
    return lambda logits: F.cross_entropy(logits, targets, reduction="sum")
