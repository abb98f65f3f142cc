"""The limbs of a star on models where they can be looked at one by one."""

import numpy as np
import pytest
import torch

from engine.attribution.level_sets import star
from engine.attribution.level_sets.star import Star
from tests import tiny
from tests.engine.attribution.level_sets import slowly

WALK = {"eta": 0.05, "steps": 60, "epsilon": None, "noise": 0}


def test_limbs_are_the_segments_looked_at_one_by_one():
    case, confidence = slowly.linear_pair(targets=5)
    result = Star(points=9, **WALK)(case)
    source = case.source.image.double().numpy()
    for row, target in enumerate(case.others):
        for name, end in (
            ("limbs", slowly.linear_end(case, target, 0.05, 60)),
            ("controls", target.double().numpy()),
        ):
            expected = [confidence(source + t * (end - source)) for t in np.linspace(0, 1, 9)]
            np.testing.assert_allclose(result[name].values[row], expected, atol=1e-4)
        for name in ("limbs", "controls"):
            assert result[name].x == pytest.approx(np.arange(9) / 8)
            assert result[name].y.tolist() == [0, 1, 2, 3, 4]
    assert result["limbs"].values.shape == (5, 9)
    assert np.ptp(result["limbs"].values) < 1e-4
    assert np.ptp(result["controls"].values) > 0.05


def test_a_limb_holds_while_its_lowest_value_stays_above_the_bound_and_not_at_it():
    """0.75 may fall by less than 0.25; the first value of a limb is the source's."""
    case = tiny.pair_case(tiny.mlp(scale=1.0), 3)
    limbs = torch.tensor([[0.75, 0.5, 0.625], [0.75, 0.9375, 0.5625], [0.75, 0.5, 0.25]])
    controls = torch.tensor([[0.75, 0.25, 0.5], [0.75, 0.0, 0.75], [0.75, 0.75, 0.75]])
    left = torch.tensor([0.125, 0.25, 0.0])
    result = Star(delta=0.25).figures(case, limbs, controls, left)
    assert result.order == tuple(star.COLUMNS)
    assert result.values.tolist() == [
        [0.5, 0.625, 0.25, 0.5, 0, 0.125],
        [0.5625, 0.75, 0.0, 0.5, 1, 0.25],
        [0.25, 0.5, 0.75, 0.75, 0, 0.0],
    ]


def test_the_figures_and_ends_belong_to_the_limbs():
    case = tiny.pair_case(tiny.mlp(scale=1.0), 4)
    result = Star(points=9, eta=0.05, steps=60, delta=0.05)(case)
    limbs, controls, table = (result[name] for name in ("limbs", "controls", "figures"))
    columns = dict(zip(table.columns, table.values.T, strict=True))
    np.testing.assert_allclose(columns["lowest on the limb"], limbs.values.min(1))
    np.testing.assert_allclose(columns["mean on the limb"], limbs.values.mean(1), rtol=1e-5)
    np.testing.assert_allclose(columns["lowest on the control"], controls.values.min(1))
    np.testing.assert_allclose(columns["mean on the control"], controls.values.mean(1), rtol=1e-5)
    reference = limbs.values[0, 0]
    np.testing.assert_array_equal(columns["holds"], limbs.values.min(1) > reference - 0.05)
    assert (limbs.values[:, -1] != limbs.values[:, -2]).all()
    np.testing.assert_array_equal(result["ends"].values, limbs.values[:, -1])
    ends = torch.tensor(result["ends"].frames).float()
    confidences = case.model.logits(ends).softmax(1)[:, case.source.target.index]
    np.testing.assert_allclose(result["ends"].values, confidences, atol=5e-3)
    for row, target in enumerate(case.others):
        left = (ends[row] - target).square().mean().sqrt()
        assert columns["RMSE to target"][row] == pytest.approx(float(left), abs=1e-3)
        assert table.rows[row] == case.model.labels[int(case.model.logits(target[None]).argmax())]
