"""What is left of what a layer reads: pixel by pixel, and in groups along its inputs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import DoesNotFit
from engine.sparsity.masks.units import along_inputs, fits_pattern
from engine.vision.models.bits import Bits
from engine.vision.models.classifier import Classifier
from engine.vision.models.small import NetworkShape
from engine.vision.weights.masks import Masks


@dataclass(frozen=True, eq=False)
class FoldedBack:
    """What the first layer still reads.

    Args:
        kept: how many connections stay: for each input pixel (channels, side, side) of a linear
            first layer, for each place of the kernel (channels, h, w) of a convolution.
        most: how many there were for each.
        pixels: whether it is of pixels.
    """

    kept: NDArray[np.int64]
    most: int
    pixels: bool


def folded_back(model: Classifier, masks: Masks) -> FoldedBack:
    """The first layer's masks in the image's own form. Raises DoesNotFit when it was left out."""
    first = next((part for part in masks.parts if part.role == "first"), None)
    if first is None:
        raise DoesNotFit("The first layer is not among those that were pruned.")
    counts = masks.array(first.name).sum(0, dtype=np.int64)
    if first.is_conv:
        return FoldedBack(counts, first.filters, pixels=False)
    shape = getattr(model.network, "shape", None)
    channels = shape.channels if isinstance(shape, NetworkShape) else 3
    if counts.size != channels * model.side**2:
        raise DoesNotFit("The first layer does not read the image's pixels one by one.")
    return FoldedBack(counts.reshape(channels, model.side, model.side), first.filters, pixels=True)


@dataclass(frozen=True, eq=False)
class Groups:
    """A layer's weights in groups of m along its inputs.

    Args:
        bits: what stays, (rows, groups, m).
        counts: how many stay in each group, (rows, groups).
        exact: whether every group of the whole layer keeps exactly n.
    """

    bits: Bits
    counts: NDArray[np.int64]
    exact: bool


def groups(masks: Masks, name: str, n: int, m: int, rows: int = 32, wide: int = 16) -> Groups:
    """The first groups of a layer. Raises DoesNotFit when its inputs cannot be parted."""
    part = masks.part(name)
    if not fits_pattern(part, m):
        raise DoesNotFit(f"{part.layer} has inputs that cannot be parted into groups of {m}.")
    grouped = along_inputs(masks.array(name)).reshape(part.filters, -1, m)
    counts = grouped.sum(2, dtype=np.int64)
    return Groups(grouped[:rows, :wide], counts[:rows, :wide], bool((counts == n).all()))
