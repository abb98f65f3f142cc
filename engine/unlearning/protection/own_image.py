"""Error-minimizing noise and SALM on a person's own image, under the model that is asked about.

The model is fixed, so there is one turn: signed steps that make the image easier for it within ε. A
mask is that of the gradient at the clean image, since there is no noise before. The noise is
rounded to gray levels and cut to its bounds, so that a file of bytes keeps them exactly.
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.core.borrow import borrowed
from engine.core.method import Progress
from engine.core.pictures import Pixels
from engine.evaluation.experiment import ChangedImage
from engine.unlearning.protection.local_masks import background, steepest_pixels
from engine.unlearning.protection.protection import epsilon_setting, within
from engine.unlearning.protection.signed_steps import (
    Loss,
    SignedSteps,
    slope,
    step_setting,
    steps_setting,
)
from engine.unlearning.salm.noise import PAPER, inside_setting, kappa_setting
from engine.vision.case import ImageCase

SMALLEST = 1e-12  # of a probability whose logarithm is taken


@dataclass(frozen=True)
class NoiseOnImage(ChangedImage):
    """Noise on one image that makes the model surer of its class; a subclass says where."""

    family = "unlearning"
    cost = "wait"
    needs = frozenset({"class"})
    main = "epsilon"
    amplified = 10

    epsilon: int = epsilon_setting()
    steps: int = steps_setting(20)
    step: float = step_setting()

    @abstractmethod
    def mask(self, slopes: Tensor, image: Tensor, before: Pixels) -> Tensor | None:
        """Where the image (1, 3, H, W) may change, (1, H, W); None is everywhere.

        Args:
            slopes: of the loss at the image, (1, 3, H, W).
            image: in [0, 1].
            before: the same in bytes, (H, W, 3).
        """

    def change(
        self, case: ImageCase, before: Pixels, progress: Progress
    ) -> tuple[Pixels, Mapping[str, Pixels]]:
        """The image with its noise, and the mask where there is one."""
        clean = np.ascontiguousarray(before.transpose(2, 0, 1))[None]
        epsilon, loss = self.epsilon / 255, surprise(case)
        # one step at a time, so that it can be watched and stopped
        steps = SignedSteps(epsilon, 1, self.step * epsilon)
        with borrowed(case.model) as model:
            model.requires_grad_(requires_grad=False)
            image = torch.from_numpy(clean / np.float32(255)).to(model.device)
            noise = torch.zeros_like(image)
            mask = self.mask(slope(model, image, loss), image, before)
            channel_mask = None if mask is None else mask[:, None]
            for done in range(self.steps if self.epsilon else 0):
                noise = steps(model, image, noise, loss, channel_mask)
                progress((done + 1) / self.steps, f"step {done + 1} of {self.steps}")
        levels = np.rint(255 * noise.cpu().numpy()).astype(np.int16)
        after = clean + within(levels, clean, self.epsilon)
        changed = after[0].astype(np.uint8).transpose(1, 2, 0)
        if mask is None:
            return changed, {}
        mask_image = np.uint8(255) * mask[0].cpu().numpy()[..., None]
        return changed, {"mask": np.broadcast_to(mask_image, before.shape)}


@dataclass(frozen=True)
class EasyImage(NoiseOnImage):
    """Your image with error-minimizing noise under this model, and how sure the model is of it.

    Signed steps make the image easy for the model, so that there is little to learn from it. One
    image protects nothing: networks that learn many images protected in this way are what the noise
    is for, and they start from other weights than this model's. The difference is amplified; gray
    means unchanged. Protection is not privacy.
    """

    name = "EMNImage"
    title = "Error-minimizing noise on an image"
    short = "Error-minimizing"
    paper = (
        "Huang et al., Unlearnable Examples: Making Personal Data Unexploitable (2021), "
        "https://arxiv.org/abs/2101.04898"
    )
    proof = (
        "tests/engine/unlearning/protection/test_own_image.py"
        "::test_each_step_follows_the_sign_of_the_gradient_of_the_error"
    )

    def mask(self, slopes: Tensor, image: Tensor, before: Pixels) -> None:
        """Every pixel may change."""


@dataclass(frozen=True)
class LocallyMaskedImage(NoiseOnImage):
    """Your image with SALM's noise under this model: on few pixels, and how sure the model is.

    Only the pixels that most affect the model's error on this image may change; the mask shows them
    in white. One image protects nothing: networks that learn many images protected in this way
    are what the noise is for. The difference is amplified; gray means unchanged. Protection is not
    privacy.
    """

    name = "SALMImage"
    title = "SALM on an image"
    short = "SALM"
    paper = PAPER
    proof = (
        "tests/engine/unlearning/protection/test_own_image.py"
        "::test_the_mask_is_where_the_gradient_is_largest_and_nothing_else_changes"
    )

    kappa: float = kappa_setting()
    inside: bool = inside_setting()

    def mask(self, slopes: Tensor, image: Tensor, before: Pixels) -> Tensor:
        """The pixels with the largest gradients, (1, H, W)."""
        allowed = torch.ones_like(image[:, 0], dtype=torch.bool)
        if self.inside:
            dark = background(before.transpose(2, 0, 1)[None])
            allowed = torch.from_numpy(~dark).to(image.device)
        return steepest_pixels(slopes, image, self.kappa, allowed)


def surprise(case: ImageCase) -> Loss:
    """The negative logarithm of the probability of the target's class, summed over images."""
    index = case.target.index
    if not case.model.points:
        # of logits directly, without a probability that may be rounded to 0
        return lambda logits: -logits.log_softmax(1)[:, index].sum()
    return lambda logits: (
        -case.model.probabilities(logits)[:, index].clamp_min(SMALLEST).log().sum()
    )
