"""TinyVLM's eyes: an image to 64 tokens in an 8 × 8 grid, and their projection to the decoder."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WIDTH = 128
GRID = 8
HEADS = 4
MEAN, STD = 0.5, 0.25  # by which pixels are normalized


def normalized(pixels: Tensor) -> Tensor:
    """Pixels in [0, 1] as the encoder sees them."""
    return (pixels - MEAN) / STD


class Stride(nn.Sequential):
    """A convolution, BatchNorm and a rectifier."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__(
            nn.Conv2d(inside, outside, 3, stride, 1, bias=False), nn.BatchNorm2d(outside), nn.ReLU()
        )


class EncoderBlock(nn.Module):
    """One transformer block over the 64 places, norms before."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens (N, 64, 128), and who looked where, (N, heads, 64, 64)."""
        count, places, _ = tokens.shape
        split = self.qkv(self.norm1(tokens)).view(count, places, 3, HEADS, -1)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        # matmul and softmax: the fused kernel's backward is slow on a CPU, and hides the attention
        attention = (query * query.shape[-1] ** -0.5 @ key.transpose(-1, -2)).softmax(-1)
        mixed = (attention @ value).transpose(1, 2).flatten(2)
        tokens = tokens + self.out(mixed)
        return tokens + self.down(F.gelu(self.up(self.norm2(tokens)))), attention


class Encoder(nn.Module):
    """Five convolutions down to 8 × 8, positions, and one transformer block."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(Stride(3, 24, 2), Stride(24, 64, 2))
        self.fine, self.halve, self.coarse = (
            Stride(64, 64, 1),
            Stride(64, WIDTH, 2),
            Stride(WIDTH, WIDTH, 1),
        )
        self.places = nn.Parameter(torch.zeros(1, GRID**2, WIDTH))
        self.look, self.norm = EncoderBlock(), nn.LayerNorm(WIDTH)

    def forward(self, images: Tensor) -> Tensor:
        """Normalized pixels (N, 3, 64, 64) to features (N, 64, 128), row by row."""
        return self.norm(self.look(self.seen(images))[0])

    def seen(self, images: Tensor) -> Tensor:
        """What the convolutions give, with positions, (N, 64, 128)."""
        maps = self.stem(images.contiguous(memory_format=torch.channels_last))
        maps = maps + self.fine(maps)
        maps = self.halve(maps)
        maps = maps + self.coarse(maps)
        return maps.flatten(2).transpose(1, 2) + self.places


class Naming(nn.Module):
    """The heads of the encoder's own training: what lies in each of the 4 × 4 cells."""

    def __init__(self, category_count: int, colors: int) -> None:
        super().__init__()
        self.thing, self.color = nn.Linear(WIDTH, category_count + 1), nn.Linear(WIDTH, colors)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of things, the last for nothing, and of colors, both (N, 16, ·)."""
        cell_features = by_cell(features)
        return self.thing(cell_features), self.color(cell_features)


def by_cell(features: Tensor) -> Tensor:
    """The mean over each cell's 2 × 2 tokens, (N, 64, D) to (N, 16, D)."""
    count, _, width = features.shape
    return features.view(count, 4, 2, 4, 2, width).mean((2, 4)).flatten(1, 2)


def projector() -> nn.Sequential:
    """From what the encoder sees to what the decoder reads."""
    return nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH))
