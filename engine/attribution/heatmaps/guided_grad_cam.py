"""Guided Grad-CAM: the fine lines of guided backpropagation, kept where Grad-CAM is high.

a = guided gradient ⊙ enlarged ReLU(Σ_k α_k A_k).

Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
Localization" (2017), section 3.3, https://arxiv.org/abs/1610.02391
"""

from dataclasses import dataclass

from engine.attribution.heatmaps.guided_backprop import GuidedBackprop, guided_gradient
from engine.core.method import Method, Progress, quiet, setting
from engine.core.result import Result
from engine.evaluation.maps.class_activation import (
    LAYER,
    LAYER_HELP,
    chosen_layer,
    enlarged,
    maps_and_gradients,
)
from engine.evaluation.maps.grad_cam import cell_unit, grad_cam
from engine.evaluation.maps.gradient import CHANNELS, CHANNELS_HELP, pixel_map
from engine.vision.case import ImageCase


@dataclass(frozen=True)
class GuidedGradCam(Method[ImageCase]):
    """Fine structure that passes through the network, kept only where the class is found.

    Guided backpropagation draws lines and textures but hardly knows the class; Grad-CAM knows the
    class but draws blobs; here they are multiplied. One unit is the product of their units and
    has no plain meaning: compare places within one picture. Sharp lines mean that the picture
    has sharp lines there, not that the model needs them.
    """

    name = "GuidedGradCam"
    family = "attribution"
    title = "Guided Grad-CAM"
    cost = "live"
    paper = "Selvaraju et al. 2017, https://arxiv.org/abs/1610.02391"
    needs = GuidedBackprop.needs | {"map"}
    proof = (
        "tests/engine/attribution/test_grad_cam.py"
        "::test_it_is_the_product_of_its_two_parts_and_zero_where_grad_cam_is"
    )

    layer: str | None = setting(None, LAYER, "Layer", LAYER_HELP)
    channels: str = setting("signed", CHANNELS, "Channels", CHANNELS_HELP)

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """Views: map, the product, signed unless sizes are added."""
        cells = grad_cam(*maps_and_gradients(case, chosen_layer(case, self.layer))).relu()
        progress(0.5, "where the class is found")
        fine = guided_gradient(case) * enlarged(cells, case)
        progress(1.0, "what passes through there")
        unit = f"{case.target.unit} per brightness × {cell_unit(case)}"
        return {"map": pixel_map(fine, self.channels, unit)}
