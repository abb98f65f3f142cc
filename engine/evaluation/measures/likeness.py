"""How alike two images are: structural similarity, and the noise in decibels."""

from math import inf, isnan, log10, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

WINDOW = 11  # pixels of SSIM's Gaussian window, σ = 1.5, as Wang et al. (2004) have it
VISIBLE_BELOW, GONE = (
    0.9,
    0.5,
)  # SSIM below which a change is plain to see, and below which it is ruin
SEEN_SHARE, GONE_SHARE = 0.15, 0.6  # for small images: attacked digits, enlarged, have such SSIM


def ssim(image: Tensor, other: Tensor) -> float:
    """Structural similarity of two images (C, H, W) in [0, 1]: 1 is the same; NaN if too small."""
    from skimage.metrics import structural_similarity

    if min(image.shape[1:]) < WINDOW:
        return nan
    pair = [picture.cpu().double().numpy() for picture in (image, other)]
    value = structural_similarity(
        *pair,
        data_range=1.0,
        channel_axis=0,
        # as Wang et al.: scikit-image's defaults are a uniform window and a division by n − 1
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
    errors = [
        np.square(a.astype(np.float64) - b).mean() for a, b in zip(images, others, strict=True)
    ]
    # a mean of errors, not of decibels: one unchanged image would make that infinite
    error = float(np.mean(errors))
    return 10 * log10(peak**2 / error) if error else inf


def change_share(before: NDArray[Any], after: NDArray[Any]) -> float:
    """The root mean square of a change over the image's own standard deviation; NaN if it is flat.

    Args:
        before, after: pictures (H, W, 3) in gray levels.
    """
    image, change = before.astype(np.float64), after.astype(np.float64) - before
    contrast = float(image.std())
    return float(np.sqrt(np.square(change).mean())) / contrast if contrast else nan


def visible(before: NDArray[Any], after: NDArray[Any], likeness: float = nan) -> str:
    """What a change does to an image for the eye, in a sentence; "" where it is hardly seen.

    Args:
        before, after: pictures (H, W, 3) uint8.
        likeness: their SSIM, where it is known; NaN where it is not, or they are too small for it.
    """
    if isnan(likeness):
        share = change_share(before, after)
        figure = f"the change is {share:.2f} of the image's contrast"
        is_ruined, is_visible = share >= GONE_SHARE, share >= SEEN_SHARE
    else:
        figure = f"SSIM {likeness:.2f}; 1 is the same"
        is_ruined, is_visible = likeness < GONE, likeness < VISIBLE_BELOW
    if is_ruined:
        return f" The image itself is ruined by then ({figure})."
    return f" The change can be seen ({figure})." if is_visible else ""
