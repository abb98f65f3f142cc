"""How alike two sets of masks are, beside what chance would give, and which weights do nothing."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.core.borrow import borrowed
from engine.core.errors import BlindspotError
from engine.core.result import Table
from engine.sparsity.criteria.synflow import flows, named_tensors, pass_on
from engine.sparsity.masks.rounds import previous_mask
from engine.vision.models.bits import Bits
from engine.vision.models.classifier import Classifier
from engine.vision.weights.masks import Masks


@dataclass(frozen=True)
class Overlap:
    """Two sets of kept weights, A and B.

    Args:
        iou: |A ∧ B| ÷ |A ∨ B|.
        chance: what independent masks of the same density in each layer would give,
            with counts expected: Σ d_A d_B n ÷ Σ (d_A + d_B − d_A d_B) n.
        both, only_first, only_second: how many weights.
        ratio_distance: half the sum over layers of the difference between the shares of all kept
            weights that lie there; 0 when both keep the same number in every layer.
        layers: the same IoU and chance for each part, (parts, 2).
    """

    iou: float
    chance: float
    both: int
    only_first: int
    only_second: int
    ratio_distance: float
    layers: tuple[tuple[float, float], ...]


def overlap(first: Masks, other: Masks, earlier: Masks | None = None) -> Overlap:
    """Compare two sets of masks over the same parts.

    Args:
        first, other: what each keeps.
        earlier: what an earlier round left; chance then chooses among that only, as both had to.

    Raises:
        BlindspotError: they are of other parts.
    """
    if [p.name for p in first.parts] != [p.name for p in other.parts]:
        raise BlindspotError("These masks are of different layers and cannot be compared.")
    intersection = np.array(
        [np.count_nonzero(first.array(p.name) & other.array(p.name)) for p in first.parts], np.int64
    )
    sizes = room(first, other, earlier)
    union_counts = first.counts + other.counts - intersection
    a, b = first.counts / sizes, other.counts / sizes
    # of independent masks: |A ∧ B| = d_A d_B n, and |A ∨ B| by inclusion and exclusion
    expected, union = a * b * sizes, (a + b - a * b) * sizes
    shares = first.counts / max(first.kept, 1), other.counts / max(other.kept, 1)
    layers = tuple(
        (ratio(x, y), ratio(u, v))
        for x, y, u, v in zip(intersection, union_counts, expected, union, strict=True)
    )
    return Overlap(
        ratio(intersection.sum(), union_counts.sum()),
        ratio(expected.sum(), union.sum()),
        int(intersection.sum()),
        int(first.kept - intersection.sum()),
        int(other.kept - intersection.sum()),
        float(np.abs(shares[0] - shares[1]).sum() / 2),
        layers,
    )


def overlaps(masks: Mapping[str, Masks], earlier: Masks | None = None) -> dict[str, Table]:
    """IoU and chance of every two sets of masks over the same parts, as in `overlap`.

    Args:
        masks: by name; they need not keep equally many weights.
        earlier: what an earlier round left.

    Returns:
        Tables "IoU" and "chance", a row and a column for each name; chance of one with itself is 1.
    """
    names = tuple(masks)
    cells = {"IoU": np.eye(len(names)), "chance": np.eye(len(names))}
    for (i, first), (j, second) in combinations(enumerate(masks.values()), 2):
        result = overlap(first, second, earlier)
        cells["IoU"][i, j] = cells["IoU"][j, i] = result.iou
        cells["chance"][i, j] = cells["chance"][j, i] = result.chance
    units = ("share",) * len(names)
    return {name: Table.grid(values, names, names, units) for name, values in cells.items()}


def room(first: Masks, other: Masks, earlier: Masks | None) -> NDArray[np.float64]:
    """Of each part how many weights could have been kept."""
    part_sizes = np.array([p.size for p in first.parts], np.float64)
    if earlier is None:
        return part_sizes
    earlier_masks = [previous_mask(earlier, part) for part in first.parts]
    row = np.concatenate([bits.ravel() for bits in earlier_masks])
    if np.any((first.flat | other.flat) & ~row):
        return part_sizes  # one of them was not bound by that round
    return np.array([max(np.count_nonzero(bits), 1) for bits in earlier_masks], np.float64)


def ratio(part: float, whole: float) -> float:
    """One by the other; two empty sets are alike."""
    return float(part / whole) if whole else 1.0


class Reachability(torch.autograd.Function):
    """1 where anything arrives, on the way forward and on the way back."""

    @staticmethod
    def forward(_ctx: Any, values: Tensor) -> Tensor:
        """Where anything comes from the image."""
        # counts of paths would grow by the fan-in at every layer and overflow float32
        return (values > 0).to(values.dtype)

    @staticmethod
    def backward(_ctx: Any, values: Tensor) -> Tensor:
        """Where anything comes back from the logits."""
        return (values > 0).to(values.dtype)


def arrived(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
    """A layer's output, 1 where it is above 0."""
    reached: Tensor = Reachability.apply(output)  # type: ignore[no-untyped-call]  # torch's own
    return reached


def effective(model: Classifier, masks: Masks) -> Masks | None:
    """The weights that stay and lie on a way from the image to a logit.

    A weight whose filter nobody reads, or that reads a channel nobody makes, does nothing. Ones
    enter a network whose kept weights are all 1, and after every layer whatever has arrived is 1
    again; the same on the way back. Biases, which can make a channel speak without any weight, are
    left out. None for networks through which ones cannot flow (with attention or LayerNorm).
    """
    if not flows(model):
        return None
    with borrowed(model) as net, torch.enable_grad(), ExitStack() as hooks:
        pass_on(net.network)
        # the weights' own values and signs would let paths cancel that are there
        tensors = {name: neutral(name, tensor) for name, tensor in named_tensors(net.network)}
        mask_tensors = {p.name: masks[p.name].to(net.device).float() for p in masks.parts}
        tensors |= {name: mask.requires_grad_() for name, mask in mask_tensors.items()}
        for module in net.network.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                hook = module.register_forward_hook(arrived)
                hooks.callback(hook.remove)
        inputs = torch.ones(1, 3, net.side, net.side, device=net.device)
        logits = torch.func.functional_call(net.network, tensors, (inputs,))
        slopes = torch.autograd.grad(logits.sum(), list(mask_tensors.values()), allow_unused=True)
    rows: list[Bits] = [
        np.zeros(mask.numel(), np.bool_) if slope is None else (slope > 0).cpu().numpy().ravel()
        for mask, slope in zip(mask_tensors.values(), slopes, strict=True)
    ]
    # & flat: a cut weight gets a slope as well where both of its ends are reached
    return Masks(masks.parts, np.concatenate(rows) & masks.flat, masks.silent, masks.notes)


def neutral(name: str, tensor: Tensor) -> Tensor:
    """1 for what multiplies, 0 for what is added."""
    if not tensor.is_floating_point():
        return tensor
    added = name.endswith(("bias", "running_mean"))
    return torch.zeros_like(tensor) if added else torch.ones_like(tensor)
