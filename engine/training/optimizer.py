"""The optimizer that a recipe names, and how its gradients are forgotten."""

from __future__ import annotations

import torch

from engine.models.classifier import Classifier
from engine.training.recipe import Recipe


def optimizer(model: Classifier, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer over all of the model's weights."""
    weights = list(model.parameters())
    match recipe.optimizer:
        case "Adam":
            return torch.optim.Adam(weights, recipe.rate, weight_decay=recipe.decay)
        case "AdamW":
            return torch.optim.AdamW(weights, recipe.rate, weight_decay=recipe.decay)
        case _:
            return torch.optim.SGD(
                weights, recipe.rate, momentum=recipe.momentum, weight_decay=recipe.decay
            )


def forget_gradients(held: torch.optim.Optimizer) -> None:
    """No weight has a gradient any more.

    The optimizer's own `zero_grad` enters torch's compiler to be left out of it, and what it notes
    there is shared by all threads: while another model is being compiled, it can fail.
    """
    for group in held.param_groups:
        for weight in group["params"]:
            weight.grad = None
