"""Layer-CAM: every cell of every map has its own weight, so that early layers can be read too.

L = ReLU(Σ_k ReLU(∂f/∂A_k) ⊙ A_k).

Jiang et al., "LayerCAM: Exploring Hierarchical Class Activation Maps for Localization" (2021),
https://doi.org/10.1109/TIP.2021.3089943
"""

from dataclasses import dataclass

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
from engine.evaluation.maps.grad_cam import cell_unit
from engine.vision.case import ImageCase


@dataclass(frozen=True)
class LayerCam(Method[ImageCase]):
    """Where a layer holds something the score would rise with, cell by cell.

    Each cell of each map is multiplied by its own slope, falling slopes left out, and the
    maps are added. Unlike Grad-CAM it stays sharp at early layers, where one map means different
    things at different places. One unit is one logit (or probability) for one cell of the layer,
    as if the network above were linear. What lowers the score is not shown, so the cells do
    not add up to the score.
    """

    name = "LayerCam"
    family = "attribution"
    title = "Layer-CAM"
    cost = "live"
    paper = "Jiang et al. 2021, https://doi.org/10.1109/TIP.2021.3089943"
    needs = frozenset({"map", "gradient"})
    proof = (
        "tests/engine/attribution/test_grad_cam.py"
        "::test_it_is_the_paper_s_formula_written_out_in_loops"
    )

    layer: str | None = setting(None, LAYER, "Layer", LAYER_HELP)

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """Views: map, in score per cell, never negative."""
        cells = layer_cam(*maps_and_gradients(case, chosen_layer(case, self.layer)))
        progress(1.0, "one forward and one backward pass")
        return {"map": activation_map(cells, case, cell_unit(case))}


def layer_cam(maps: Tensor, gradient: Tensor) -> Tensor:
    """The sum over maps (C, h, w) of cell times rising slope, before the last ReLU, (h, w)."""
    return (gradient.relu() * maps).sum(0)
