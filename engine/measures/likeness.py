"""How alike two images are: structural similarity, and the noise in decibels."""

from __future__ import annotations

from math import inf, log10, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

WINDOW = 11  # pixels of SSIM's Gaussian window, σ = 1.5, as Wang et al. (2004) have it


def ssim(image: Tensor, other: Tensor) -> float:
    """Structural similarity of two images (C, H, W) in [0, 1]: 1 is the same; NaN if too small."""
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


def psnr(images: NDArray[Any], others: NDArray[Any], peak: float = 255.0) -> float:
    """The peak over the root mean squared difference, in dB; infinite where nothing differs.

    Args:
        images, others: (n, ...) each, in units of `peak`; the mean is over all of them.
        peak: the brightest value there can be.
    """
    each = [np.square(a.astype(np.float64) - b).mean() for a, b in zip(images, others, strict=True)]
    error = float(np.mean(each))
    return 10 * log10(peak**2 / error) if error else inf
