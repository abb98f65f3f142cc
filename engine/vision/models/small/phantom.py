"""Networks whose last maps keep the place of a small thing: for phantoms and for scenes."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.vision.models.small.shape import NetworkShape, enter


class PhantomCnn(nn.Module):
    """Six convolutions, then the mean and the maximum of each map.

    A lesion fills one place in a hundred: the maximum keeps what the mean dilutes.
    """

    last_stride = 2  # of the fourth convolution: the last maps have an eighth of the side

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.shape = shape
        fine, middle, last = shape.wide(12), shape.wide(32), shape.wide(64)
        self.body = nn.Sequential(
            block(shape.channels, fine, 2, 5),
            block(fine, middle, 2),
            block(middle, middle, 1),
            block(middle, last, self.last_stride),
            block(last, last, 1),
            block(last, last, 1),
        )
        self.head = nn.Linear(2 * last, shape.classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes)."""
        maps = self.body(enter(images, self.shape))
        most = F.max_pool2d(maps, maps.shape[-2:])  # as a pooling, which rules for DeepLIFT know
        return self.head(torch.cat([maps.mean((2, 3)), most.flatten(1)], 1))


class SceneCnn(PhantomCnn):
    """The same with last maps of a quarter of the side.

    A class activation map is no finer than these. A thing in a scene is a sixth of its side, and a
    lesion may be less.
    """

    last_stride = 1


def block(inside: int, outside: int, stride: int, kernel: int = 3) -> nn.Sequential:
    """A convolution, BatchNorm and a rectifier."""
    return nn.Sequential(
        nn.Conv2d(inside, outside, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outside),
        nn.ReLU(),
    )
