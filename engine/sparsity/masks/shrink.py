"""Channels taken out of a network for good: fewer weights, fewer multiply-adds, less time.

A channel goes when it is silent, which means that every weight that makes it, its bias and its
BatchNorm's scale and shift are exactly 0; or when it is unread, which means that every weight that
reads it is 0. Either way the logits stay what they were. What cannot be followed stays whole (see
`channels`), so that a network with attention keeps its size.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.sparsity.masks.channels import Channels, channels_of
from engine.vision.models.bits import Bits
from engine.vision.models.classifier import Classifier
from engine.vision.models.rebuild import resize

Whole = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Shrunk:
    """A model without its silent and unread channels.

    Args:
        model: the smaller classifier.
        before, after: weights and biases in all.
        taken: for each layer that lost any, how many channels it makes no more.
    """

    model: Classifier
    before: int
    after: int
    taken: Mapping[str, int]

    @property
    def words(self) -> str:
        """What came of it, in a sentence."""
        if not self.taken:
            return (
                "Nothing can be taken out: no channel is silent wherever it goes. Cut whole "
                "groups to make the network smaller."
            )
        return (
            f"{sum(self.taken.values())} channels of {len(self.taken)} layers are gone, and "
            f"{self.before - self.after:,} of {self.before:,} weights with them."
        )


def shrunk(model: Classifier, channels: Channels | None = None) -> Shrunk:
    """A smaller copy of a pruned model with the same logits; the model stays as it is.

    Args:
        model: pruned, with its zeros in place.
        channels: the way of its channels, followed anew when left out.
    """
    channels = channels or channels_of(model)
    twin = model.twin()
    state = twin.network.state_dict()
    stay = remaining(state, channels)
    rows = {name: stay[ids] for name, ids in channels.rows.items()}
    columns = {name: stay[ids] for name, ids in channels.columns.items()}
    attached = {name: stay[ids] for name, ids in channels.attached.items()}
    smaller: dict[str, Tensor] = {}
    for name, tensor in state.items():
        reduced = tensor
        for dim, bits in ((0, rows.get(name, attached.get(name))), (1, columns.get(name))):
            if bits is not None:
                where = torch.from_numpy(np.flatnonzero(bits)).to(reduced.device)
                reduced = reduced.index_select(dim, where)
        smaller[name] = reduced
    resize(twin.network, {name: tuple(tensor.shape) for name, tensor in smaller.items()})
    twin.network.load_state_dict({name: tensor.clone() for name, tensor in smaller.items()})
    taken = {
        name.rpartition(".")[0]: int((~bits).sum()) for name, bits in rows.items() if not bits.all()
    }
    compact = Classifier(
        twin.network,
        twin.name,
        twin.title,
        twin.side,
        twin.mean.flatten().tolist(),
        twin.std.flatten().tolist(),
        twin.labels,
        device=twin.device,
        lineage=twin.lineage,
        architecture=twin.architecture,
        narrowed=True,
    )
    if not taken:
        compact.narrowed = twin.narrowed
    return Shrunk(compact, count(model.network), count(compact.network), taken)


def remaining(state: Mapping[str, Tensor], channels: Channels) -> Whole:
    """By the channel's number, whether it stays. Each layer keeps one at least."""
    root, size = channels.root, len(channels.root)
    silent, unread = np.ones(size, np.bool_), np.zeros(size, np.bool_)
    for name, ids in channels.rows.items():
        alive = nonzero(state[name]).reshape(len(ids), -1).any(1)
        silent[root[ids[alive]]] = False
    for name, ids in channels.attached.items():
        # statistics alone make no channel speak: with scale and shift 0 the norm's output is 0
        if not name.endswith(("running_mean", "running_var")):
            silent[root[ids[nonzero(state[name])]]] = False
    for ids in channels.columns.values():
        unread[root[ids]] = True  # somebody could read it
    for name, ids in channels.columns.items():
        reads = np.moveaxis(nonzero(state[name]), 1, 0).reshape(len(ids), -1).any(1)
        unread[root[ids[reads]]] = False
    # either is enough: what is always 0 adds nothing, and what nobody reads changes nothing
    is_removed = (silent | unread)[root] & (root != root[0])
    for space in channels.spaces:
        numbers = channels.rows[space.makers[0]][space.rows[space.makers[0]]]
        everywhere = channels.rows[space.makers[0]]
        if is_removed[everywhere].all():  # a layer without channels is none
            is_removed[root == root[numbers[0]]] = False
    return ~is_removed


def nonzero(tensor: Tensor) -> Bits:
    """Where it is not 0."""
    return tensor.detach().cpu().numpy() != 0


def count(network: nn.Module) -> int:
    """Weights and biases."""
    return sum(parameter.numel() for parameter in network.parameters())
