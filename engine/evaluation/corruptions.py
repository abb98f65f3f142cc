"""Images made worse on purpose, from severity 0 (as they are) to 1 (beyond use).

After Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions"
(2019), https://arxiv.org/abs/1903.12261, but for images of any size and with fewer kinds: the
severities are ours, so that figures are not comparable with those of that benchmark.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

NOISE = 0.5  # deviation at severity 1
BLUR = 1 / 12  # of the side, the deviation of the blur at severity 1
TURN = 90.0  # degrees at severity 1
FLAT = 0.95  # of the contrast that is gone at severity 1
HIDDEN = 0.5  # of the picture that is covered at severity 1
GRAY = 0.5
BRIGHTER = 0.5  # what is added at severity 1
BLOCK = 9  # pixels along a block at severity 1


def noise(pixels: Tensor, severity: float, generator: torch.Generator) -> Tensor:
    """Gaussian noise, the same on all three channels of an image."""
    shape = (len(pixels), 1, *pixels.shape[2:])
    added = torch.randn(shape, generator=generator) * (NOISE * severity)
    return (pixels + added).clamp(0, 1)


def blur(pixels: Tensor, severity: float, generator: torch.Generator) -> Tensor:  # noqa: ARG001
    """A Gaussian blur; the edge is repeated."""
    sigma = BLUR * severity * pixels.shape[-1]
    if sigma <= 0:
        return pixels
    # beyond 3 σ a Gaussian weighs next to nothing; what is cut off is made up for by the division
    reach = min(max(1, round(3 * sigma)), pixels.shape[-1] - 1)
    at = torch.arange(-reach, reach + 1, dtype=pixels.dtype)
    row = torch.exp(-(at**2) / (2 * sigma**2))
    row = (row / row.sum()).expand(3, 1, 1, -1)
    wide = F.conv2d(F.pad(pixels, (reach, reach, 0, 0), "replicate"), row, groups=3)
    tall = F.pad(wide, (0, 0, reach, reach), "replicate")
    return F.conv2d(tall, row.transpose(2, 3), groups=3)


def rotation(pixels: Tensor, severity: float, generator: torch.Generator) -> Tensor:  # noqa: ARG001
    """A turn to the left about the middle; what comes in from outside repeats the edge."""
    if severity == 0:
        return pixels
    angle = torch.deg2rad(torch.tensor(TURN * severity))
    cos, sin = torch.cos(angle), torch.sin(angle)
    zero = torch.zeros(())
    turn = torch.stack([torch.stack([cos, -sin, zero]), torch.stack([sin, cos, zero])])
    grid = F.affine_grid(turn.expand(len(pixels), 2, 3), list(pixels.shape), align_corners=False)
    result = F.grid_sample(pixels, grid, padding_mode="border", align_corners=False)
    return result.clamp(0, 1)


def contrast(pixels: Tensor, severity: float, generator: torch.Generator) -> Tensor:  # noqa: ARG001
    """Every pixel moves towards the image's mean."""
    mean = pixels.mean((1, 2, 3), keepdim=True)
    return pixels + FLAT * severity * (mean - pixels)


def occlusion(pixels: Tensor, severity: float, generator: torch.Generator) -> Tensor:
    """A gray square that covers a share of the picture, anywhere in it."""
    height, width = pixels.shape[2:]
    # a share of the area: the side goes with its root
    share = (HIDDEN * severity) ** 0.5
    high, wide = round(share * height), round(share * width)
    covered = pixels.clone()
    for image in covered:
        top, left = (
            int(torch.randint(room + 1, (), generator=generator))
            for room in (height - high, width - wide)
        )
        image[:, top : top + high, left : left + wide] = GRAY
    return covered


def brightness(pixels: Tensor, severity: float, generator: torch.Generator) -> Tensor:  # noqa: ARG001
    """Brighter by the same amount everywhere."""
    return (pixels + BRIGHTER * severity).clamp(0, 1)


def pixelate(pixels: Tensor, severity: float, generator: torch.Generator) -> Tensor:  # noqa: ARG001
    """The mean of each block in all of it; two blocks along a side at least."""
    block = 1 + (BLOCK - 1) * severity
    height, width = (min(max(round(side / block), 2), side) for side in pixels.shape[2:])
    small = F.adaptive_avg_pool2d(pixels, (height, width))
    return F.interpolate(small, size=pixels.shape[2:], mode="nearest")


CORRUPTIONS: Mapping[str, Callable[[Tensor, float, torch.Generator], Tensor]] = {
    "noise": noise,
    "blur": blur,
    "rotation": rotation,
    "contrast": contrast,
    "occlusion": occlusion,
    "brightness": brightness,
    "pixelate": pixelate,
}


def corrupted(pixels: Tensor, kind: str, severity: float, seed: int = 0) -> Tensor:
    """Images (N, 3, H, W) in [0, 1] made worse; the same for the same seed; 0 changes nothing."""
    return CORRUPTIONS[kind](pixels, severity, torch.Generator().manual_seed(seed))
