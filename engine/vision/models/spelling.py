"""The same network under the names that other people's code gives to its parts.

Repositories that train ResNets and VGGs on CIFAR call the last layer `linear` or `fc`, a shortcut
`shortcut` or `downsample`, and some keep the normalization inside (`normalize.mean`). Weights are
matched with a network by names, so the names are brought into torchvision's form first.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from engine.vision.models.small import NetworkShape, build
from engine.vision.models.small.cifar import CIFAR

RENAMED = ((re.compile(r"^linear\."), "fc."), (re.compile(r"\.shortcut\."), ".downsample."))
NORMALIZE = "normalize."  # a first layer with the mean and spread of the channels
COUNTER = "num_batches_tracked"
SIDE = 32  # of the images that these networks are for


@dataclass(frozen=True, eq=False)
class NamedWeights:
    """Weights under torchvision's names, and the normalization that stood among them.

    Args:
        state: tensors by name.
        mean, std: of each channel, on pixels in [0, 1]; None where the file has none.
    """

    state: Mapping[str, Tensor]
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None


def respelled(state: Mapping[str, Tensor]) -> NamedWeights:
    """A file's weights under the names that `small.cifar` uses.

    Counters of batches are added where an old file lacks them, since they play no part in answers.
    """
    named: dict[str, Tensor] = {}
    for name, tensor in state.items():
        spelling = name
        for pattern, replacement in RENAMED:
            spelling = pattern.sub(replacement, spelling)
        named[spelling] = tensor
    mean, std = (channels(named.pop(f"{NORMALIZE}{part}", None)) for part in ("mean", "std"))
    for name in [name for name in named if name.endswith("running_mean")]:
        named.setdefault(name.replace("running_mean", COUNTER), torch.tensor(0))
    if mean is None or std is None or min(std) <= 0:
        return NamedWeights(named)
    return NamedWeights(named, mean, std)


def channels(tensor: Tensor | None) -> tuple[float, ...] | None:
    """One number for each of three channels; None for anything else."""
    if tensor is None or tensor.numel() not in {1, 3} or not torch.isfinite(tensor).all():
        return None
    return tuple(float(value) for value in tensor.flatten().expand(3))


def fitting_networks(state: Mapping[str, Tensor]) -> tuple[str, ...]:
    """The CIFAR networks whose weights have exactly these names and shapes.

    Two that differ in pooling alone fit the same file, and only their accuracy tells them apart.

    Args:
        state: weights as `respelled` gives them.
    """
    shape = network_shape(state)
    if shape is None:
        return ()
    results = {name: tuple(tensor.shape) for name, tensor in state.items()}
    return tuple(name for name in CIFAR if results == shapes_of(name, shape))


def network_shape(state: Mapping[str, Tensor]) -> NetworkShape | None:
    """Channels and classes by the first convolution and the last linear layer; None if unlike."""
    first = next((t for name, t in state.items() if name.endswith("weight") and t.ndim == 4), None)
    linear = [t for name, t in state.items() if name.endswith("weight") and t.ndim == 2]
    if first is None or not linear or first.shape[1] not in {1, 3}:
        return None
    return NetworkShape(int(first.shape[1]), SIDE, len(linear[-1]))


@cache
def shapes_of(name: str, shape: NetworkShape) -> dict[str, tuple[int, ...]]:
    """The shapes of a network's weights, without making them."""
    with torch.device("meta"):
        return {key: tuple(t.shape) for key, t in build(name, shape).state_dict().items()}
