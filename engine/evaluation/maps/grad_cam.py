"""Grad-CAM: where in a layer the maps lie that the score rests on.

α_k = mean over cells of ∂f/∂A_k and L = ReLU(Σ_k α_k A_k), with A_k the maps of one layer. In a
network that ends in average pooling and one linear layer, the signed cells of the last layer add
up to the logit less its bias: each cell is then its exact share.

Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
Localization" (2017), https://arxiv.org/abs/1610.02391
"""

from dataclasses import dataclass

from torch import Tensor

from engine.core.method import Method, Progress, Switch, quiet, setting
from engine.core.result import Result
from engine.evaluation.maps.class_activation import (
    LAYER,
    LAYER_HELP,
    activation_map,
    chosen_layer,
    maps_and_gradients,
)
from engine.vision.case import ImageCase


@dataclass(frozen=True)
class GradCam(Method[ImageCase]):
    """Which places of a layer hold what the score rests on.

    Each map of the layer is weighted by how much the score would rise with it, and the weighted
    maps are added. One unit is one logit (or probability) for one cell of the layer: with average
    pooling and one linear layer behind it, all cells together give the score. The map has
    the layer's few cells and is only smoothed to the picture's size, so its edges are no
    outlines; and a cell has seen more of the picture than it covers.
    """

    name = "GradCam"
    family = "attribution"
    title = "Grad-CAM"
    cost = "live"
    paper = "Selvaraju et al. 2017, https://arxiv.org/abs/1610.02391"
    needs = frozenset({"map", "gradient"})
    proof = (
        "tests/engine/attribution/test_grad_cam.py"
        "::test_with_average_pooling_and_a_linear_head_each_cell_is_its_share_of_the_logit"
    )

    layer: str | None = setting(None, LAYER, "Layer", LAYER_HELP)
    raising: bool = setting(
        True,
        Switch(),
        "Only what raises the score",
        "Leave out the places that lower the score, as the paper does; off shows them too.",
    )

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """Views: map, in score per cell, signed when what lowers the score is kept."""
        cells = grad_cam(*maps_and_gradients(case, chosen_layer(case, self.layer)))
        progress(1.0, "one forward and one backward pass")
        unit = cell_unit(case)
        return {"map": activation_map(cells, case, unit, signed=not self.raising)}


def grad_cam(maps: Tensor, gradient: Tensor) -> Tensor:
    """The signed sum of maps (C, h, w) weighted by their mean gradient, (h, w)."""
    # Eq. 1: the mean over cells, not the sum, so that one unit is one cell's share
    weights = gradient.mean((1, 2), keepdim=True)  # (C, 1, 1)
    return (weights * maps).sum(0)


def cell_unit(case: ImageCase) -> str:
    """The unit of a gradient times a map, at one cell of a layer."""
    return f"{case.target.unit} per cell"
