"""First weights, from one generator."""

from math import prod, sqrt

import torch
from torch import nn


@torch.no_grad()
def init_weights(network: nn.Module, generator: torch.Generator) -> None:
    """New weights in torch's usual distributions, from one generator, in the network's order.

    A network without normalization may have a `spread`, by which those of convolutions are wider.
    """
    spread = getattr(network, "spread", 1.0)
    done: set[int] = set()
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            # torch's Kaiming uniform with a = √5 comes to 1 / √fan-in, for weights and biases alike
            reach = 1 / sqrt(prod(module.weight.shape[1:]))
            wide = spread * reach if isinstance(module, nn.Conv2d) else reach
            module.weight.uniform_(-wide, wide, generator=generator)
            if module.bias is not None:
                module.bias.uniform_(-reach, reach, generator=generator)
        elif isinstance(module, nn.BatchNorm2d | nn.LayerNorm | nn.PReLU):
            module.reset_parameters()
        else:
            continue
        done |= {id(parameter) for parameter in module.parameters()}
    for parameter in network.parameters():
        if id(parameter) not in done:  # a class token, positions
            parameter.normal_(std=0.02, generator=generator)
