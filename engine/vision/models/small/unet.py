"""A U-Net that is trained with an image's class and has a score at every pixel."""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.vision.models.small.shape import NetworkShape, enter


class Twice(nn.Module):
    """Two convolutions with BatchNorm."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, padding=1, bias=False)
        self.bn1, self.act1 = nn.BatchNorm2d(outside), nn.ReLU()
        self.conv2 = nn.Conv2d(outside, outside, 3, padding=1, bias=False)
        self.bn2, self.act2 = nn.BatchNorm2d(outside), nn.ReLU()

    def forward(self, maps: Tensor) -> Tensor:
        """(N, outside, H, W)."""
        return self.act2(self.bn2(self.conv2(self.act1(self.bn1(self.conv1(maps))))))


class UNet(nn.Module):
    """Down twice and up again; a class's score is the mean of its own map over the image.

    One linear head serves both: `own_maps` applies it at every pixel, `forward` to their mean.
    """

    map_unit: ClassVar[str] = "logit"

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.shape = shape
        fine, middle, deep = shape.wide(12), shape.wide(24), shape.wide(48)
        self.down1, self.down2 = Twice(shape.channels, fine), Twice(fine, middle)
        self.deep = Twice(middle, deep)
        self.up2, self.up1 = Twice(deep + middle, middle), Twice(middle + fine, fine)
        self.head = nn.Linear(fine, shape.classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes)."""
        return self.head(self.decoded(images).mean((2, 3)))

    def own_maps(self, images: Tensor) -> Tensor:
        """A map of logits for each class, (N, classes, H, W)."""
        features = self.decoded(images)
        # the head is linear, so the mean of this map is the logit to rounding
        return F.conv2d(features, self.head.weight[:, :, None, None], self.head.bias)

    def decoded(self, images: Tensor) -> Tensor:
        """What the head sees at every pixel, (N, 12, H, W) at the usual width."""
        fine = self.down1(enter(images, self.shape))
        middle = self.down2(F.max_pool2d(fine, 2))
        coarse = self.deep(F.max_pool2d(middle, 2))
        middle = self.up2(torch.cat([widened(coarse, middle), middle], 1))
        return self.up1(torch.cat([widened(middle, fine), fine], 1))


def widened(maps: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(maps, size=like.shape[-2:])
