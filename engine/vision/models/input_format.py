"""How pixels become what a network was trained on: size, channels, mean and spread.

A file of weights does not say any of it. `with_format` reads a model in another format: a
`Classifier` always takes RGB in [0, 1] and normalizes it, and a network that was trained on other
channels stands behind a `ChannelStep`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from engine.core.errors import BadModel
from engine.vision.models.classifier import Classifier

Channels = Literal["RGB", "BGR", "gray"]
Triple = tuple[float, float, float]

SIDES = (8, 1024)  # px that can be stated
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as in Pillow's convert("L")
WIDEST = 1e3  # of a mean or a spread that is stated; pixels of 0 … 255 have a spread of 1 / 255
UNFIT = (RuntimeError, ValueError, AssertionError, TypeError, IndexError)
"""What a network raises for images of a size or with channels that it cannot take."""

PLAIN: tuple[Triple, Triple] = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
IMAGENET: tuple[Triple, Triple] = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CIFAR10: tuple[Triple, Triple] = ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))
NORMALIZATIONS: Mapping[str, tuple[Triple, Triple]] = MappingProxyType(
    {
        "0 … 1": PLAIN,
        "−1 … 1": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        "ImageNet": IMAGENET,
        "CIFAR-10": CIFAR10,
        "MNIST": ((0.1307, 0.1307, 0.1307), (0.3081, 0.3081, 0.3081)),
        "CLIP": ((0.4815, 0.4578, 0.4082), (0.2686, 0.2613, 0.2758)),
        "0 … 255": ((0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255)),
        "0 … 255 less ImageNet's mean": (IMAGENET[0], (1 / 255, 1 / 255, 1 / 255)),
    }
)
"""Mean and spread in pixels of [0, 1], by what they are called on the page."""


@dataclass(frozen=True)
class InputFormat:
    """What a network takes.

    Args:
        side: px of the square image.
        mean, std: for each channel in the network's own order, in pixels of [0, 1].
        channels: in which order the network takes them; "gray" is one value, in one channel or
            three as the network has them.

    Raises:
        BadModel: no network takes such images.
    """

    side: int
    mean: Triple = PLAIN[0]
    std: Triple = PLAIN[1]
    channels: Channels = "RGB"

    def __post_init__(self) -> None:
        if not SIDES[0] <= self.side <= SIDES[1]:
            raise BadModel(
                f"An image side of {self.side} px cannot be read: state {SIDES[0]} to {SIDES[1]}."
            )
        if len(self.mean) != 3 or len(self.std) != 3:
            raise BadModel("Mean and spread are three numbers each, one for each channel.")
        if not all(abs(value) <= WIDEST for value in self.mean):
            raise BadModel(f"A mean lies within ±{WIDEST:.0f} of pixels in [0, 1].")
        if not all(1 / WIDEST <= value <= WIDEST for value in self.std):
            raise BadModel(f"A spread lies between {1 / WIDEST:g} and {WIDEST:.0f}.")
        if self.channels not in get_args(Channels):
            raise BadModel(f"Channels are RGB, BGR or gray, not {self.channels!r:.20}.")

    @property
    def normalization(self) -> str:
        """What mean and spread are called, or the numbers themselves."""
        for name, (mean, std) in NORMALIZATIONS.items():
            if near(self.mean, mean) and near(self.std, std):
                return name
        return f"mean {numbers_text(self.mean)}, spread {numbers_text(self.std)}"

    @property
    def words(self) -> str:
        """The whole format in one line."""
        return f"{self.side} × {self.side} px, {self.channels}, {self.normalization}"


def near(first: Sequence[float], second: Sequence[float]) -> bool:
    """Whether two rows of numbers are the same to three digits."""
    return all(abs(a - b) <= 1e-3 * max(abs(a), abs(b)) for a, b in zip(first, second, strict=True))


def numbers_text(values: Sequence[float]) -> str:
    """One number where all are the same, else all of them."""
    several = values if len(set(values)) > 1 else values[:1]
    return " ".join(f"{value:.4g}" for value in several)


class ChannelStep(nn.Module):
    """A network that was trained on BGR or gray, as one that takes normalized RGB.

    Args:
        network: takes normalized images (N, channels, side, side) in its own order.
        channels: "BGR" or "gray".
        mean, std: in the network's own order; gray is made before the normalization.
        count: how many channels the network takes.
        architecture: what the network without this step is built from again.
    """

    mean: Tensor
    std: Tensor
    luma: Tensor

    def __init__(
        self,
        network: nn.Module,
        channels: Channels,
        mean: Triple,
        std: Triple,
        count: int,
        architecture: str = "",
    ) -> None:
        super().__init__()
        self.network, self.channels, self.count = network, channels, count
        self.architecture = architecture
        self.stated = InputFormat(SIDES[0], mean, std, channels)
        for name, values in {"mean": mean, "std": std, "luma": LUMA}.items():
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of normalized RGB (N, 3, side, side)."""
        if self.channels == "BGR":
            images = images.flip(1)
        else:
            gray = ((images * self.std + self.mean) * self.luma).sum(1, keepdim=True)
            mean, std = self.mean[:, : self.count], self.std[:, : self.count]
            images = (gray - mean) / std
        logits: Tensor = self.network(images)
        return logits

    def extra_repr(self) -> str:
        return f"{self.channels}, {self.count}"


def input_channels(network: nn.Module) -> int:
    """How many channels a network takes: what it says itself, or what its first convolution has."""
    stated = next((m.input_channels for m in network.modules() if hasattr(m, "input_channels")), 0)
    if isinstance(stated, int) and stated:
        return stated
    first = next((module for module in network.modules() if isinstance(module, nn.Conv2d)), None)
    return 3 if first is None else first.in_channels


def fixed_side(network: nn.Module) -> int | None:
    """The one side that a network takes, as a vision transformer does; None where it takes any."""
    for module in network.modules():
        size = getattr(module, "img_size", None)
        if getattr(module, "strict_img_size", False) and size:
            return int(size[0])
        if side := getattr(module, "fixed_side", None):
            return int(side)
    return None


def suited(network: nn.Module, input_format: InputFormat) -> InputFormat:
    """A format as a network can take it: one channel is gray and has one mean and spread."""
    if input_channels(network) != 1:
        return input_format
    mean, std = (values[:1] * 3 for values in (input_format.mean, input_format.std))
    return InputFormat(input_format.side, triple(mean), triple(std), "gray")


def without_step(network: nn.Module) -> nn.Module:
    """A network as it was trained, without a step before it."""
    return network.network if isinstance(network, ChannelStep) else network


def format_of(model: Classifier) -> InputFormat:
    """The format that a model is read in."""
    if isinstance(step := model.network, ChannelStep):
        return InputFormat(model.side, step.stated.mean, step.stated.std, step.channels)
    mean, std = (triple(values.flatten().tolist()) for values in (model.mean, model.std))
    return InputFormat(model.side, mean, std)


def triple(values: Sequence[float]) -> Triple:
    """Three numbers, rounded to what float32 holds."""
    red, green, blue = (float(f"{value:.7g}") for value in values)
    return red, green, blue


def in_format(
    network: nn.Module, wanted: InputFormat, name: str, title: str, **more: Any
) -> Classifier:
    """A network as a Classifier that is read in a format.

    Args:
        network: as it was trained.
        wanted: a network of one channel takes gray, and the first mean and spread.
        name, title, more: of the Classifier.

    Raises:
        BadModel: the network does not take such images.
    """
    count, wanted = input_channels(network), suited(network, wanted)
    channels, mean, std = wanted.channels, wanted.mean, wanted.std
    if channels != "RGB":
        network = ChannelStep(network, channels, mean, std, count, more.get("architecture", ""))
        more["architecture"] = ""  # a card has no word for it: such a model is not kept
    if channels == "BGR":
        mean, std = (values[::-1] for values in (mean, std))
    try:
        return Classifier(network, name, title, wanted.side, mean, std, **more)
    except UNFIT as error:
        raise BadModel(f"{title} does not take images of {wanted.words}.") from error


def with_format(model: Classifier, input_format: InputFormat) -> Classifier:
    """The same weights read in another format, as a model of its own.

    Raises:
        BadModel: the network does not take such images.
    """
    if suited(model.network, input_format) == format_of(model):
        return model
    network, architecture = model.twin(paced=False).network, model.architecture
    if isinstance(network, ChannelStep):
        architecture, network = network.architecture, network.network
    return in_format(
        network,
        input_format,
        model.name,
        model.title,
        labels=model.labels,
        device=model.device,
        lineage=model.lineage,
        architecture=architecture,
        narrowed=model.narrowed,
        masks=model.masks,
        points=model.points,
    )


def in_format_of(model: Classifier, input_format: InputFormat) -> Classifier:
    """The very network of a model in another format; it shares its weights. Raises BadModel."""
    network = without_step(model.network)
    return in_format(network, input_format, model.name, model.title, device=model.device)
