"""Layer-CAM against the paper's formula, cell by cell."""

import numpy as np
import pytest
import torch

from engine.attribution.heatmaps.class_activation import enlarged, maps_and_gradients
from engine.attribution.heatmaps.grad_cam import grad_cam
from engine.attribution.heatmaps.layer_cam import LayerCam, layer_cam
from tests import tiny


@pytest.mark.parametrize("layer", ["act1", "conv2", "act2"])
def test_it_is_the_paper_s_formula_written_out_in_loops(layer):
    case = tiny.cnn_case()
    maps, gradient = maps_and_gradients(case, layer)
    channels, height, width = maps.shape
    cells = torch.zeros(height, width)
    for i in range(height):
        for j in range(width):
            for k in range(channels):
                cells[i, j] += max(gradient[k, i, j].item(), 0.0) * maps[k, i, j].item()
    cells = cells.clamp_min(0)
    heat = LayerCam(layer=layer)(case)["map"]
    np.testing.assert_allclose(heat.values, enlarged(cells, case).numpy(), rtol=1e-4, atol=1e-6)
    assert heat.unit == "logit per cell"
    assert not heat.signed


def test_where_all_slopes_are_alike_and_rise_it_is_grad_cam():
    maps = torch.rand(5, 4, 4, generator=tiny.seeded())
    gradient = torch.rand(5, 1, 1, generator=tiny.seeded(1)).expand(5, 4, 4)
    torch.testing.assert_close(layer_cam(maps, gradient), grad_cam(maps, gradient))
