"""Where one perturbation of all images comes from: numbers for each pixel, or a small network.

The network is the ResNet generator of the published code of Unlearnable Clusters, at a quarter of
its width: https://github.com/jiamingzhang94/Unlearnable-Clusters
"""

import torch
from torch import Tensor, nn

from engine.vision.models.small import init_weights

WIDTH = 16  # channels of the first convolution
BLOCKS = 6
SHRINKS = 4  # times, inside


class DirectNoise(nn.Module):
    """A number for each channel and pixel, which begins at 0 and is cut to ±epsilon."""

    def __init__(self, shape: tuple[int, ...], epsilon: float) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.values = nn.Parameter(torch.zeros(1, *shape))

    def forward(self) -> Tensor:
        """The noise, (1, C, H, W)."""
        return self.values

    @torch.no_grad()
    def cut(self) -> None:
        """Back within the bounds, after a step."""
        self.values.clamp_(-self.epsilon, self.epsilon)


class NoiseNetwork(nn.Module):
    """Makes the noise from one picture of uniform random numbers, which never changes.

    BatchNorm goes by the one picture that it sees, in training and at the end. The published code
    cuts the last tanh at epsilon, where it has no slope; here it is multiplied by epsilon.

    Args:
        shape: of the noise, (C, H, W); sides of 8 pixels at least.
        epsilon: its bound, in pixel values of [0, 1].
        generator: of the picture and of the first weights.
    """

    def __init__(self, shape: tuple[int, ...], epsilon: float, generator: torch.Generator) -> None:
        super().__init__()
        self.epsilon, (channels, self.height, self.width) = epsilon, shape
        even = [-(-side // SHRINKS) * SHRINKS for side in shape[1:]]
        self.picture = torch.rand(1, 3, *even, generator=generator)
        with torch.random.fork_rng(devices=[]):  # torch draws first weights that are replaced below
            self.body = nn.Sequential(
                nn.ReflectionPad2d(3),
                *normed(nn.Conv2d(3, WIDTH, 7, bias=False)),
                *normed(nn.Conv2d(WIDTH, 2 * WIDTH, 3, 2, 1, bias=False)),
                *normed(nn.Conv2d(2 * WIDTH, 4 * WIDTH, 3, 2, 1, bias=False)),
                *(NoiseBlock(4 * WIDTH) for _ in range(BLOCKS)),
                *normed(nn.ConvTranspose2d(4 * WIDTH, 2 * WIDTH, 3, 2, 1, 1, bias=False)),
                *normed(nn.ConvTranspose2d(2 * WIDTH, WIDTH, 3, 2, 1, 1, bias=False)),
                nn.ReflectionPad2d(3),
                nn.Conv2d(WIDTH, channels, 7),
            )
        init_weights(self.body, generator)

    def forward(self) -> Tensor:
        """The noise, (1, C, H, W), within ±epsilon."""
        noise: Tensor = self.body(self.picture.to(next(self.parameters()).device))
        return self.epsilon * noise[..., : self.height, : self.width].tanh()

    def cut(self) -> None:
        """Nothing: the noise cannot leave its bounds."""


class NoiseBlock(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.inside = nn.Sequential(
            nn.ReflectionPad2d(1),
            *normed(nn.Conv2d(channels, channels, 3, bias=False)),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """(1, channels, h, w)."""
        return maps + self.inside(maps)


def normed(layer: nn.Conv2d | nn.ConvTranspose2d) -> tuple[nn.Module, ...]:
    """A convolution, BatchNorm and a rectifier."""
    return layer, nn.BatchNorm2d(layer.out_channels), nn.ReLU()
