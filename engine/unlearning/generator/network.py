"""The network of a generator: which noise is in an image, given the time and the class.

A U-Net of two levels. Images of 16 pixels a side enter as 2 × 2 blocks, so that they cost what
8 × 8 images do.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.vision.models.small import init_weights

WIDTH = 32  # channels of the upper level
KNOWN = 128  # numbers that say time and class
WAVES = 32  # frequencies of the time
INSIDE = 8  # pixels a side of the upper level
GROUPS = 8  # of channels that are normalized together


class TimedBlock(nn.Module):
    """Two convolutions beside a shortcut; time and class scale and shift what is between."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(GROUPS, inside), nn.GroupNorm(GROUPS, outside)
        self.conv1 = nn.Conv2d(inside, outside, 3, padding=1)
        self.conv2 = nn.Conv2d(outside, outside, 3, padding=1)
        self.known = nn.Linear(KNOWN, 2 * outside)
        self.short = nn.Identity() if inside == outside else nn.Conv2d(inside, outside, 1)

    def forward(self, maps: Tensor, condition: Tensor) -> Tensor:
        """(N, outside, H, W) of maps (N, inside, H, W) and what is known (N, KNOWN)."""
        hidden = self.conv1(F.silu(self.norm1(maps)))
        scale, shift = self.known(condition)[:, :, None, None].chunk(2, 1)
        # 1 +, so that nothing is scaled while the layer says 0
        hidden = self.norm2(hidden) * (1 + scale) + shift
        return self.conv2(F.silu(hidden)) + self.short(maps)


class Denoiser(nn.Module):
    """ε(x_t | t, c) of gray images in [−1, 1].

    Args:
        side: of the images: 8, 16 or 32.
        classes: how many there are; the number `none` after them stands for no class.
        width: channels of the upper level, a multiple of 8.
    """

    waves: Tensor

    def __init__(self, side: int, classes: int, width: int = WIDTH) -> None:
        super().__init__()
        self.side, self.none, self.width = side, classes, width
        self.fold = side // INSIDE
        inside = self.fold**2
        self.time = nn.Sequential(nn.Linear(2 * WAVES, KNOWN), nn.SiLU(), nn.Linear(KNOWN, KNOWN))
        self.label = nn.Embedding(classes + 1, KNOWN)
        self.enter = nn.Conv2d(inside, width, 3, padding=1)
        self.down = TimedBlock(width, width)
        self.shrink = nn.Conv2d(width, 2 * width, 3, 2, 1)
        self.deep, self.middle = (TimedBlock(2 * width, 2 * width) for _ in range(2))
        self.grow = nn.Conv2d(2 * width, width, 1)
        self.up = TimedBlock(2 * width, width)
        self.leave = nn.Conv2d(width, inside, 3, padding=1)
        # from 1 to 1e-4 rad a step, evenly in the logarithm: near and far times are told apart
        waves = torch.exp(torch.linspace(0, -math.log(1e4), WAVES))
        self.register_buffer("waves", waves, persistent=False)

    def forward(self, noisy: Tensor, times: Tensor, classes: Tensor) -> Tensor:
        """The noise (N, 1, side, side) in noisy images at times (N,), of classes (N,) int64."""
        angles = times[:, None].float() * self.waves
        embedding = self.time(torch.cat([angles.sin(), angles.cos()], 1)) + self.label(classes)
        condition = F.silu(embedding)
        upper = self.down(self.enter(F.pixel_unshuffle(noisy, self.fold)), condition)
        lower = self.middle(self.deep(self.shrink(upper), condition), condition)
        raised = F.interpolate(self.grow(lower), scale_factor=2)
        joined = self.up(torch.cat([raised, upper], 1), condition)
        return F.pixel_shuffle(self.leave(F.silu(joined)), self.fold)


def built(side: int, classes: int, width: int = WIDTH, seed: int | None = None) -> Denoiser:
    """A network with weights drawn from the seed; without a seed they are loaded anyway."""
    with torch.random.fork_rng(devices=[]):  # torch draws first weights that are replaced below
        network = Denoiser(side, classes, width)
    if seed is not None:
        generator = torch.Generator().manual_seed(seed)
        init_weights(network, generator)
        # `init_weights` draws what it does not know near 0, where GroupNorm would pass nothing on
        for module in network.modules():
            if isinstance(module, nn.GroupNorm):
                module.reset_parameters()
        # nor is the embedding to begin near 0: N(0, 1), as torch has it
        with torch.no_grad():
            network.label.weight.normal_(generator=generator)
    return network
