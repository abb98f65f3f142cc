"""Layers' shares by hand, and the budget met to the weight."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import BadSetting
from engine.sparsity.masks.allocation import RULES, densities, solved
from engine.sparsity.masks.pruner import MaskRules
from engine.sparsity.masks.pruning import pruner_of
from engine.vision.weights.parts import PrunableWeight
from tests import tiny

SHEET = (
    PrunableWeight("a.weight", (16, 1, 3, 3), role="first"),
    PrunableWeight("b.weight", (32, 16, 3, 3)),
    PrunableWeight("c.weight", (10, 32), role="head"),
)


@pytest.mark.parametrize(
    ("density", "by_hand"), [(0.1, (0.680766, 0.049947, 0.559412)), (0.3, (1.0, 0.229514, 1.0))]
)
def test_erk_is_what_a_hand_calculation_gives(density, by_hand):
    assert densities("ERK", SHEET, density) == pytest.approx(by_hand, abs=1e-6)


def test_er_looks_at_the_first_two_dimensions_only():
    result = densities("ER", SHEET, 0.1)
    raws = [(16 + 1) / 16, (32 + 16) / (32 * 16), (10 + 32) / 320]
    scale = 0.1 * 5072 / (raws[0] * 144 + raws[1] * 4608 + raws[2] * 320)
    assert scale * raws[0] < 1
    assert result == pytest.approx(tuple(scale * raw for raw in raws), abs=1e-9)


@given(density=st.floats(0.06, 1.0), rule=st.sampled_from(RULES))
def test_every_rule_meets_the_budget(density, rule):
    sizes = np.array([part.size for part in SHEET])
    try:
        result = densities(rule, SHEET, density)
    except BadSetting:
        assert rule == "uniform+"
        assert density * sizes.sum() < 144 + 0.2 * 320
        return
    assert (np.array(result) * sizes).sum() / sizes.sum() == pytest.approx(density, abs=1e-9)
    assert all(0 < share <= 1 + 1e-12 for share in result)


def test_uniform_plus_holds_the_first_convolution_and_a_fifth_of_the_head():
    first, rest, head = densities("uniform+", SHEET, 0.1)
    assert (first, head) == (1.0, 0.2)
    assert rest == pytest.approx((0.1 * 5072 - 144 - 64) / 4608)
    first, rest, head = densities("uniform+", SHEET, 0.5)
    assert first == 1.0
    assert rest == head == pytest.approx((0.5 * 5072 - 144) / 4928)
    with pytest.raises(BadSetting, match="choose a ratio below 0\\.9"):
        densities("uniform+", SHEET, 0.01)
    with pytest.raises(BadSetting, match="choose one of uniform"):
        densities("global", SHEET, 0.5)


@pytest.mark.parametrize("rule", ["per layer", *RULES])
def test_masks_hold_each_layers_share_to_the_weight(rule):
    masks = pruner_of(tiny.prune_case(), "Random", MaskRules(rule, head=True)).at(0.6)
    sizes = [part.size for part in masks.parts]
    if rule == "per layer":
        expected = [size - round(0.6 * size) for size in sizes]
    else:
        shares = densities(rule, masks.parts, 0.4)
        expected = [round(share * size) for share, size in zip(shares, sizes, strict=True)]
    assert list(masks.counts) == expected
    assert masks.density == pytest.approx(0.4, abs=1e-3)


def test_keeping_everything_keeps_every_layer_whole():
    for rule in RULES:
        assert densities(rule, SHEET, 1.0) == pytest.approx((1.0, 1.0, 1.0))
    # shares of which the last comes out a hair above 1 in floating point
    assert solved([0.0821078431372549, 0.10416666666666667], [951, 299], 1.0) == (1.0, 1.0)
