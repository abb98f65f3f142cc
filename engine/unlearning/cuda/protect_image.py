"""Protect one image: CUDA's filter on a person's own picture.

Sadasivan et al., "CUDA: Convolution-based Unlearnable Datasets" (2023),
https://arxiv.org/abs/2303.04278
"""

from dataclasses import dataclass

import numpy as np

from engine.core.pictures import Pixels
from engine.evaluation.experiment import ImageChange
from engine.vision.data.protect import (
    blur_setting,
    convolved,
    draw_filters,
    key_setting,
    legacy,
    number_setting,
    size_setting,
    strength_setting,
)


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
    short = "CUDA"
    paper = (
        "Sadasivan et al., CUDA: Convolution-based Unlearnable Datasets (2023), "
        "https://arxiv.org/abs/2303.04278"
    )
    proof = (
        "tests/engine/unlearning/protection/test_own_image.py"
        "::test_it_is_the_correlation_written_out_and_nothing_at_strength_zero"
    )

    strength: float = strength_setting()
    blur: float = blur_setting()
    size: int = size_setting(15)
    number: int = number_setting()
    key: int = key_setting()

    def apply(self, pixels: Pixels) -> Pixels:
        """The image (H, W, 3) with the filter of its class."""
        kernel = draw_filters(legacy(self.key), self.number + 1, self.blur, self.size)[-1]
        image = np.ascontiguousarray(pixels.transpose(2, 0, 1))
        return convolved(image[None], kernel, self.strength)[0].transpose(1, 2, 0)
