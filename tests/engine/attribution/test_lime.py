"""LIME and Kernel SHAP: known coefficients on a linear model, Shapley values by definition."""

from dataclasses import replace
from itertools import product
from math import comb, factorial

import numpy as np
import pytest
import torch
from captum._utils.models.linear_model import SkLearnLinearRegression
from captum.attr import KernelShap as CaptumKernelShap
from captum.attr import Lime as CaptumLime

from engine.attribution.heatmaps.c_lime import CLime
from engine.attribution.heatmaps.kernel_shap import (
    KernelShap,
    coalitions,
    shapley_fit,
    shell_weight,
)
from engine.attribution.heatmaps.lime import Lime
from engine.attribution.heatmaps.linear_fit import fit
from engine.attribution.heatmaps.partition import Partition
from engine.core.method import quiet
from engine.evaluation.maps.gradient import Gradient
from engine.vision.case.scoring import score_renders
from tests import tiny

GRID = {"shape": "grid", "regions": 16, "cover": "black"}
NINE = GRID | {"regions": 9}


@pytest.mark.parametrize("method", [Lime(samples=200, **GRID), KernelShap(samples=100, **GRID)])
def test_a_linear_model_gives_each_region_its_sum_of_weight_times_pixel(method):
    case = tiny.linear_case()
    partition = Partition.of(case, "grid", 16)
    sums = partition.sums(case.image * case.model.network.weight.detach())
    heat = method(case)["map"].values
    np.testing.assert_allclose(heat, partition.values(sums).numpy(), atol=2e-3)


def test_c_lime_on_a_linear_model_gives_each_region_its_sum_of_weights():
    case = tiny.linear_case()
    heat = CLime(shape="grid", regions=16, samples=200)(case)["map"]
    partition = Partition.of(case, "grid", 16)
    sums = partition.sums(case.model.network.weight.detach())
    np.testing.assert_allclose(heat.values, partition.values(sums).numpy(), atol=5e-3)
    assert heat.signed


def test_c_lime_tends_to_the_expected_gradient_of_each_region():
    case = tiny.cnn_case(torch.nn.Softplus)
    partition = Partition.of(case, "grid", 4)
    gradient = torch.tensor(Gradient()(case)["map"].values)
    expected = partition.values(partition.sums(gradient)).numpy()
    method = CLime(shape="grid", regions=4, noise=0.02)
    few, many = (replace(method, samples=n)(case)["map"].values for n in (50, 2000))
    assert np.corrcoef(many.ravel(), expected.ravel())[0, 1] > 0.99
    assert np.abs(many - expected).max() < 0.1 * np.abs(expected).max()
    assert np.abs(many - expected).max() < np.abs(few - expected).max()


def test_weights_fall_with_what_is_hidden_and_the_fit_is_least_squares_by_them():
    case = tiny.cnn_case()
    partition = Partition.of(case, "grid", 4)
    is_shown = torch.tensor([[True] * 4, [True, False, False, True], [False] * 4])
    near, far = (Lime(width=w).closeness(case, partition, is_shown) for w in (0.5, 10.0))
    assert near[0] == 1.0
    assert near[0] > near[1] > near[2]
    assert near[2].item() == pytest.approx(np.exp(-4.0), rel=1e-4)
    assert far[2].item() == pytest.approx(1.0, abs=0.02)
    generator = tiny.seeded(3)
    z, (y, weights) = (torch.rand(size, generator=generator) for size in ((30, 4), (2, 30)))
    design = torch.cat([z, torch.ones(30, 1)], 1).double()
    weighted = design.T * weights
    normal = torch.linalg.solve(weighted @ design, weighted @ y.double())
    result = fit(z, y, weights, intercept=True)
    np.testing.assert_allclose(result.numpy(), normal[:4].numpy(), rtol=1e-4, atol=1e-6)


def captum_lime(model):
    regression = SkLearnLinearRegression()
    return CaptumLime(model, regression, similarity_func=lambda *_, **__: torch.tensor(1.0))


@pytest.mark.parametrize(
    ("method", "peer", "samples"),
    [
        (Lime(samples=2000, width=10.0, **NINE), captum_lime, 200),
        (KernelShap(samples=1000, **NINE), CaptumKernelShap, 300),
    ],
)
def test_it_agrees_with_captum_s_at_many_samples(method, peer, samples):
    case = tiny.cnn_case()
    question = {"target": 3, "feature_mask": Partition.of(case, "grid", 9).labels[None, None]}
    ours = method(case)["map"].values.ravel()
    torch.manual_seed(0)
    theirs = peer(case.model).attribute(case.image[None], **question, n_samples=samples)[0, 0]
    theirs = theirs.numpy().ravel()
    assert ours @ theirs / np.linalg.norm(ours) / np.linalg.norm(theirs) > 0.95


def brute_force(case, partition, cover):
    """φ_r = Σ_S |S|! (m − |S| − 1)! / m! · (f(S ∪ r) − f(S)), by the definition."""
    m = partition.count
    is_shown = torch.tensor([[bool(code >> r & 1) for r in range(m)] for code in range(2**m)])
    draw = partition.drawing(case, is_shown, cover)
    scores = score_renders(case, 2**m, draw, quiet).double().tolist()
    shares = torch.zeros(m)
    for code, r in product(range(2**m), range(m)):
        if not code >> r & 1:
            size = code.bit_count()
            weight = factorial(size) * factorial(m - size - 1) / factorial(m)
            shares[r] += weight * (scores[code | 1 << r] - scores[code])
    return shares


@pytest.mark.parametrize("regions", [4, 9])
def test_with_all_coalitions_it_is_the_shapley_value(regions):
    case = tiny.cnn_case()
    partition = Partition.of(case, "grid", regions)
    heat = KernelShap(shape="grid", regions=regions, samples=1000)(case)["map"].values
    exact = partition.values(brute_force(case, partition, "mean")).numpy()
    np.testing.assert_allclose(heat, exact, atol=1e-4 * np.abs(exact).max() + 1e-6)


@pytest.mark.parametrize("samples", [100, 500])
def test_the_shares_always_add_up_to_the_difference(samples):
    case = tiny.cnn_case()
    total, difference = KernelShap(regions=30, samples=samples)(case)["completeness"].values
    rise = case.score(torch.stack([case.baseline("mean"), case.image]))
    assert difference == pytest.approx((rise[1] - rise[0]).item(), rel=1e-4)
    assert total == pytest.approx(difference, rel=1e-4)


def test_more_samples_come_closer_to_the_shapley_value():
    case = tiny.cnn_case()
    partition = Partition.of(case, "grid", 9)
    exact = partition.values(brute_force(case, partition, "mean")).numpy()

    errors = []
    for samples in (100, 300, 510):
        method = KernelShap(shape="grid", regions=9, samples=samples)
        maps = [method(replace(case, seed=seed))["map"].values for seed in range(5)]
        errors.append(np.abs(np.array(maps) - exact).max((1, 2)).mean())
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-4 * np.abs(exact).max() + 1e-6


def test_coalitions_come_with_their_complement_and_one_region_takes_the_whole_difference():
    is_shown, weights = coalitions(12, 300, tiny.seeded(1))
    assert len(is_shown) <= 300
    rows = {tuple(row.tolist()) for row in is_shown}
    assert all(tuple(not bit for bit in row) in rows for row in rows)
    sizes = is_shown.sum(1)
    assert (sizes == 1).sum() == comb(12, 1)
    assert (sizes == 2).sum() == comb(12, 2)
    assert ((sizes > 2) & (sizes < 10)).sum() > 50
    whole = sum(shell_weight(12, k) for k in range(1, 7))
    assert weights.sum().item() == pytest.approx(whole, rel=1e-5)


def test_all_coalitions_of_an_even_number_of_regions_are_taken_where_there_is_room():
    visible, weights = coalitions(4, 14, tiny.seeded(0))
    assert len({tuple(row.tolist()) for row in visible}) == len(visible) == 2**4 - 2
    for size in (1, 2, 3):  # (m − 1) / (C(m, k) k (m − k)), of each
        each = 3 / (comb(4, size) * size * (4 - size))
        assert weights[visible.sum(1) == size].numpy() == pytest.approx(each)


def test_one_region_takes_the_whole_difference():
    none = torch.zeros(0)
    shares = shapley_fit(torch.zeros(0, 1).bool(), none, none, torch.tensor(2.5))
    assert shares.tolist() == [2.5]
