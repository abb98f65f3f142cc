"""Grad-CAM++ against the paper's formula, term by term."""

from math import exp

import numpy as np
import pytest
import torch

from engine.attribution.heatmaps.class_activation import enlarged, maps_and_gradients
from engine.attribution.heatmaps.grad_cam import GradCam
from engine.attribution.heatmaps.grad_cam_pp import GradCamPlusPlus, grad_cam_pp
from engine.case import ImageCase
from engine.case.target import Target
from tests import tiny
from tests.engine.attribution.test_grad_cam import Planes


def slow(maps, gradient, score):
    """Equations 11, 13 and 19 for Y = exp(S), with the derivatives of Y written out."""
    height, width = maps.shape[1:]
    cells = np.zeros((height, width))
    for plane, slopes in zip(maps.double().numpy(), gradient.double().numpy(), strict=True):
        weight = 0.0
        for i in range(height):
            for j in range(width):
                g = slopes[i, j]
                first, second, third = (exp(score) * g**power for power in (1, 2, 3))
                below = 2 * second + plane.sum() * third
                alpha = second / below if below != 0 else 0.0
                weight += alpha * max(first, 0.0)
        cells += weight * plane
    return np.maximum(cells, 0)


@pytest.mark.parametrize("layer", ["act1", "act2"])
def test_it_is_the_paper_s_closed_form_written_out_in_loops(layer):
    case = tiny.cnn_case()
    maps, gradient = maps_and_gradients(case, layer)
    score = case.score(case.image[None]).item()
    expected = slow(maps, gradient, score) / exp(score)  # the common factor that is left out
    ours = grad_cam_pp(maps, gradient).relu().numpy()
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-6 * expected.max())
    heat = GradCamPlusPlus(layer=layer)(case)["map"]
    grown = enlarged(torch.from_numpy(expected).float(), case).numpy()
    np.testing.assert_allclose(heat.values, grown, rtol=1e-4, atol=1e-6 * expected.max())
    assert heat.values.max() > 0


def test_slopes_that_are_zero_or_at_a_pole_do_not_break_it():
    maps = torch.full((3, 2, 2), -0.5)  # ΣA = −2: with g = 1 the denominator is 0
    gradient = torch.tensor([0.0, 1.0, -1.0]).view(3, 1, 1).expand(3, 2, 2)
    assert torch.isfinite(grad_cam_pp(maps, gradient)).all()


def test_equal_maps_with_equal_slopes_rank_their_cells_like_grad_cam():
    image = tiny.image(seed=4).mean(0).expand(3, -1, -1).clone()
    case = ImageCase(tiny.classifier(Planes()), image, Target(1, versus=0))
    plus = GradCamPlusPlus()(case)["map"].values
    plain = GradCam(raising=False)(case)["map"].values
    assert abs(np.corrcoef(plus.ravel(), plain.ravel())[0, 1]) == pytest.approx(1.0, abs=1e-5)
