"""Guided Grad-CAM is a product, and has both factors' zeros."""

import numpy as np
import pytest

from engine.attribution.heatmaps.grad_cam import GradCam
from engine.attribution.heatmaps.guided_backprop import guided_gradient
from engine.attribution.heatmaps.guided_grad_cam import GuidedGradCam
from tests import tiny


@pytest.mark.parametrize("layer", [None, "pool"])
def test_it_is_the_product_of_its_two_parts_and_zero_where_grad_cam_is(layer):
    case = tiny.cnn_case(target=3)
    fine = guided_gradient(case).numpy()
    coarse = GradCam(layer=layer)(case)["map"].values
    heat = GuidedGradCam(layer=layer)(case)["map"]
    np.testing.assert_allclose(heat.values, (fine * coarse).sum(0), rtol=1e-4, atol=1e-7)
    sizes = GuidedGradCam(layer=layer, channels="size")(case)["map"]
    np.testing.assert_allclose(sizes.values, np.abs(fine * coarse).sum(0), rtol=1e-4, atol=1e-7)
    assert (heat.values[coarse == 0] == 0).all()
    assert heat.signed
    assert not sizes.signed
