"""Grad-CAM++: Grad-CAM that lets several places of one map count, not only their mean.

L = ReLU(Σ_k w_k A_k), w_k = Σ_ij α_ij ReLU(g_ij), α_ij = g_ij² / (2 g_ij² + Σ_ab A_ab g_ij³).

The closed form stands on the paper's assumption that the quantity explained is Y = exp(f): its
second and third derivatives are then exp(f)·g² and exp(f)·g³, and exp(f) drops out of α. The
first derivative exp(f)·g keeps one factor exp(f) > 0, the same for every map; it is left out, so
that the map does not grow with the exponential of the score.

Chattopadhyay et al., "Grad-CAM++: Improved Visual Explanations for Deep Convolutional Networks"
(2018), https://arxiv.org/abs/1710.11063
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.core.method import Method, Progress, quiet, setting
from engine.core.result import Result
from engine.evaluation.maps.class_activation import (
    LAYER,
    LAYER_HELP,
    activation_map,
    chosen_layer,
    maps_and_gradients,
)
from engine.vision.case import ImageCase

TINY = 1e-6  # a denominator nearer to zero is a pole: only maps with negative values reach it


@dataclass(frozen=True)
class GradCamPlusPlus(Method[ImageCase]):
    """Which places of a layer hold what the score rests on, when there are several of a kind.

    Like Grad-CAM, but a map counts by the places that raise the score, each with its own weight,
    so that a second and third object of the class fade less. One unit is a reweighted
    logit (or probability): compare places within one picture, not pictures or models. What
    lowers the score is not shown. The weights are derived for maps that are never negative, as
    after a ReLU; at other layers they may be erratic.
    """

    name = "GradCamPlusPlus"
    family = "attribution"
    title = "Grad-CAM++"
    cost = "live"
    paper = "Chattopadhyay et al. 2018, https://arxiv.org/abs/1710.11063"
    needs = frozenset({"map", "gradient"})
    proof = (
        "tests/engine/attribution/test_grad_cam.py"
        "::test_it_is_the_paper_s_closed_form_written_out_in_loops"
    )

    layer: str | None = setting(None, LAYER, "Layer", LAYER_HELP)

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """Views: map, in reweighted score, never negative."""
        cells = grad_cam_pp(*maps_and_gradients(case, chosen_layer(case, self.layer)))
        progress(1.0, "one forward and one backward pass")
        return {"map": activation_map(cells, case, f"reweighted {case.target.unit}")}


def grad_cam_pp(maps: Tensor, gradient: Tensor) -> Tensor:
    """The sum of maps (C, h, w) under the closed-form weights, before the ReLU, (h, w)."""
    # g² cancels: α = 1 / (2 + ΣA·g) wherever g is not 0, and ReLU(g) is 0 where it is.
    below = 2 + maps.sum((1, 2), keepdim=True) * gradient
    alpha = torch.where(below.abs() > TINY, 1 / below, 0.0)
    weights = (alpha * gradient.relu()).sum((1, 2), keepdim=True)  # (C, 1, 1)
    return (weights * maps).sum(0)
