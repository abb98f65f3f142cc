"""Classifiers whose class map is made by their own weights: GP-UNet, and its twin with a mean.

A decoder gives features z (N, C, H, W) at every pixel. In training each feature's maximum over the
image goes through one linear layer: logits = W · max z + b. Afterwards the same layer is applied at
every pixel: M = W · z + b. Logits are the maximum of M only where all features have theirs at one
pixel, or where there is one feature. Such a network learns from images' classes alone.

Chatterjee et al., "Weakly-supervised segmentation using inherently-explainable classification
models and their application to brain tumour classification" (2022),
https://arxiv.org/abs/2206.05148
"""

from abc import abstractmethod
from math import sqrt
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.vision.models.small.shape import NetworkShape, enter
from engine.vision.models.small.unet import widened

SPREAD = sqrt(6)  # of first weights (He et al. 2015): rectifiers leave maps as wide as they were
HALVED = 4  # an image's side must be a multiple of it, which is halved twice


class PooledMap(nn.Module):
    """Features at every pixel, their maximum over the image, and one linear layer for both."""

    map_unit: ClassVar[str] = "logit"
    spread: ClassVar[float] = SPREAD
    head: nn.Linear

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes)."""
        return self.head(self.pooled(self.decoded(images)).flatten(1))

    def own_maps(self, images: Tensor) -> Tensor:
        """The head at every pixel instead of the maxima: (N, classes, H, W)."""
        return self.head(self.decoded(images).movedim(1, -1)).movedim(-1, 1)

    def decoded(self, images: Tensor) -> Tensor:
        """What the head sees at every pixel, (N, C, H, W)."""
        height, width = images.shape[-2:]
        # at the right and the bottom alone, and cut off again: every pixel keeps its place
        missing = (0, -width % HALVED, 0, -height % HALVED)
        maps = enter(images, self.shape)
        if any(missing):
            maps = F.pad(maps, missing, mode="replicate")
        return self.features(maps)[..., :height, :width]

    def pooled(self, features: Tensor) -> Tensor:
        """One number of each feature, (N, C, 1, 1)."""
        return F.max_pool2d(features, features.shape[-2:])  # as a pooling, which DeepLIFT knows

    @abstractmethod
    def features(self, images: Tensor) -> Tensor:
        """(N, C, H, W) of images (N, channels, H, W), whose sides are multiples of four."""


class GpUNet(PooledMap):
    """A U-Net without normalization: three levels of two convolutions, halved by averaging.

    Published with 64, 128 and 256 channels; 8, 16 and 32 here, enlarged by interpolation.
    """

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__(shape)
        fine, middle, deep = shape.wide(8), shape.wide(16), shape.wide(32)
        self.down1, self.down2 = twice(shape.channels, fine), twice(fine, middle)
        self.deep = twice(middle, deep)
        self.up2, self.up1 = twice(deep + middle, middle), twice(middle + fine, fine)
        self.head = nn.Linear(fine, shape.classes)

    def features(self, images: Tensor) -> Tensor:
        """(N, 8, H, W) at the usual width."""
        fine = self.down1(images)
        middle = self.down2(F.avg_pool2d(fine, 2))
        coarse = self.deep(F.avg_pool2d(middle, 2))
        middle = self.up2(torch.cat([widened(coarse, middle), middle], 1))
        return self.up1(torch.cat([widened(middle, fine), fine], 1))


class MeanUNet(GpUNet):
    """The same network with the mean of each feature in place of its maximum, for comparison.

    Its logits are the mean of its map, so that Grad-CAM at its last layer is that map without b.
    """

    def pooled(self, features: Tensor) -> Tensor:
        """The means, (N, C, 1, 1)."""
        return F.avg_pool2d(features, features.shape[-2:])


def twice(inside: int, outside: int) -> nn.Sequential:
    """Two convolutions with rectifiers."""
    return nn.Sequential(
        nn.Conv2d(inside, outside, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(outside, outside, 3, padding=1),
        nn.ReLU(),
    )
