"""On a linear model the fitted coefficients are known."""

import numpy as np
import pytest
import torch
from captum._utils.models.linear_model import SkLearnLinearRegression
from captum.attr import Lime as CaptumLime

from engine.attribution.heatmaps.c_lime import CLime
from engine.attribution.heatmaps.gradient import Gradient
from engine.attribution.heatmaps.lime import Lime
from engine.attribution.heatmaps.linear_fit import fit
from engine.attribution.heatmaps.partition import Partition
from tests import tiny


def test_a_linear_model_gives_each_region_its_sum_of_weight_times_pixel():
    case = tiny.linear_case()
    heat = Lime(shape="grid", regions=16, samples=200, cover="black")(case)["map"].values
    partition = Partition.of(case, "grid", 16)
    sums = partition.sums(case.image * case.model.network.weight.detach())
    np.testing.assert_allclose(heat, partition.values(sums).numpy(), atol=2e-3)


def test_c_lime_on_a_linear_model_gives_each_region_its_sum_of_weights():
    case = tiny.linear_case()
    heat = CLime(shape="grid", regions=16, samples=200)(case)["map"].values
    partition = Partition.of(case, "grid", 16)
    sums = partition.sums(case.model.network.weight.detach())
    np.testing.assert_allclose(heat, partition.values(sums).numpy(), atol=5e-3)


def test_c_lime_tends_to_the_expected_gradient_of_each_region():
    case = tiny.cnn_case(torch.nn.Softplus)
    partition = Partition.of(case, "grid", 4)
    gradient = torch.tensor(Gradient()(case)["map"].values)
    expected = partition.values(partition.sums(gradient)).numpy()
    few, many = (
        CLime(shape="grid", regions=4, samples=samples, noise=0.02)(case)["map"].values
        for samples in (50, 2000)
    )
    assert np.corrcoef(many.ravel(), expected.ravel())[0, 1] > 0.99
    assert np.abs(many - expected).max() < 0.1 * np.abs(expected).max()
    assert np.abs(many - expected).max() < np.abs(few - expected).max()


def test_weights_fall_with_what_is_hidden_and_with_a_narrow_neighborhood():
    case = tiny.cnn_case()
    partition = Partition.of(case, "grid", 4)
    is_shown = torch.tensor([[True] * 4, [True, False, False, True], [False] * 4])
    near = Lime(width=0.5).closeness(case, partition, is_shown)
    far = Lime(width=10.0).closeness(case, partition, is_shown)
    assert near[0] == 1.0
    assert near[0] > near[1] > near[2]
    assert near[2].item() == pytest.approx(np.exp(-4.0), rel=1e-4)
    assert far[2].item() == pytest.approx(1.0, abs=0.02)


def test_the_fit_is_weighted_least_squares_with_an_intercept():
    generator = tiny.seeded(3)
    z, y = torch.rand(30, 4, generator=generator), torch.rand(30, generator=generator)
    weights = torch.rand(30, generator=generator)
    design = torch.cat([z, torch.ones(30, 1)], 1).double()
    diagonal = torch.diag(weights.double())
    normal = torch.linalg.solve(design.T @ diagonal @ design, design.T @ diagonal @ y.double())
    result = fit(z, y, weights, intercept=True)
    np.testing.assert_allclose(result.numpy(), normal[:4].numpy(), rtol=1e-4, atol=1e-6)


def test_lime_agrees_with_captum_s_at_many_samples():
    case = tiny.cnn_case()
    partition = Partition.of(case, "grid", 9)
    ours = Lime(shape="grid", regions=9, samples=2000, width=10.0, cover="black")(case)["map"]
    torch.manual_seed(0)
    theirs = CaptumLime(
        case.model,
        interpretable_model=SkLearnLinearRegression(),
        similarity_func=lambda *_args, **_kwargs: torch.tensor(1.0),
    ).attribute(
        case.image[None], target=3, feature_mask=partition.labels[None, None], n_samples=200
    )
    first = ours.values.ravel()
    second = theirs[0, 0].numpy().ravel()
    assert first @ second / np.linalg.norm(first) / np.linalg.norm(second) > 0.95
