"""Small networks that are trained here in seconds or minutes, each built from the data's shape.

Every network takes three channels, because a Classifier does. Grey data repeat their one channel,
and the network begins with the mean over the three: so a color photograph is read as its grey, a
gradient is spread evenly over the channels instead of lying in the first, and what an attacker
adds to a single channel counts by a third. Parts are named children, so that a place to look at
has a name; whatever has no parameters and is no such place is done in `forward`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod, sqrt

import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F

from engine.errors import BadModel

NARROW = 16  # pixels: below this side an image is small, and kernels and widths are too
TOKENS = 12  # at most so many patches along a side


@dataclass(frozen=True)
class Shape:
    """What a network is built for: channels that carry something (1 or 3), side, classes."""

    channels: int
    side: int
    classes: int


def enter(images: Tensor, shape: Shape) -> Tensor:
    """(N, 3, H, W) as the network's own channels: grey is the mean."""
    return images.mean(1, keepdim=True) if shape.channels == 1 else images


class Mlp(nn.Module):
    """Two hidden layers; 784-256-256-10 for MNIST, 64-128-128-10 for the digits."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        width = 128 if shape.side < NARROW else 256
        self.fc1, self.act1 = nn.Linear(shape.channels * shape.side**2, width), nn.ReLU()
        self.fc2, self.act2 = nn.Linear(width, width), nn.ReLU()
        self.head = nn.Linear(width, shape.classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes)."""
        hidden = self.act1(self.fc1(enter(images, self.shape).flatten(1)))
        return self.head(self.act2(self.fc2(hidden)))


class LeNet(nn.Module):
    """Two convolutions with pooling and one hidden layer; small images keep their last map whole.

    Large images are averaged down to seven places a side before the hidden layer.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        small = shape.side < NARROW
        kernel = 3 if small else 5
        self.conv1 = nn.Conv2d(shape.channels, 16, kernel, padding=kernel // 2)
        self.act1, self.pool1 = nn.ReLU(), nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(16, 32, kernel, padding=kernel // 2)
        self.act2 = nn.ReLU()
        self.halve = not small
        self.places = min(shape.side // (2 if small else 4), 7)
        self.fc, self.act3 = nn.Linear(32 * self.places**2, 128), nn.ReLU()
        self.head = nn.Linear(128, shape.classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes)."""
        maps = self.pool1(self.act1(self.conv1(enter(images, self.shape))))
        maps = self.act2(self.conv2(maps))
        if self.halve:
            maps = F.max_pool2d(maps, 2)
        if maps.shape[-1] != self.places:
            maps = F.adaptive_avg_pool2d(maps, self.places)
        return self.head(self.act3(self.fc(maps.flatten(1))))


class Residual(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.bn1, self.act1 = nn.BatchNorm2d(outside), nn.ReLU()
        self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.bn2, self.act2 = nn.BatchNorm2d(outside), nn.ReLU()
        self.short = (
            nn.Identity()
            if stride == 1 and inside == outside
            else nn.Sequential(
                nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside)
            )
        )

    def forward(self, maps: Tensor) -> Tensor:
        """(N, outside, H / stride, W / stride)."""
        hidden = self.bn2(self.conv2(self.act1(self.bn1(self.conv1(maps)))))
        return self.act2(hidden + self.short(maps))


class ResNet8(nn.Module):
    """A stem, three residual blocks and a linear head over the mean: eight layers deep."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.conv = nn.Conv2d(shape.channels, 16, 3, padding=1, bias=False)
        self.bn, self.act = nn.BatchNorm2d(16), nn.ReLU()
        self.blocks = nn.Sequential(
            Residual(16, 16, 1), Residual(16, 32, 2), Residual(32, 64, 2 if shape.side > 8 else 1)
        )
        self.head = nn.Linear(64, shape.classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes)."""
        maps = self.act(self.bn(self.conv(enter(images, self.shape))))
        return self.head(self.blocks(maps).mean((2, 3)))


class SmallViT(VisionTransformer):
    """timm's vision transformer, four blocks of four heads, so that attention can be read."""

    def __init__(self, shape: Shape) -> None:
        super().__init__(
            img_size=shape.side, patch_size=patch(shape.side), in_chans=shape.channels,
            num_classes=shape.classes, embed_dim=64, depth=4, num_heads=4, mlp_ratio=2.0,
        )  # fmt: skip
        self.shape = shape

    def forward(self, images: Tensor) -> Tensor:  # type: ignore[override]  # timm's masks are not used
        """Logits (N, classes)."""
        return super().forward(enter(images, self.shape))


def patch(side: int) -> int:
    """The smallest patch of two pixels or more that parts the side into few enough tokens."""
    for size in range(2, side // 2 + 1):
        if side % size == 0 and side // size <= TOKENS:
            return size
    raise BadModel(f"A side of {side} pixels cannot be parted into patches for the small ViT.")


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

    One linear head serves both: `places` applies it at every pixel, `forward` to their mean.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.down1, self.down2, self.deep = Twice(shape.channels, 12), Twice(12, 24), Twice(24, 48)
        self.up2, self.up1 = Twice(48 + 24, 24), Twice(24 + 12, 12)
        self.head = nn.Linear(12, shape.classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes)."""
        return self.head(self.decoded(images).mean((2, 3)))

    def places(self, images: Tensor) -> Tensor:
        """A map of logits for each class, (N, classes, H, W)."""
        features = self.decoded(images)
        return F.conv2d(features, self.head.weight[:, :, None, None], self.head.bias)

    def decoded(self, images: Tensor) -> Tensor:
        """What the head sees at every pixel, (N, 12, H, W)."""
        fine = self.down1(enter(images, self.shape))
        middle = self.down2(F.max_pool2d(fine, 2))
        coarse = self.deep(F.max_pool2d(middle, 2))
        middle = self.up2(torch.cat([widened(coarse, middle), middle], 1))
        return self.up1(torch.cat([widened(middle, fine), fine], 1))


def widened(maps: Tensor, like: Tensor) -> Tensor:
    """Maps at the size of others."""
    return F.interpolate(maps, size=like.shape[-2:])


class PhantomCnn(nn.Module):
    """Six convolutions, then the mean and the maximum of each map.

    A lesion fills one place in a hundred: the maximum keeps what the mean dilutes.
    """

    last_stride = 2  # of the fourth convolution: the last maps have an eighth of the side

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.body = nn.Sequential(
            block(shape.channels, 12, 2, 5), block(12, 32, 2), block(32, 32, 1),
            block(32, 64, self.last_stride), block(64, 64, 1), block(64, 64, 1),
        )  # fmt: skip
        self.head = nn.Linear(2 * 64, shape.classes)

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


SMALL: Mapping[str, Callable[[Shape], nn.Module]] = {
    "mlp": Mlp,
    "lenet": LeNet,
    "resnet8": ResNet8,
    "vit": SmallViT,
    "unet": UNet,
    "phantom_cnn": PhantomCnn,
    "scene_cnn": SceneCnn,
}

TITLES: Mapping[str, str] = {
    "mlp": "MLP",
    "lenet": "LeNet",
    "resnet8": "ResNet-8",
    "vit": "small ViT",
    "unet": "U-Net",
    "phantom_cnn": "phantom CNN",
    "scene_cnn": "scene CNN",
}


def build(architecture: str, shape: Shape, seed: int | None = None) -> nn.Module:
    """A small network by name, with weights drawn from the seed.

    Args:
        architecture: a key of SMALL.
        shape: what it is built for.
        seed: of its weights; None where they are loaded anyway.

    Raises:
        BadModel: no such architecture, or it cannot be built for the shape.
    """
    if architecture not in SMALL:
        raise BadModel(f"There is no small network {architecture[:60]!r}: {', '.join(SMALL)}.")
    if shape.side < 8:
        raise BadModel(f"Images of {shape.side} pixels are too small for a network: 8 at least.")
    with torch.random.fork_rng(devices=[]):  # torch draws first weights that are replaced below
        network = SMALL[architecture](shape)
    if seed is not None:
        draw(network, torch.Generator().manual_seed(seed))
    return network


@torch.no_grad()
def draw(network: nn.Module, generator: torch.Generator) -> None:
    """New weights in torch's usual distributions, from one generator, in the network's order."""
    done: set[int] = set()
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            reach = 1 / sqrt(prod(module.weight.shape[1:]))
            module.weight.uniform_(-reach, reach, generator=generator)
            if module.bias is not None:
                module.bias.uniform_(-reach, reach, generator=generator)
        elif isinstance(module, nn.BatchNorm2d | nn.LayerNorm):
            module.reset_parameters()
        else:
            continue
        done |= {id(parameter) for parameter in module.parameters()}
    for parameter in network.parameters():
        if id(parameter) not in done:  # a class token, positions
            parameter.normal_(std=0.02, generator=generator)
