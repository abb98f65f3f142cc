"""Every cell of the grid is a walk of its own."""

import numpy as np
import pytest
import torch

from engine.attribution.level_sets.grid import Grid
from engine.attribution.level_sets.lst import LST
from engine.case import ImageCase, PairCase
from engine.case.target import Target
from engine.errors import BlindspotError
from tests import tiny

WALK = {"eta": 0.05, "steps": 40}


def test_each_cell_is_the_end_of_its_own_walk():
    case = tiny.pair_case(tiny.mlp(scale=1.0), 2)
    model, images = case.model, (case.source.image, *case.others)
    result = Grid(**WALK)(case)
    frames = result["images"].frames.reshape(3, 3, 3, 8, 8)
    for row, target in enumerate(images):
        for column, source in enumerate(images):
            label = int(model.logits(source[None])[0].argmax())
            if row == column:
                np.testing.assert_allclose(frames[row, column], source, atol=5e-4)
                end = source[None].numpy()
            else:
                pair = PairCase(ImageCase(model, source, Target(label)), (target,))
                end = LST(**WALK)(pair)["end"].frames
                np.testing.assert_allclose(frames[row, column], end[0], atol=1e-3)
            logits = model.logits(torch.tensor(end))
            expected = float(logits.softmax(1)[0, label])
            assert result["confidence"].values[row, column] == pytest.approx(expected, abs=2e-3)
            assert result["kept"].values[row, column] == (logits.argmax() == label)
            left = float((torch.tensor(end[0]) - target).square().mean().sqrt())
            assert result["rmse"].values[row, column] == pytest.approx(left, abs=1e-3)
            assert result["confidence"].rows[column] == model.labels[label]
    assert np.diag(result["rmse"].values).max() == 0


def test_twins_among_the_images_are_refused():
    case = tiny.pair_case(tiny.mlp(), 2)
    twin = PairCase(case.source, (*case.others, case.others[0].clone()))
    with pytest.raises(BlindspotError, match="Two of the images are the same"):
        Grid(**WALK)(twin)
