"""Grad-CAM and its kin: a closed form under average pooling, and the papers' formulas in loops."""

from dataclasses import replace
from math import exp

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from torch import nn

from engine.attribution.heatmaps.grad_cam_pp import GradCamPlusPlus, grad_cam_pp
from engine.attribution.heatmaps.guided_backprop import guided_gradient
from engine.attribution.heatmaps.guided_grad_cam import GuidedGradCam
from engine.attribution.heatmaps.layer_cam import LayerCam, layer_cam
from engine.evaluation.maps.class_activation import enlarged, maps_and_gradients
from engine.evaluation.maps.grad_cam import GradCam, grad_cam
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from engine.vision.images import Crop, square
from engine.vision.images.samples import sample
from engine.vision.models.lite import load_lite
from engine.vision.models.pace import Pace
from tests import tiny
from tests.engine.attribution.toys import case_of

CAT, ESPRESSO = 285, 967


class Planes(nn.Module):
    """Its maps are the color planes, averaged in 4 × 4 cells; its head weights their means."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 4, stride=4, groups=3, bias=False)
        self.fc = nn.Linear(3, 2)
        with torch.no_grad():
            self.conv.weight.fill_(1 / 16)
            self.fc.weight.copy_(torch.tensor([[0.0, 0.0, 0.0], [2.0, -3.0, 0.5]]))
            self.fc.bias.copy_(torch.tensor([0.0, 0.7]))

    def forward(self, images):
        return self.fc(self.conv(images).mean((2, 3)))


@pytest.fixture(scope="module")
def lite0():
    model = load_lite()
    model._paces["exact"] = Pace(8, True, "exact", 0.0)
    return model


def photograph(name):
    return torch.from_numpy(square(sample(name), Crop(), 224))


def halved(image):
    return nn.functional.avg_pool2d(image, 2)


def test_with_average_pooling_and_a_linear_head_each_cell_is_its_share_of_the_logit():
    case = case_of(Planes(), 1)
    red, green, blue = case.image.unfold(1, 4, 4).unfold(2, 4, 4).mean((3, 4))  # (8, 8) each
    cells = (2 * red - 3 * green + 0.5 * blue) / 64
    torch.testing.assert_close(grad_cam(*maps_and_gradients(case, "conv")), cells)
    logit = case.score(case.image[None]).item()
    assert cells.sum().item() + 0.7 == pytest.approx(logit, rel=1e-5)

    signed = GradCam(raising=False)(case)["map"]
    np.testing.assert_allclose(signed.values, enlarged(cells, case).numpy(), atol=1e-7)
    assert signed.signed
    assert signed.values.min() < 0
    rising = GradCam()(case)["map"]
    np.testing.assert_allclose(rising.values, enlarged(cells.relu(), case).numpy(), atol=1e-7)
    assert not rising.signed
    assert rising.unit == "logit per cell"


@pytest.mark.parametrize("layer", ["conv1", "act1", "pool", "conv2", "act2"])
def test_captum_gives_the_same_cells(layer):
    case = tiny.cnn_case()
    peer = LayerGradCam(case.model, case.model.network.get_submodule(layer))
    theirs = peer.attribute(case.image[None], target=case.target.index)[0, 0].detach()
    ours = grad_cam(*maps_and_gradients(case, layer))
    torch.testing.assert_close(ours, theirs, atol=1e-5 * theirs.abs().max().item(), rtol=1e-5)


def test_on_lite0_cells_add_up_to_the_logit_and_two_classes_are_told_apart(lite0):
    case = ImageCase(lite0, photograph("chelsea"), Target(CAT))
    cells = grad_cam(*maps_and_gradients(case, "bn2"))
    with torch.inference_mode():
        logit = lite0(case.image[None])[0, CAT].item()
    assert cells.shape == (7, 7)
    assert cells.sum().item() == pytest.approx(logit - lite0.head.bias[CAT].item(), rel=1e-4)
    halves = [halved(photograph(name)) for name in ("chelsea", "coffee")]
    image = lite0.mean[0].expand(3, 224, 224).clone()
    image[:, 56:168, :112], image[:, 56:168, 112:] = halves
    shares = {
        index: heat[:, :112].sum() / heat.sum()
        for index in (CAT, ESPRESSO)
        for heat in [GradCam()(ImageCase(lite0, image, Target(index)))["map"].values]
    }
    assert shares[CAT] > 0.75
    assert shares[ESPRESSO] < 0.25


def test_on_lite0_the_center_of_mass_follows_a_small_cat_into_each_corner(lite0):
    for corner in np.ndindex(2, 2):
        top, left = 112 * np.array(corner)
        image = lite0.mean[0].expand(3, 224, 224).clone()
        image[:, top : top + 112, left : left + 112] = halved(photograph("chelsea"))
        heat = GradCam()(ImageCase(lite0, image, Target(CAT)))["map"].values
        down, right = (heat * np.indices(heat.shape)).sum((1, 2)) / heat.sum()
        assert top < down < top + 112
        assert left < right < left + 112


def slow(maps, gradient, score):
    """Equations 11, 13 and 19 for Y = exp(S), with the derivatives of Y written out."""
    cells = np.zeros(maps.shape[1:])
    for plane, slopes in zip(maps.double().numpy(), gradient.double().numpy(), strict=True):
        weight = 0.0
        for g in slopes.flat:
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


def test_equal_maps_or_slopes_give_grad_cam_and_zero_slopes_or_poles_do_not_break_it():
    maps = torch.full((3, 2, 2), -0.5)  # ΣA = −2: with g = 1 the denominator is 0
    gradient = torch.tensor([0.0, 1.0, -1.0]).view(3, 1, 1).expand(3, 2, 2)
    assert torch.isfinite(grad_cam_pp(maps, gradient)).all()
    # ΣA · g = −8: four places of α = 1 / (2 − 8) weigh a map of −2 with −2/3
    dark = torch.full((1, 2, 2), -2.0)
    torch.testing.assert_close(grad_cam_pp(dark, torch.ones(1, 2, 2)), torch.full((2, 2), 4 / 3))
    case = case_of(Planes(), Target(1, versus=0))
    case = replace(case, image=tiny.image(seed=4).mean(0).expand(3, -1, -1).clone())
    plus = GradCamPlusPlus()(case)["map"].values
    plain = GradCam(raising=False)(case)["map"].values
    assert abs(np.corrcoef(plus.ravel(), plain.ravel())[0, 1]) == pytest.approx(1.0, abs=1e-5)
    maps = torch.rand(5, 4, 4, generator=tiny.seeded())
    gradient = torch.rand(5, 1, 1, generator=tiny.seeded(1)).expand(5, 4, 4)
    torch.testing.assert_close(layer_cam(maps, gradient), grad_cam(maps, gradient))


@pytest.mark.parametrize("layer", ["act1", "conv2", "act2"])
def test_it_is_the_paper_s_formula_written_out_in_loops(layer):
    case = tiny.cnn_case()
    maps, gradient = maps_and_gradients(case, layer)
    cells = torch.zeros(maps.shape[1:])
    for k, i, j in np.ndindex(maps.shape):
        cells[i, j] += max(gradient[k, i, j].item(), 0.0) * maps[k, i, j].item()
    cells = cells.clamp_min(0)
    heat = LayerCam(layer=layer)(case)["map"]
    np.testing.assert_allclose(heat.values, enlarged(cells, case).numpy(), rtol=1e-4, atol=1e-6)
    assert heat.unit == "logit per cell"
    assert not heat.signed


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
