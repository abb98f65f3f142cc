"""What an ordered attack lowers: three losses, one for each way to ask for the same order.

    QuadAttacK  ‖f − y*‖²,  y* the nearest features at which the order holds (polyhedron.py)
    CW^K        1/K Σ_k max(0, κ + max_{j ∉ t_1…t_k} z_j − min_{l ≤ k} z_{t_l})
    AD-W        KL( q ‖ softmax z ),  q = softmax(l),  l_{t_k} = 10 − 0.3 (k − 1),
                l_j = mean_k cos(w_j, w_{t_k}) for every other class

AD-W is adversarial distillation with the cosines of the classifier's own weights in place of word
vectors, which exist for few labels. CW^K has the same margin κ as QuadAttacK, and with it more than
its authors gave it.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from engine.attribution.quadattack.polyhedron import Polyhedron
from engine.vision.models.classifier import Classifier

ALPHA, BETA = 10.0, 0.3  # logits of the distilled target
Loss = Callable[[Tensor, Tensor], Tensor]  # features (n,) and logits (C,) to a number
QUAD, CW, AD = NAMES = "QuadAttacK", "CW^K", "AD-W"


def order_loss(name: str, model: Classifier, order: Sequence[int], margin: float) -> Loss:
    """One of the losses for one list of classes."""
    if name == QUAD:
        return quadratic(polyhedron_of(model, order, margin))
    if name == CW:
        return carlini_wagner(order, len(model.labels), margin)
    return distillation(model, order)


def polyhedron_of(model: Classifier, order: Sequence[int], margin: float) -> Polyhedron:
    """Where in the model's features the order holds."""
    head = model.head
    weight = head.weight.detach().cpu().double().numpy()
    bias = np.zeros(len(weight)) if head.bias is None else head.bias.detach().cpu().double().numpy()
    return Polyhedron(weight, bias, order, margin)


def quadratic(polyhedron: Polyhedron) -> Loss:
    """The squared distance to the polyhedron: y* is taken as fixed, which gives its gradient."""

    def loss(features: Tensor, logits: Tensor) -> Tensor:
        del logits
        point = polyhedron.nearest(features.detach().cpu().double().numpy()).point
        # ∇ of the squared distance to a convex set is 2 (f − y*): the solver needs no gradient
        return (features - torch.from_numpy(point).to(features)).square().sum()

    return loss


def carlini_wagner(order: Sequence[int], classes: int, margin: float) -> Loss:
    """The hinge of Carlini and Wagner at each of the K places."""
    outside = torch.ones(len(order), classes, dtype=torch.bool)
    for place in range(len(order)):
        outside[place, list(order[: place + 1])] = False

    def loss(features: Tensor, logits: Tensor) -> Tensor:
        del features
        # min over l ≤ k, all k at once
        limits = logits[list(order)].cummin(0).values
        best = logits.expand(len(order), -1).masked_fill(~outside.to(logits.device), -torch.inf)
        return (margin + best.amax(1) - limits).clamp_min(0).mean()

    return loss


def distillation(model: Classifier, order: Sequence[int]) -> Loss:
    """The divergence from a distribution that has the order."""
    weight = F.normalize(model.head.weight.detach().cpu().double(), dim=1)
    target = (weight @ weight[list(order)].T).mean(1)
    for place, index in enumerate(order):
        target[index] = ALPHA - place * BETA
    log_target = target.log_softmax(0).float()

    def loss(features: Tensor, logits: Tensor) -> Tensor:
        del features
        return F.kl_div(
            logits.log_softmax(0), log_target.to(logits), reduction="sum", log_target=True
        )

    return loss
