"""The optimizer that a recipe names, and how its gradients are forgotten."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from engine.vision.training.recipe import Recipe


def optimizer(parameters: Iterable[nn.Parameter], recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer over a network's weights."""
    weights = list(parameters)
    match recipe.optimizer:
        case "Adam":
            return torch.optim.Adam(weights, recipe.rate, weight_decay=recipe.decay)
        case "AdamW":
            return torch.optim.AdamW(weights, recipe.rate, weight_decay=recipe.decay)
        case _:
            return torch.optim.SGD(
                weights, recipe.rate, momentum=recipe.momentum, weight_decay=recipe.decay
            )


def forget_gradients(torch_optimizer: torch.optim.Optimizer) -> None:
    """No weight has a gradient any more.

    The optimizer's own `zero_grad` enters torch's compiler to be left out of it, and what it notes
    there is shared by all threads: while another model is being compiled, it can fail.
    """
    for group in torch_optimizer.param_groups:
        for weight in group["params"]:
            weight.grad = None


def memory_of(torch_optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """What the optimizer remembers of earlier steps, by the number of the weight and its name."""
    return {
        f"{number}/{name}": tensor
        for number, memory in torch_optimizer.state_dict()["state"].items()
        for name, tensor in memory.items()
        if isinstance(tensor, Tensor)
    }


def recall(torch_optimizer: torch.optim.Optimizer, memory: dict[str, Tensor]) -> None:
    """Give the optimizer back what `memory_of` gave."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in memory.items():
        number, name = key.split("/", 1)
        state.setdefault(int(number), {})[name] = tensor
    torch_optimizer.load_state_dict(
        {"state": state, "param_groups": torch_optimizer.state_dict()["param_groups"]}
    )
