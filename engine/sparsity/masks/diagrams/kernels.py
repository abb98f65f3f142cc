"""A layer's kernels: as tiles, by the patterns that stay, and what one makes of an image."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from engine.core.borrow import borrowed
from engine.core.errors import DoesNotFit
from engine.core.result import Floats
from engine.sparsity.masks.diagrams.values import weight_values
from engine.vision.models.bits import Bits
from engine.vision.models.classifier import Classifier
from engine.vision.models.layers import capturing
from engine.vision.weights.masks import Masks

WALL = 32  # tiles along a side of a wall at most


@dataclass(frozen=True, eq=False)
class Wall:
    """A layer's kernels as tiles: filters down, input channels across.

    Args:
        kernels: the weights that stay, (filters, channels, h, w); NaN where one is cut.
        filters, channels: which ones these are.
        kept: how many weights of each filter stay, of all its channels.
        limit: the largest size of any weight of the layer: both ends of the color scale.
        total: filters and channels of the whole layer.
    """

    kernels: Floats
    filters: NDArray[np.int64]
    channels: NDArray[np.int64]
    kept: NDArray[np.int64]
    limit: float
    total: tuple[int, int]


def wall(
    model: Classifier, masks: Masks, name: str, top: int = 0, left: int = 0, side: int = WALL
) -> Wall:
    """Some kernels of a layer, the filters of which most stays first.

    Args:
        model: whose weights these are; pruned or not.
        masks: what stays.
        name: of the weight; a linear layer has kernels of one weight.
        top, left: the first filter in that order, and the first channel.
        side: tiles along a side.
    """
    part, bits = masks.part(name), masks.array(name)
    weight = weight_values(model, name)
    counts = bits.reshape(part.filters, -1).sum(1)
    order = np.argsort(-counts, kind="stable")
    chosen = order[top : top + side]
    across = np.arange(part.shape[1])[left : left + side]
    shape = (part.shape[0], part.shape[1], *(part.shape[2:] or (1, 1)))
    kernels = weight.reshape(shape)[np.ix_(chosen, across)].copy()
    kernels[~bits.reshape(shape)[np.ix_(chosen, across)]] = np.nan
    limit = float(np.abs(weight).max())
    return Wall(kernels, chosen, across, counts[chosen], limit, (part.shape[0], part.shape[1]))


def activation(model: Classifier, image: torch.Tensor, layer: str, place: int) -> Floats:
    """What one filter makes of an image (3, side, side): (h, w), or (1, 1) of a linear layer."""
    with (
        borrowed(model) as net,
        torch.inference_mode(),
        capturing(net.network.get_submodule(layer)) as captures,
    ):
        net(image[None].to(net.device))
    values = captures[0][0]
    if values.dim() == 3:
        response = values[place]
    elif values.dim() == 1:
        response = values[place].reshape(1, 1)
    else:  # tokens
        response = values[..., place].reshape(1, -1)
    return np.array(response.float().cpu().numpy())


@dataclass(frozen=True, eq=False)
class Patterns:
    """Which of the 512 patterns of a 3 × 3 kernel come how often.

    Args:
        bits: the most frequent ones, most frequent first, (n, 3, 3).
        shares: of all kernels, (n,).
        kernels: how many there are.
        different: how many patterns occur at all.
    """

    bits: Bits
    shares: Floats
    kernels: int
    different: int


def patterns(masks: Masks, names: Sequence[str] = (), most: int = 16) -> Patterns:
    """The most frequent patterns of some layers, or of all that have 3 × 3 kernels.

    Raises:
        DoesNotFit: none of them has.
    """
    chosen = [
        part
        for part in masks.parts
        if part.shape[2:] == (3, 3) and (not names or part.name in names)
    ]
    if not chosen:
        raise DoesNotFit("No layer here has kernels of 3 × 3, whose patterns could be counted.")
    counts = np.zeros(512, np.int64)
    value = 1 << np.arange(9)
    for part in chosen:
        codes = masks.array(part.name).reshape(-1, 9) @ value
        counts += np.bincount(codes, minlength=512)
    order = np.argsort(-counts, kind="stable")[:most]
    order = order[counts[order] > 0]
    bits = (order[:, None] & value) > 0
    total = int(counts.sum())
    return Patterns(
        bits.reshape(-1, 3, 3),
        (counts[order] / total).astype(np.float32),
        total,
        int(np.count_nonzero(counts)),
    )
