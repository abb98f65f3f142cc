"""Images as a worse camera or a worse day would give them: five corruptions, three severities.

After Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions"
(2019), https://arxiv.org/abs/1903.12261, but written for images of any size and with fewer kinds:
the severities are ours, so that figures are not comparable with those of that benchmark.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

SEVERITIES = (1, 2, 3)


def noise(images: Tensor, severity: int, generator: torch.Generator) -> Tensor:
    """Gaussian noise of 0.08, 0.16 or 0.24, the same in all channels of gray images' copies."""
    gaussian = torch.randn(len(images), 1, *images.shape[2:], generator=generator)
    return images + 0.08 * severity * gaussian


def blur(images: Tensor, severity: int, _generator: torch.Generator) -> Tensor:
    """Gaussian blur of 1, 2 or 3 hundredths of the width, half a pixel at least."""
    from torchvision.transforms.v2.functional import gaussian_blur

    sigma = max(severity * images.shape[-1] / 100, 0.5 * severity)
    # odd, 2 σ each way, and short enough for torchvision's reflected border
    reach = min(2 * round(2 * sigma) + 1, 2 * (min(images.shape[2:]) // 2) - 1)
    blurred: Tensor = gaussian_blur(images.contiguous(), [max(reach, 1)] * 2, [sigma])
    return blurred


def contrast(images: Tensor, severity: int, _generator: torch.Generator) -> Tensor:
    """Contrast of 0.6, 0.4 or 0.2 about each image's mean."""
    mean = images.mean((1, 2, 3), keepdim=True)
    return mean + (0.8 - 0.2 * severity) * (images - mean)


def brightness(images: Tensor, severity: int, _generator: torch.Generator) -> Tensor:
    """Brighter by 0.1, 0.2 or 0.3."""
    return images + 0.1 * severity


def pixelate(images: Tensor, severity: int, _generator: torch.Generator) -> Tensor:
    """Averaged down to a half, a third or a quarter of each side, and enlarged again."""
    height, width = (max(round(side / (severity + 1)), 2) for side in images.shape[2:])
    small = F.adaptive_avg_pool2d(images, (height, width))
    return F.interpolate(small, size=images.shape[2:], mode="nearest")


CORRUPTIONS: Mapping[str, Callable[[Tensor, int, torch.Generator], Tensor]] = {
    "noise": noise,
    "blur": blur,
    "contrast": contrast,
    "brightness": brightness,
    "pixelate": pixelate,
}


def corrupted(images: Tensor, kind: str, severity: int, seed: int = 0) -> Tensor:
    """Images (N, 3, H, W) in [0, 1], worse than they were; the same seed draws the same noise."""
    generator = torch.Generator().manual_seed(seed)
    return CORRUPTIONS[kind](images, severity, generator).clamp(0, 1)
