"""RISE against the paper's sum, written out slowly."""

from math import ceil

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from engine.attribution.heatmaps.rise import RandomGrids, Rise
from engine.case import ImageCase
from engine.case.target import Target
from tests import tiny


def slow_masks(method, case):
    """Each mask by enlarging its grid as a picture and cutting it out."""
    random_grids = RandomGrids.random(method, case)
    height, width = case.image.shape[1:]
    n = method.cells
    cell = ceil(height / n), ceil(width / n)
    for grid, (y, x) in zip(random_grids.grids, random_grids.shifts.tolist(), strict=True):
        size = ((n + 1) * cell[0], (n + 1) * cell[1])
        grown = F.interpolate(grid[None, None], size=size, mode="bilinear", align_corners=False)
        yield grown[0, 0, y : y + height, x : x + width]


def test_it_is_the_paper_s_sum_written_out_mask_by_mask():
    case = tiny.cnn_case()
    method = Rise(masks=100, cells=5, cover="black")
    masks = list(slow_masks(method, case))
    scores = [case.model.logits((mask * case.image)[None])[0, 3].item() for mask in masks]
    mean = sum(scores) / len(scores)
    slow = sum((score - mean) * mask for score, mask in zip(scores, masks, strict=True))
    np.testing.assert_allclose(
        method(case)["map"].values, (slow / (100 * 0.5)).numpy(), rtol=1e-3, atol=1e-7
    )


def test_masks_lie_between_hidden_and_shown_and_show_their_share():
    case = tiny.cnn_case()
    method = Rise(masks=500, cells=7, share=0.3)
    random_grids = RandomGrids.random(method, case)
    whole = torch.stack([random_grids.mask(index) for index in range(500)])
    assert whole.min() >= 0
    assert whole.max() <= 1 + 1e-6
    assert whole.mean().item() == pytest.approx(0.3, abs=0.02)
    assert whole.mean(0).std() < 0.05
    assert set(random_grids.shifts.flatten().tolist()) == set(range(ceil(32 / 7)))


def test_a_constant_score_gives_a_flat_map():
    case = tiny.cnn_case()
    same = ImageCase(case.model, case.baseline("mean"), Target(3))
    np.testing.assert_allclose(Rise(masks=100)(same)["map"].values, 0.0, atol=1e-6)


def test_on_a_linear_model_it_finds_the_pixels_that_carry_the_score():
    weight = torch.zeros(3, 32, 32)
    weight[:, 4:12, 20:28] = 1.0
    model = tiny.classifier(tiny.Linear(weight), 32, "linear")
    case = ImageCase(model, torch.full((3, 32, 32), 0.5), Target(1))
    values = Rise(masks=1000, cover="black")(case)["map"].values
    inside, outside = values[4:12, 20:28].mean(), np.delete(values, range(20, 28), 1).mean()
    assert inside > 5 * abs(outside)
    row, column = np.unravel_index(values.argmax(), values.shape)
    assert 4 <= row < 12
    assert 20 <= column < 28
