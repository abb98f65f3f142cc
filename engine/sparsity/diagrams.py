"""What the drawings of masks are drawn from: small arrays, already counted and ordered.

Every function is one or two passes over the masks, so that all drawings of a network with millions
of weights follow a slider.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from engine.errors import BadSetting, DoesNotFit
from engine.models.bits import Bits
from engine.models.borrow import borrowed
from engine.models.classifier import Classifier
from engine.models.layers import capturing
from engine.models.small import Shape
from engine.result import Array, Floats
from engine.sparsity.masks import Masks
from engine.sparsity.parts import Part
from engine.sparsity.units import along_inputs, fits_pattern

HIGH, WIDE = 64, 256  # cells of a strip at most
WALL = 32  # tiles along a side of a wall at most
BINS = 81  # of a histogram; odd, so that zero has a bin of its own


@dataclass(frozen=True, eq=False)
class Strip:
    """A layer at a glance.

    Args:
        part: the layer's weight, seen as filters × everything a filter reads.
        density: share that stays in each cell, (≤ 64, ≤ 256).
        dead: whether every filter in a row of cells is dead, (≤ 64,).
    """

    part: Part
    density: Floats
    dead: Bits


def strips(masks: Masks, high: int = HIGH, wide: int = WIDE) -> tuple[Strip, ...]:
    """One strip for each layer."""
    found = []
    for part in masks.parts:
        rows = masks.array(part.name).reshape(part.filters, -1)
        counts, each = raster(rows, high, wide)
        dead = np.add.reduce(counts, 1) == 0
        found.append(Strip(part, (counts / each).astype(np.float32), dead))
    return tuple(found)


def raster(rows: Bits, high: int, wide: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many are True in each cell of a coarser grid, and how many there are, (h, w) both."""
    tops = edges(rows.shape[0], high)
    lefts = edges(rows.shape[1], wide)
    across = rows.view(np.uint8)
    if len(lefts) < rows.shape[1]:
        across = np.add.reduceat(across, lefts, axis=1, dtype=np.int32)
    cells = np.add.reduceat(across, tops, axis=0, dtype=np.int64)
    tall = np.diff([*tops, rows.shape[0]])
    broad = np.diff([*lefts, rows.shape[1]])
    return cells, np.outer(tall, broad)


def edges(size: int, most: int) -> NDArray[np.int64]:
    """Where the cells along a side begin: one for each place, or `most` of about equal width."""
    count = min(size, most)
    return np.arange(count) * size // count


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
    weight = weights(model, name)
    counts = bits.reshape(part.filters, -1).sum(1)
    order = np.argsort(-counts, kind="stable")
    chosen = order[top : top + side]
    across = np.arange(part.shape[1])[left : left + side]
    shape = (part.shape[0], part.shape[1], *(part.shape[2:] or (1, 1)))
    kernels = weight.reshape(shape)[np.ix_(chosen, across)].copy()
    kernels[~bits.reshape(shape)[np.ix_(chosen, across)]] = np.nan
    limit = float(np.abs(weight).max())
    return Wall(kernels, chosen, across, counts[chosen], limit, (part.shape[0], part.shape[1]))


def weights(model: Classifier, name: str) -> Floats:
    """A weight as an array; shared with the model where it lies on the CPU, so only to read."""
    values: Floats = model.network.get_parameter(name).detach().cpu().numpy()
    return values


def activation(model: Classifier, image: torch.Tensor, layer: str, place: int) -> Floats:
    """What one filter makes of an image (3, side, side): (h, w), or (1, 1) of a linear layer."""
    with (
        borrowed(model) as net,
        torch.inference_mode(),
        capturing(net.network.get_submodule(layer)) as seen,
    ):
        net(image[None].to(net.device))
    values = seen[0][0]
    if values.dim() == 3:
        made = values[place]
    elif values.dim() == 1:
        made = values[place].reshape(1, 1)
    else:  # tokens
        made = values[..., place].reshape(1, -1)
    return np.array(made.float().cpu().numpy())


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
    kept = masks.array(first.name).sum(0, dtype=np.int64)
    if first.is_conv:
        return FoldedBack(kept, first.filters, pixels=False)
    shape = getattr(model.network, "shape", None)
    channels = shape.channels if isinstance(shape, Shape) else 3
    if kept.size != channels * model.side**2:
        raise DoesNotFit("The first layer does not read the image's pixels one by one.")
    return FoldedBack(kept.reshape(channels, model.side, model.side), first.filters, pixels=True)


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
    lined = along_inputs(masks.array(name)).reshape(-1, part.shape[1] // m, m)
    whole = lined.reshape(part.filters, -1, m)
    counts = whole.sum(2, dtype=np.int64)
    return Groups(whole[:rows, :wide], counts[:rows, :wide], bool((counts == n).all()))


@dataclass(frozen=True, eq=False)
class Histogram:
    """A layer's weights, those that stay and those that are cut, in bins of equal width.

    Args:
        edges: (bins + 1,).
        kept, cut: how many, (bins,).
        below, above: the largest size that was cut, and the smallest that stays; NaN when there is
            none. With magnitude the cut lies between the two.
    """

    edges: Floats
    kept: NDArray[np.int64]
    cut: NDArray[np.int64]
    below: float
    above: float


def histogram(model: Classifier, masks: Masks, name: str, bins: int = BINS) -> Histogram:
    """The weights of a layer before pruning; give the dense model."""
    values, bits = weights(model, name).ravel(), masks.array(name).ravel()
    limit = float(np.abs(values).max()) or 1.0
    places = np.clip(((values / limit + 1) / 2 * bins).astype(np.int64), 0, bins - 1)
    sizes = np.abs(values)
    return Histogram(
        np.linspace(-limit, limit, bins + 1).astype(np.float32),
        np.bincount(places[bits], minlength=bins),
        np.bincount(places[~bits], minlength=bins),
        float(sizes[~bits].max()) if not bits.all() else float("nan"),
        float(sizes[bits].min()) if bits.any() else float("nan"),
    )


@dataclass(frozen=True, eq=False)
class Difference:
    """Two masks of one layer: shares of each cell that stay in the first only, the second, both."""

    part: Part
    first: Floats  # (h, w)
    second: Floats
    both: Floats


def difference(
    one: Masks, other: Masks, name: str, high: int = HIGH, wide: int = WIDE
) -> Difference:
    """Where two choices of weights differ."""
    part = one.part(name)
    if name not in other.starts:
        raise BadSetting(f"{part.layer} is not among the layers of both masks.")
    a, b = (masks.array(name).reshape(part.filters, -1) for masks in (one, other))
    both, each = raster(a & b, high, wide)
    only_a, _ = raster(a & ~b, high, wide)
    only_b, _ = raster(b & ~a, high, wide)
    shares: list[Array] = [(cells / each).astype(np.float32) for cells in (only_a, only_b, both)]
    return Difference(part, *shares)
