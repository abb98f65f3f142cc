"""A network whose blind spot is switched by one argument, and the two ways to break up noise.

Jang et al., "Self-supervised Image Denoising with Downsampled Invariance Loss and Conditional
Blind-Spot Network" (2023), https://arxiv.org/abs/2304.09507
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PAPER = (
    'Jang et al., "Self-supervised Image Denoising with Downsampled Invariance Loss and '
    'Conditional Blind-Spot Network" (2023), https://arxiv.org/abs/2304.09507'
)
KERNELS = ((3, 2), (5, 3))  # side of the masked kernel, and the dilation behind it
MOST_PADDED = 32  # px, at test time


class Branch(nn.Module):
    """A kernel whose center can be masked, then layers that never look back at the center.

    After a masked 3 × 3 kernel every step is a multiple of 2 px, after a masked 5 × 5 kernel one of
    3 px: no sum of such steps and a step of the first kernel is zero, but by its center.
    """

    mask: Tensor

    def __init__(self, channels: int, blocks: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, kernel, padding=kernel // 2)
        mask = torch.ones(1, 1, kernel, kernel)
        mask[..., kernel // 2, kernel // 2] = 0
        self.register_buffer("mask", mask)
        self.points = nn.ModuleList(nn.Conv2d(channels, channels, 1) for _ in range(2))
        self.wide = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation)
            for _ in range(blocks)
        )
        self.mixing = nn.ModuleList(nn.Conv2d(channels, channels, 1) for _ in range(blocks))
        self.last = nn.Conv2d(channels, channels, 1)
        self.reach = kernel // 2 + blocks * dilation

    def forward(self, maps: Tensor, masked: bool) -> Tensor:
        """Maps (n, channels, H, W) of the same size."""
        weight = self.first.weight * self.mask if masked else self.first.weight
        maps = F.relu(F.conv2d(maps, weight, self.first.bias, padding=self.first.padding))
        for layer in self.points:
            maps = F.relu(layer(maps))
        for wide, mixing in zip(self.wide, self.mixing, strict=True):
            # one ReLU in a block, where the published code has two
            maps = maps + mixing(F.relu(wide(maps)))
        return F.relu(self.last(maps))


class BlindSpotNet(nn.Module):
    """Images in, images of the same size out; masked or not, all weights are the same ones.

    Args:
        colors: channels of an image, 1 or 3.
        channels: of the maps inside.
        blocks: dilated blocks in each branch.
        kernels: side and dilation of each branch; others than the published ones may leak.
    """

    def __init__(
        self,
        colors: int,
        channels: int,
        blocks: int,
        kernels: tuple[tuple[int, int], ...] = KERNELS,
    ) -> None:
        super().__init__()
        self.first = nn.Conv2d(colors, channels, 1)
        branches = [Branch(channels, blocks, *kernel) for kernel in kernels]
        self.branches = nn.ModuleList(branches)
        half = max(channels // 2, 1)
        sides = (channels * len(kernels), channels, half, half)
        layers = [
            nn.Conv2d(in_channels, out_channels, 1)
            for in_channels, out_channels in zip(sides, (*sides[1:], colors), strict=True)
        ]
        self.head = nn.ModuleList(layers)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        for branch in branches:
            for mixing in branch.mixing.parameters():  # residual: the sum begins as its first term
                mixing.data /= blocks  # biases are 0
        layers[-1].weight.data /= 10  # near the mean at first
        self.reach: int = max(branch.reach for branch in branches)

    def forward(self, images: Tensor, masked: bool) -> Tensor:
        """Images (n, colors, H, W), of which each output pixel does not see its own if masked."""
        maps = F.relu(self.first(images)).contiguous(memory_format=torch.channels_last)
        maps = torch.cat([branch(maps, masked) for branch in self.branches], 1)
        for layer in self.head[:-1]:
            maps = F.relu(layer(maps))
        return self.head[-1](maps)


def to_batch(images: Tensor, stride: int) -> Tensor:
    """S_b: each of the stride² phases of images (n, C, H, W) is an image of its own.

    Sides that the stride does not divide are padded: by reflection where the stride is odd. An even
    one would put a pixel's mirror image beside it in its own phase, which gives the pixel away;
    there the last pixel is repeated, fewer times than the stride.
    """
    count, colors, height, width = images.shape
    padding = -width % stride, -height % stride
    if any(padding):
        images = F.pad(
            images, (0, padding[0], 0, padding[1]), "reflect" if stride % 2 else "replicate"
        )
    cell_rows, cell_columns = (height + padding[1]) // stride, (width + padding[0]) // stride
    cells = images.reshape(count, colors, cell_rows, stride, cell_columns, stride)
    return cells.permute(3, 5, 0, 1, 2, 4).reshape(-1, colors, cell_rows, cell_columns)


def from_batch(phases: Tensor, stride: int, size: tuple[int, int]) -> Tensor:
    """The inverse of `to_batch`: images of that size (H, W) again."""
    _, colors, tall, wide = phases.shape
    cells = phases.reshape(stride, stride, -1, colors, tall, wide)
    images = cells.permute(2, 3, 4, 0, 5, 1).reshape(-1, colors, tall * stride, wide * stride)
    return images[..., : size[0], : size[1]]


def choices(images: Tensor, cell: int, generator: torch.Generator) -> Tensor:
    """Which pixel of every cell × cell pixels is taken, (n, H // cell, W // cell), at random."""
    count, _, height, width = images.shape
    shape = count, height // cell, width // cell
    return torch.randint(cell * cell, shape, generator=generator).to(images.device)


def pick_pixels(images: Tensor, cell: int, chosen: Tensor) -> Tensor:
    """R: the chosen pixel of every cell, (n, C, H // cell, W // cell); the same for all colors."""
    count, colors, tall, wide = images.shape[:2] + chosen.shape[1:]
    images = images[..., : tall * cell, : wide * cell]
    cells = images.reshape(count, colors, tall, cell, wide, cell).permute(0, 1, 2, 4, 3, 5)
    at = chosen[:, None, ..., None].expand(-1, colors, -1, -1, 1)
    return cells.flatten(4).gather(4, at)[..., 0]


def normalized(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Images with mean 0 and deviation 1 in each channel, and the means and deviations.

    A deviation counts as 1 / side at least.
    """
    mean = images.mean((2, 3), keepdim=True)
    deviation = images.std((2, 3), keepdim=True, correction=0).clamp(min=1 / images.shape[-1])
    return (images - mean) / deviation, mean, deviation


def blind(net: BlindSpotNet, images: Tensor, stride: int) -> Tensor:
    """Images (n, C, H, W) as the blind spot predicts them, phase by phase."""
    parts, mean, deviation = normalized(images)
    size = images.shape[2], images.shape[3]
    return from_batch(net(to_batch(parts, stride), True), stride, size) * deviation + mean


def unmasked(net: BlindSpotNet, images: Tensor) -> Tensor:
    """Images (n, C, H, W) as the network without its mask gives them: the denoised ones."""
    parts, mean, deviation = normalized(images)
    # more than the network's reach changes nothing; reflection takes less than a side
    pad = min(MOST_PADDED, net.reach, min(images.shape[2:]) - 1)
    result = net(F.pad(parts, (pad,) * 4, "reflect"), False)
    height, width = images.shape[2:]
    return result[..., pad : pad + height, pad : pad + width] * deviation + mean


def slopes(net: BlindSpotNet, image: Tensor, masked: bool) -> Tensor:
    """|∂out(c) / ∂in| of an image's middle pixel c, (H, W), summed over colors in and out.

    Args:
        net: the network.
        image: (C, H, W), as the network is given it.
        masked: whether the center is masked.
    """
    pixels = image[None].detach().requires_grad_()
    with torch.enable_grad():
        middle = net(pixels, masked)[0, :, image.shape[1] // 2, image.shape[2] // 2]
        results = [
            torch.autograd.grad(channel, pixels, retain_graph=True)[0][0] for channel in middle
        ]
    return torch.stack(results).abs().sum((0, 1))
