"""Protect one image: CUDA's filter on a person's own picture.

Sadasivan et al., "CUDA: Convolution-based Unlearnable Datasets" (2023),
https://arxiv.org/abs/2303.04278
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.data.protect import convolved, draw_filters, legacy
from engine.experiment import ImageChange
from engine.method import Slider, setting
from engine.pictures import Pixels


@dataclass(frozen=True)
class ProtectImage(ImageChange):
    """The image with the secret filter of its class, and the model's probability before and after.

    The model was trained before the image was protected, so that it may well go on recognizing it:
    the protection works on networks that *learn* from many such images. Whoever protects images of
    one class needs the same key and class number for all of them. The difference is amplified; gray
    means unchanged.
    """

    name = "ProtectImage"
    family = "unlearning"
    title = "Protect an image (CUDA)"
    paper = (
        "Sadasivan et al., CUDA: Convolution-based Unlearnable Datasets (2023), "
        "https://arxiv.org/abs/2303.04278"
    )
    proof = (
        "tests/engine/unlearning/test_protect_image.py"
        "::test_it_is_the_correlation_written_out_and_nothing_at_strength_zero"
    )

    strength: float = setting(
        1.0, Slider(0.0, 1.0, 0.05), "Strength", "0 leaves the image as it is, 1 is the published "
        "protection.",
    )  # fmt: skip
    blur: float = setting(
        0.3, Slider(0.0, 1.0, 0.05), "Blur p_b", "Upper bound of the filter weights around the 1."
    )
    size: int = setting(
        3, Slider(3, 15, 2, "px"), "Filter size", "Larger images need larger filters."
    )
    number: int = setting(
        0, Slider(0, 99, 1), "Class number", "Which class of your data set the image belongs to."
    )
    key: int = setting(
        0, Slider(0, 9999, 1), "Key", "Seed of the filters; without it they are secret."
    )

    def apply(self, pixels: Pixels) -> Pixels:
        """The image (H, W, 3) with the filter of its class."""
        kernel = draw_filters(legacy(self.key), self.number + 1, self.blur, self.size)[-1]
        image = np.ascontiguousarray(pixels.transpose(2, 0, 1))
        return convolved(image[None], kernel, self.strength)[0].transpose(1, 2, 0)
