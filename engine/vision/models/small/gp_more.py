"""Two more of the GP family with a map of their own: GP-ShuffleUNet and GP-ReconResNet."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.vision.models.small.gp import PooledMap, twice
from engine.vision.models.small.shape import NetworkShape

WAVES = 4  # branches of a level; the last goes down
BLOCKS = 4  # residual blocks of GP-ReconResNet


class GpShuffleUNet(PooledMap):
    """Each level splits into four branches; the fourth goes down by sorting pixels into channels.

    On the way up, pixels are sorted back, four new branches are added to those of the way down,
    and all five go through two convolutions. Published with 64 channels, 8 here.
    """

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__(shape)
        wide = shape.wide(8)
        self.down1, self.waves1 = twice(shape.channels, wide), wave(wide, WAVES * wide)
        self.down2, self.waves2 = twice(WAVES * wide, wide), wave(wide, WAVES * wide)
        self.deep = twice(WAVES * wide, wide)
        self.rise2, self.back2 = wave(wide, 4 * wide), wave(wide, WAVES * wide)
        self.up2 = twice((WAVES + 1) * wide, wide)
        self.rise1, self.back1 = wave(wide, 4 * wide), wave(wide, WAVES * wide)
        self.up1 = twice((WAVES + 1) * wide, wide)
        self.head = nn.Linear(wide, shape.classes)

    def features(self, images: Tensor) -> Tensor:
        """(N, 8, H, W) at the usual width."""
        first = self.waves1(self.down1(images))
        second = self.waves2(self.down2(lowered(first)))
        deep = self.deep(lowered(second))
        risen = F.pixel_shuffle(self.rise2(deep), 2)
        middle = self.up2(torch.cat([risen, second + self.back2(risen)], 1))
        risen = F.pixel_shuffle(self.rise1(middle), 2)
        return self.up1(torch.cat([risen, first + self.back1(risen)], 1))


class GpReconResNet(PooledMap):
    """Down twice by strides, residual blocks with instance norm, and up twice; nothing is skipped.

    The last convolution has one pixel, so that pooling and head can be swapped. Published with 14
    blocks, 64 channels and dropout; 4 blocks, 8 channels and no dropout here.
    """

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__(shape)
        fine, middle, deep = shape.wide(8), shape.wide(16), shape.wide(32)
        self.stem = nn.Sequential(
            nn.Conv2d(shape.channels, fine, 7, padding=3, padding_mode="reflect"), *normed(fine)
        )
        self.down2 = nn.Sequential(nn.Conv2d(fine, middle, 3, 2, 1), *normed(middle))
        self.down4 = nn.Sequential(nn.Conv2d(middle, deep, 3, 2, 1), *normed(deep))
        self.blocks = nn.Sequential(*(ReconBlock(deep) for _ in range(BLOCKS)))
        self.up2 = nn.Sequential(nn.Conv2d(deep, middle, 3, padding=1), *normed(middle))
        self.up1 = nn.Sequential(nn.Conv2d(middle, fine, 3, padding=1), *normed(fine))
        self.head = nn.Linear(fine, shape.classes)

    def features(self, images: Tensor) -> Tensor:
        """(N, 8, H, W) at the usual width."""
        deep = self.blocks(self.down4(self.down2(self.stem(images))))
        middle = self.up2(F.interpolate(deep, scale_factor=2.0))
        return self.up1(F.interpolate(middle, scale_factor=2.0))


class ReconBlock(nn.Module):
    """Two convolutions with instance norm beside the maps themselves."""

    def __init__(self, wide: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(wide, wide, 3, padding=1), *normed(wide))
        self.second = nn.Sequential(nn.Conv2d(wide, wide, 3, padding=1), nn.InstanceNorm2d(wide))

    def forward(self, maps: Tensor) -> Tensor:
        """Of the same shape."""
        return maps + self.second(self.first(maps))


def wave(inside: int, outside: int) -> nn.Conv2d:
    """A convolution of three pixels."""
    return nn.Conv2d(inside, outside, 3, padding=1)


def lowered(waves: Tensor) -> Tensor:
    """The last of four branches (N, 4 C, H, W) with its pixels in channels, (N, 4 C, H/2, W/2)."""
    return F.pixel_unshuffle(waves.chunk(WAVES, 1)[-1], 2)


def normed(wide: int) -> tuple[nn.Module, nn.Module]:
    """Instance norm and a rectifier with a slope of its own below 0."""
    return nn.InstanceNorm2d(wide), nn.PReLU(wide)
