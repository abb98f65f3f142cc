"""How far one image is from another, in [0, 1] pixels.

LPIPS, which the paper also gives, needs AlexNet's weights and so is left out: nothing here may
ask the network.
"""

from __future__ import annotations

from math import nan

import numpy as np
from torch import Tensor

WINDOW = 11  # pixels of SSIM's Gaussian window, σ = 1.5, as Wang et al. (2004) have it


def rmse(images: Tensor, others: Tensor) -> Tensor:
    """Root of the mean squared difference of each pair, (B,)."""
    return (images - others).square().flatten(1).mean(1).sqrt()


def largest(image: Tensor, other: Tensor) -> float:
    """The largest difference of any value (L∞)."""
    return float((image - other).abs().max())


def ssim(image: Tensor, other: Tensor) -> float:
    """Structural similarity of two images (3, H, W): 1 is the same; NaN when they are too small."""
    from skimage.metrics import structural_similarity

    if min(image.shape[1:]) < WINDOW:
        return nan
    pair = [one.cpu().double().numpy() for one in (image, other)]
    value = structural_similarity(
        *pair,
        data_range=1.0,
        channel_axis=0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    return float(np.asarray(value))
