"""Which pixels of an image noise may change, and how such masks change from round to round."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

STREAM = 37  # of the seed's random numbers
DARK = 24  # gray levels: no brighter is the background of a scan, its noise included

PixelMasks = NDArray[np.bool_]  # (n, H, W)


def pixel_count(share: float, height: int, width: int) -> int:
    """How many pixels that share of an image is, rounded down."""
    return int(share * height * width + 1e-6)  # 0.29 of 100 is 29, not 28.999…


def steepest_pixels(slopes: Tensor, images: Tensor, share: float, allowed: Tensor) -> Tensor:
    """Where |slope|, summed over channels, is largest in each image, (n, H, W) bool.

    Of pixels with one slope the brighter comes first, and of those the one further up and left.

    Args:
        slopes: (n, C, H, W).
        images: (n, C, H, W), whose brightness decides between equal slopes.
        share: of all pixels, that are marked at most.
        allowed: (n, H, W) bool, where pixels may be marked.
    """
    # below every size, so that forbidden pixels come last
    sizes = slopes.abs().sum(1).flatten(1).masked_fill(~allowed.flatten(1), -1.0)
    brighter = images.sum(1).flatten(1).argsort(dim=1, descending=True, stable=True)
    # a stable sort by size of what is sorted by brightness: that decides between equal sizes
    order = sizes.gather(1, brighter).argsort(dim=1, descending=True, stable=True)
    return marked(brighter.gather(1, order), share, allowed)


def random_masks(allowed: PixelMasks, share: float, seed: int) -> PixelMasks:
    """As many pixels of each image at random, (n, H, W), where they are allowed."""
    drawn = np.random.default_rng([seed, STREAM]).random(allowed.shape)
    # above every draw of [0, 1), so that forbidden pixels come last
    order = np.where(allowed, drawn, 2.0).reshape(len(allowed), -1).argsort(1)
    return marked(torch.from_numpy(order), share, torch.from_numpy(allowed)).numpy()


def marked(order: Tensor, share: float, allowed: Tensor) -> Tensor:
    """The first of each image's pixels in an order (n, H · W), where they are allowed."""
    first = order[:, : pixel_count(share, *allowed.shape[1:])]
    mask = torch.zeros_like(allowed).flatten(1).scatter_(1, first, 1)
    # where fewer pixels are allowed than κ asks for, forbidden ones came along
    return mask.view_as(allowed) & allowed


def background(images: NDArray[np.uint8], dark: int = DARK) -> PixelMasks:
    """Dark regions that reach an image's border, (n, H, W); dark places inside are not of it."""
    from scipy import ndimage as ndi

    result = np.zeros((len(images), *images.shape[2:]), np.bool_)
    for mask, image in zip(result, images, strict=True):
        regions, _ = ndi.label(image.max(0) <= dark)
        edge = np.concatenate([regions[0], regions[-1], regions[:, 0], regions[:, -1]])
        mask[:] = np.isin(regions, edge[edge > 0])
    return result


def overlap(masks: PixelMasks, before: PixelMasks) -> float:
    """The mean share of a mask that was in the mask before it; NaN where no mask has a pixel."""
    sizes = masks.sum((1, 2))
    shared = (masks & before).sum((1, 2))
    nonempty = sizes > 0
    return float((shared[nonempty] / sizes[nonempty]).mean()) if nonempty.any() else float("nan")
