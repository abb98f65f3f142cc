"""SALM: error-minimizing noise on the few pixels of a medical image that matter.

"Medical Unlearnable Examples: Securing Medical Data from Unauthorized Training via Sparsity-Aware
Local Masking" (2024), https://arxiv.org/abs/2403.10573. Without published code: the base loop is
that of error-minimizing noise, the mask follows the paper's text.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from engine.core.method import Choice, Slider, Switch, setting
from engine.unlearning.protection.in_rounds import NoiseInRounds, NoiseLoop
from engine.unlearning.protection.local_masks import (
    PixelMasks,
    background,
    random_masks,
    steepest_pixels,
)

PAPER = (
    "Medical Unlearnable Examples: Securing Medical Data from Unauthorized Training via "
    "Sparsity-Aware Local Masking (2024), https://arxiv.org/abs/2403.10573"
)
GRADIENT, RANDOM = MASKS = ("gradient", "random")


def kappa_setting() -> Any:
    """κ of the mask."""
    return setting(
        0.3,
        Slider(0.01, 1.0, 0.01),
        "Share of pixels κ",
        "So many pixels of an image may change "
        "at most; 1 is error-minimizing noise without a mask.",
    )


def inside_setting() -> Any:
    """Whether the background stays as it is."""
    return setting(
        False,
        Switch(),
        "Not on the background",
        "Dark regions that reach the image's border stay as they are.",
    )


@dataclass(frozen=True)
class Salm(NoiseInRounds):
    """Error-minimizing noise on the few pixels of each image that most affect the network's error.

    Most of a scan is empty, and noise there is seen. In every round the pixels with the largest
    gradient of the surrogate's error, at the image with the noise it has, may change; all others
    have none. Fewer changed pixels leave the image clearer: compare PSNR and SSIM. The control is a
    mask of the same size at random, the same in all rounds: where it protects as well, it is not
    the choice of pixels that does.

    What a network trained on such images is worth is another question, which the victim's training
    answers. Protection is not privacy: the images stay readable, which is what they are for.
    """

    name = "SALM"
    title = "Sparsity-aware local masking (SALM)"
    paper = PAPER
    proof = (
        "tests/engine/unlearning/protection/test_error_minimizing.py"
        "::test_the_mask_is_that_of_the_largest_gradients_at_the_noisy_images"
    )

    kappa: float = kappa_setting()
    mask: str = setting(
        GRADIENT,
        Choice(MASKS),
        "Mask",
        "The pixels with the largest gradient, or as many at random, which is the control.",
    )
    frozen: bool = setting(
        False,
        Switch(),
        "Keep the first mask",
        "The mask of the first round stays, instead of a new one in each round.",
    )
    inside: bool = inside_setting()

    def masks(self, loop: NoiseLoop) -> PixelMasks:
        """Where each training image may change in this round, (n, H, W)."""
        if loop.masks is not None and (self.frozen or self.mask == RANDOM):
            return loop.masks
        images = loop.data.images[loop.rows]
        allowed = ~background(images) if self.inside else np.ones_like(images[:, 0], np.bool_)
        if self.mask == RANDOM:
            return random_masks(allowed, self.kappa, loop.seed)
        result = steepest_pixels(loop.slopes(), loop.images, self.kappa, torch.from_numpy(allowed))
        return result.numpy()
