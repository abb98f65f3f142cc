"""Noise that neighbors share, how it is measured, and the filters that a network stands beside."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from engine.core.result import Floats

Doubles = NDArray[np.float64]
FACTORS = (0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0)  # of the estimated σ, that filters try
BLOCK, KEEP = 8, 2.7  # px, and what is kept of a block: coefficients above KEEP σ


def side_weight(correlation: float) -> float:
    """The weight a of the kernel (a, 1, a), so that neighbors have that correlation.

    2a / (1 + 2a²) = correlation, which is 1/√2 at most.
    """
    if not correlation:
        return 0.0
    # the smaller root of 2 ρ a² − 2 a + ρ = 0, with which the center weighs most
    return float((1 - np.sqrt(max(0.0, 1 - 2 * correlation**2))) / (2 * correlation))


def drawn_noise(
    shape: Sequence[int], sigma: float, correlation: float, generator: torch.Generator
) -> Tensor:
    """Gaussian noise (n, C, H, W) of deviation σ, low-passed by a 3 × 3 kernel.

    Args:
        shape: n, C, H, W.
        sigma: the deviation, in the unit of the images.
        correlation: of pixels side by side, 0 to 0.7; those 3 px apart share nothing.
        generator: where it comes from.
    """
    count, colors, height, width = shape
    white = torch.randn((count * colors, 1, height + 2, width + 2), generator=generator)
    a = side_weight(correlation)
    row = torch.tensor([a, 1.0, a])
    # squares of the kernel add up to 1, so that σ stays what it is
    kernel = torch.outer(row, row)[None, None] / row.square().sum()
    return sigma * F.conv2d(white, kernel).reshape(count, colors, height, width)


def psnr(denoised: Tensor, truth: Tensor) -> Doubles:
    """The peak signal-to-noise ratio of images (n, C, H, W) in [0, 1], clipped, (n,) dB."""
    errors = (denoised.clamp(0, 1) - truth).square().mean((1, 2, 3)).double()
    # 100 dB at most, for an image without error
    return (-10 * errors.clamp(min=1e-10).log10()).numpy()


def autocorrelation(noise: Tensor, lags: int) -> Floats:
    """How like itself noise (n, C, H, W) is when it is moved by 0 to `lags` px, (lags + 1,).

    The mean over moves to the right and down; NaN where an image is too small.
    """
    noise = noise.double() - noise.double().mean((2, 3), keepdim=True)
    power = noise.square().mean()
    results = []
    for lag in range(lags + 1):
        end = noise.shape[-1] - lag, noise.shape[-2] - lag
        if min(end) < 1:
            results.append(float("nan"))
            continue
        right = (noise[..., lag:] * noise[..., : end[0]]).mean()
        down = (noise[..., lag:, :] * noise[..., : end[1], :]).mean()
        results.append(((right + down) / 2 / power).item())
    return np.array(results, np.float32)


def estimated(image: Doubles) -> float:
    """σ of the noise of an image (H, W, C), from the median of its finest diagonal details.

    It is meant for white noise; where neighbors share their noise, it says too little.
    """
    # four independent values of deviation σ, halved: deviation σ again
    detail = (image[:-1, :-1] - image[1:, :-1] - image[:-1, 1:] + image[1:, 1:]) / 2
    # the median of |N(0, 1)|; the image's own edges hardly move a median
    return float(np.median(np.abs(detail)) / 0.6745)


def variation(image: Doubles, sigma: float) -> Doubles:
    """Total variation (Chambolle), by scikit-image."""
    from skimage.restoration import denoise_tv_chambolle

    return np.asarray(denoise_tv_chambolle(image, weight=sigma, channel_axis=-1))


def means(image: Doubles, sigma: float) -> Doubles:
    """Non-local means, by scikit-image."""
    from skimage.restoration import denoise_nl_means

    result = denoise_nl_means(
        image, patch_size=5, patch_distance=6, h=0.8 * sigma, sigma=sigma, channel_axis=-1
    )
    return np.asarray(result).reshape(image.shape)  # a single channel is dropped


def shrinkage(image: Doubles, sigma: float) -> Doubles:
    """Block shrinkage: small cosine coefficients of every 8 × 8 block are set to 0.

    BM3D without its search for alike blocks: all places of a block are averaged.
    """
    from scipy.fft import dctn, idctn

    edge = BLOCK - 1
    padded = np.pad(image, ((edge, edge), (edge, edge), (0, 0)), "reflect")
    views = np.lib.stride_tricks.sliding_window_view(padded, (BLOCK, BLOCK), (0, 1))
    # orthonormal: coefficients of white noise have the deviation σ too
    parts = dctn(views, axes=(-2, -1), norm="ortho")
    small = np.abs(parts) < KEEP * sigma
    # the mean of a block is no detail
    small[..., 0, 0] = False
    blocks = idctn(np.where(small, 0.0, parts), axes=(-2, -1), norm="ortho")
    total = np.zeros_like(padded)
    height, width = blocks.shape[:2]
    for row in range(BLOCK):
        for column in range(BLOCK):
            total[row : row + height, column : column + width] += blocks[..., row, column]
    # with the padding, every pixel of the image lies in BLOCK² blocks
    return total[edge:-edge, edge:-edge] / BLOCK**2


FILTERS: Mapping[str, Callable[[Doubles, float], Doubles]] = {
    "total variation": variation,
    "non-local means": means,
    "block shrinkage (DCT)": shrinkage,
}


@dataclass(frozen=True)
class Filter:
    """One of FILTERS, and the factor of the estimated σ that it is given."""

    name: str
    factor: float

    def __call__(self, images: Tensor) -> Tensor:
        """Images (n, C, H, W), clipped to [0, 1]."""
        results = []
        for image in images.double().permute(0, 2, 3, 1).numpy():
            sigma = max(self.factor * estimated(image), 1e-4)
            results.append(np.clip(FILTERS[self.name](image, sigma), 0, 1))
        return torch.from_numpy(np.stack(results)).permute(0, 3, 1, 2).float()


def best_filter(name: str, noisy: Tensor, truth: Tensor) -> Filter:
    """The filter with the factor that is best on these images, by their truth."""
    candidates = [Filter(name, factor) for factor in FACTORS]
    return max(candidates, key=lambda candidate: float(psnr(candidate(noisy), truth).mean()))
