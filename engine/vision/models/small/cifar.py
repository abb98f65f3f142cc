"""ResNets and VGGs for images of 32 px, as papers on unlearning and pruning use them on CIFAR.

They differ from the networks of the same names in timm: the first convolution is 3 × 3 with stride
1 and nothing is pooled after it. Modules carry torchvision's names; `spelling` maps the others.

- `cifar_resnet18` to `cifar_resnet50`: He et al. 2016 (https://arxiv.org/abs/1512.03385), table 1,
  with the first layer of section 4.2.
- `cifar_resnet20` to `cifar_resnet110`: section 4.2, shortcuts without weights (option A);
  with `_projected`, 1 × 1 convolutions (option B).
- `cifar_vgg11_bn` to `cifar_vgg19_bn`: Simonyan and Zisserman 2015
  (https://arxiv.org/abs/1409.1556), five poolings and one linear layer. `_lth` leaves the last
  pooling out, as networks of lottery-ticket papers do, and `_mlp` ends in three linear layers
  after an average over 2 × 2 places, its convolutions without biases.
"""

from collections.abc import Callable, Mapping
from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F

from engine.vision.models.small.shape import NetworkShape, enter

VGG_CHANNELS: Mapping[int, tuple[tuple[int, ...], ...]] = {  # between two poolings
    11: ((64,), (128,), (256, 256), (512, 512), (512, 512)),
    13: ((64, 64), (128, 128), (256, 256), (512, 512), (512, 512)),
    16: ((64, 64), (128, 128), (256,) * 3, (512,) * 3, (512,) * 3),
    19: ((64, 64), (128, 128), (256,) * 4, (512,) * 4, (512,) * 4),
}
HIDDEN = 256  # units of each hidden layer of `_mlp`


class BasicBlock(nn.Module):
    """Two 3 × 3 convolutions beside a shortcut."""

    expansion = 1

    def __init__(self, inputs: int, planes: int, stride: int, *, projected: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = shortcut(inputs, planes, stride, projected=projected)

    def forward(self, maps: Tensor) -> Tensor:
        """(N, inputs, H, W) → (N, planes, H / stride, W / stride)."""
        hidden = F.relu(self.bn1(self.conv1(maps)))
        return F.relu(self.bn2(self.conv2(hidden)) + self.downsample(maps))


class BottleneckBlock(nn.Module):
    """1 × 1, 3 × 3 and 1 × 1 convolutions beside a shortcut; four times as many maps leave it."""

    expansion = 4

    def __init__(self, inputs: int, planes: int, stride: int, *, projected: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, planes * self.expansion, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(planes * self.expansion)
        self.downsample = shortcut(inputs, planes * self.expansion, stride, projected=projected)

    def forward(self, maps: Tensor) -> Tensor:
        """(N, inputs, H, W) → (N, 4 · planes, H / stride, W / stride)."""
        hidden = F.relu(self.bn1(self.conv1(maps)))
        hidden = F.relu(self.bn2(self.conv2(hidden)))
        return F.relu(self.bn3(self.conv3(hidden)) + self.downsample(maps))


Block = type[BasicBlock] | type[BottleneckBlock]


class PaddedShortcut(nn.Module):
    """Every second place, and zeros for the maps that are added: option A of the paper."""

    def __init__(self, added: int) -> None:
        super().__init__()
        self.before = added // 2
        self.after = added - self.before

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) → (N, C + added, H / 2, W / 2), half of the zeros on either side."""
        return F.pad(maps[:, :, ::2, ::2], (0, 0, 0, 0, self.before, self.after))


def shortcut(inputs: int, outputs: int, stride: int, *, projected: bool) -> nn.Module:
    """What the block's input passes through to be added to its output."""
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    if not projected:
        return PaddedShortcut(outputs - inputs)
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


class CifarResNet(nn.Module):
    """A ResNet that keeps the full size through its first stage."""

    def __init__(
        self,
        shape: NetworkShape,
        block: Block,
        depths: tuple[int, ...],
        planes: int,
        *,
        projected: bool = True,
    ) -> None:
        super().__init__()
        self.shape = shape
        inputs = first = shape.wide(planes)
        self.conv1 = nn.Conv2d(shape.channels, inputs, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(inputs)
        self.stages = [f"layer{number}" for number in range(1, len(depths) + 1)]
        for number, (name, depth) in enumerate(zip(self.stages, depths, strict=True)):
            stage = nn.Sequential()
            for index in range(depth):
                stride = 2 if number and not index else 1
                stage.append(block(inputs, first * 2**number, stride, projected=projected))
                inputs = first * 2**number * block.expansion
            self.add_module(name, stage)
        self.fc = nn.Linear(inputs, shape.classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes)."""
        maps = F.relu(self.bn1(self.conv1(enter(images, self.shape))))
        for name in self.stages:
            maps = self.get_submodule(name)(maps)
        return self.fc(F.adaptive_avg_pool2d(maps, 1).flatten(1))


class CifarVgg(nn.Module):
    """A VGG with batch normalization."""

    def __init__(
        self, shape: NetworkShape, depth: int, *, last_pooling: bool = True, mlp: bool = False
    ) -> None:
        super().__init__()
        self.shape, self.places = shape, 2 if mlp else 1
        self.features = nn.Sequential()
        inputs = shape.channels
        for number, group in enumerate(VGG_CHANNELS[depth]):
            for channels in map(shape.wide, group):
                self.features.append(nn.Conv2d(inputs, channels, 3, padding=1, bias=not mlp))
                self.features.append(nn.BatchNorm2d(channels))
                self.features.append(nn.ReLU())
                inputs = channels
            if last_pooling or number + 1 < len(VGG_CHANNELS[depth]):
                self.features.append(nn.MaxPool2d(2))
        units = inputs * self.places**2
        self.classifier: nn.Module = nn.Linear(units, shape.classes)
        if mlp:
            self.classifier = nn.Sequential(
                nn.Linear(units, HIDDEN),
                nn.ReLU(),
                nn.Linear(HIDDEN, HIDDEN),
                nn.ReLU(),
                nn.Linear(HIDDEN, shape.classes),
            )

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes)."""
        maps = self.features(enter(images, self.shape))
        return self.classifier(F.adaptive_avg_pool2d(maps, self.places).flatten(1))


def resnets() -> dict[str, Callable[[NetworkShape], nn.Module]]:
    """The ResNets by name."""
    named: dict[str, Callable[[NetworkShape], nn.Module]] = {
        "cifar_resnet18": partial(CifarResNet, block=BasicBlock, depths=(2, 2, 2, 2), planes=64),
        "cifar_resnet34": partial(CifarResNet, block=BasicBlock, depths=(3, 4, 6, 3), planes=64),
        "cifar_resnet50": partial(
            CifarResNet, block=BottleneckBlock, depths=(3, 4, 6, 3), planes=64
        ),
    }
    for layers in (20, 32, 44, 56, 110):
        depths = ((layers - 2) // 6,) * 3
        for suffix, projected in {"": False, "_projected": True}.items():
            named[f"cifar_resnet{layers}{suffix}"] = partial(
                CifarResNet, block=BasicBlock, depths=depths, planes=16, projected=projected
            )
    return named


def vggs() -> dict[str, Callable[[NetworkShape], nn.Module]]:
    named: dict[str, Callable[[NetworkShape], nn.Module]] = {}
    for depth in VGG_CHANNELS:
        named[f"cifar_vgg{depth}_bn"] = partial(CifarVgg, depth=depth)
        named[f"cifar_vgg{depth}_bn_lth"] = partial(CifarVgg, depth=depth, last_pooling=False)
        named[f"cifar_vgg{depth}_bn_mlp"] = partial(
            CifarVgg, depth=depth, last_pooling=False, mlp=True
        )
    return named


CIFAR: Mapping[str, Callable[[NetworkShape], nn.Module]] = {**resnets(), **vggs()}


def cifar_title(name: str) -> str:
    """A name as a person writes it: "CIFAR ResNet-18"."""
    kind, _, variant = name.removeprefix("cifar_").partition("_")
    word = kind.replace("resnet", "ResNet-").replace("vgg", "VGG-")
    extra = variant.replace("bn", "").strip("_")
    return f"CIFAR {word}" + (f" ({extra})" if extra else "")
