"""Several networks of one form as one: their weights stacked, their passes made at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn

from engine.errors import BadModel
from engine.models.borrow import is_lazy
from engine.models.classifier import Classifier
from engine.models.passes import note_pass


class Stack:
    """K networks at once.

    `torch.func.vmap` makes batched matrix products of their linear layers and grouped convolutions
    of their convolutions, and BatchNorm keeps the statistics of each.

    Args:
        models: of one form and normalization; they are not changed.
        masks: for each model, where its weights may differ from 0, by a weight's name; a weight
            without a mask is whole.

    Attributes:
        network: has the weights and buffers of all under the names of one, each (K, *shape). It
            only holds them: its layers cannot be called.

    Raises:
        BadModel: there is none, or they differ in form or normalization.
    """

    def __init__(
        self, models: Sequence[Classifier], masks: Sequence[Mapping[str, Tensor]] = ()
    ) -> None:
        if not models:
            raise BadModel("There is no network to stack.")
        first = models[0]
        if odd := next((one for one in models if form(one) != form(first)), None):
            message = "Networks that are stacked need one form and one normalization: "
            raise BadModel(f"{message}{odd.title} differs from {first.title}.")
        self.device, self.mean, self.std = first.device, first.mean, first.std
        self.single = deepcopy(first.network)
        self.network = deepcopy(first.network).requires_grad_(requires_grad=True)
        states = [dict(one.network.state_dict()) for one in models]
        for name, tensor in self.network.state_dict(keep_vars=True).items():
            tensor.data = torch.stack([state[name] for state in states])
        self.masks = stacked_masks(self.network, masks)
        for name, mask in self.masks.items():
            self.network.get_parameter(name).data *= mask

    def __call__(self, pixels: Tensor) -> Tensor:
        """Logits (K, N, classes) of each network's own pixels (K, N, 3, side, side) in [0, 1]."""
        weights: dict[str, Tensor] = dict(self.network.named_parameters())
        weights |= {name: weights[name] * mask for name, mask in self.masks.items()}
        buffers = dict(self.network.named_buffers())

        def one(weights: dict[str, Tensor], buffers: dict[str, Tensor], images: Tensor) -> Tensor:
            return torch.func.functional_call(self.single, (weights, buffers), (images,))

        logits: Tensor = torch.func.vmap(one)(weights, buffers, (pixels - self.mean) / self.std)
        flat = logits.flatten(0, 1)
        note_pass(flat)
        return flat.view_as(logits)

    def train(self, mode: bool = True) -> None:  # as nn.Module has it
        """Set training or eval mode."""
        self.single.train(mode)

    @torch.no_grad()
    def write_to(self, models: Sequence[Classifier]) -> None:
        """Copy each network's weights into its model, and drop what was cached of the old ones."""
        stacked = self.network.state_dict()
        for place, model in enumerate(models):
            for name, tensor in model.network.state_dict().items():
                tensor.copy_(stacked[name][place])
            for cached in [name for name in vars(model) if is_lazy(model, name)]:
                delattr(model, cached)


def stacked_masks(network: nn.Module, masks: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The masks of all, (K, *shape) each, in the weights' type: 1 where a weight may differ from 0.

    Raises:
        BadModel: a mask is of no weight that is known, or has another shape.
    """
    found = {}
    for name in dict.fromkeys(name for own in masks for name in own):
        weight = dict(network.named_parameters()).get(name)
        if weight is None:
            raise BadModel(f"There is no weight called {name!r} to mask.")
        rows = [own.get(name, torch.ones(weight.shape[1:])).to(weight) for own in masks]
        if odd := [row.shape for row in rows if row.shape != weight.shape[1:]]:
            shapes = f"{tuple(odd[0])}, not {tuple(weight.shape[1:])}"
            raise BadModel(f"The mask of {name} has the shape {shapes}.")
        found[name] = torch.stack(rows)
    return found


def form(model: Classifier) -> tuple[object, ...]:
    """What networks of one stack have in common."""
    shapes = {name: tuple(one.shape) for name, one in model.network.state_dict().items()}
    return type(model.network), shapes, model.mean.tolist(), model.std.tolist(), model.device
