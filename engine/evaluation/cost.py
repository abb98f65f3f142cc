"""What a pruned model would cost, and what it does cost.

Multiply-adds of a convolution are its weights times the places of its output; of a linear layer its
weights times the rows that it is asked about. Only convolutions and linear layers are counted, for
one image. The theoretical figure counts the weights that stay, wherever they are; hardware that
computes with zeros as with any number saves nothing by it. The realisable figure counts what is
left when silent channels are taken out.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.core.borrow import borrowed
from engine.vision.models.classifier import Classifier
from engine.vision.weights.masks import Masks
from engine.vision.weights.parts import prunable_parts


@dataclass(frozen=True)
class Cost:
    """Weights and multiply-adds before and after.

    Args:
        weights: weights and biases of the whole model, norms included.
        prunable: weights that could be cut.
        kept: of those, what stays.
        dense: multiply-adds for one image.
        theoretical: those of weights that stay.
        realisable: those that are left without silent channels; NaN when not asked for.
    """

    weights: int
    prunable: int
    kept: int
    dense: int
    theoretical: int
    realisable: float = float("nan")

    @property
    def sparsity(self) -> float:
        """The share cut of what could be pruned."""
        return 1 - self.kept / self.prunable

    @property
    def sparsity_of_all(self) -> float:
        """The share cut of all weights and biases."""
        return (self.prunable - self.kept) / self.weights


def weight_uses(model: Classifier) -> dict[str, int]:
    """How often each weight is used for one image, by the weight's name."""
    layer_names = {part.name: part.layer for part in prunable_parts(model)}
    shared = {alias: part.name for part in prunable_parts(model) for alias in part.shared}
    name_of = {layer: name for name, layer in layer_names.items()}
    name_of |= {alias.rpartition(".")[0]: name for alias, name in shared.items()}
    result = dict.fromkeys(layer_names, 0)

    def counting(name: str) -> Any:
        def hook(module: nn.Module, _inputs: Any, output: Tensor) -> None:
            # output places of one image: each uses the whole weight once
            rows = output[0].numel() // output.shape[1 if isinstance(module, nn.Conv2d) else -1]
            # a weight that several layers share, or a layer that is called twice, counts each time
            result[name] += rows

        return hook

    with borrowed(model) as net, ExitStack() as hooks, torch.inference_mode():
        for layer, name in name_of.items():
            module = net.network.get_submodule(layer)
            hooks.callback(module.register_forward_hook(counting(name)).remove)
        net(torch.zeros(1, 3, net.side, net.side, device=net.device))
    return result


def multiply_adds(model: Classifier) -> int:
    """Of convolutions and linear layers, for one image."""
    uses = weight_uses(model)
    return sum(part.size * uses[part.name] for part in prunable_parts(model))


def cost_of(
    model: Classifier,
    masks: Masks,
    uses: Mapping[str, int] | None = None,
    smaller: Classifier | None = None,
) -> Cost:
    """What masks save.

    Args:
        model: before pruning.
        masks: what stays.
        uses: of `weight_uses`, when it is known already: it is the same for all masks.
        smaller: the model without its silent channels, see `shrunk`.
    """
    uses = uses or weight_uses(model)
    dense = sum(part.size * uses[part.name] for part in prunable_parts(model))
    multiplies = np.array([uses[part.name] for part in masks.parts])
    removed_adds = int(
        ((np.array([part.size for part in masks.parts]) - masks.counts) * multiplies).sum()
    )
    weights = sum(parameter.numel() for parameter in model.network.parameters())
    realisable = float("nan") if smaller is None else float(multiply_adds(smaller))
    return Cost(weights, masks.total, masks.kept, dense, dense - removed_adds, realisable)
