"""The edit changes the rectangle and nothing else."""

import pytest
import torch

from engine.case.editing import covered
from tests import tiny


@pytest.mark.parametrize("cover", ["mean", "black", "blur"])
def test_only_the_rectangle_changes(cover):
    case = tiny.cnn_case()
    edited = covered(case, (0.25, 0.5, 0.5, 0.25), cover)
    changed = (edited.image != case.image).any(0)
    assert changed[16:24, 8:24].float().mean() > 0.9
    assert changed.sum() <= 8 * 16
    assert torch.equal(edited.image[:, 16:24, 8:24], case.baseline(cover)[:, 16:24, 8:24])
    assert edited.fingerprint != case.fingerprint


def test_paint_is_the_color_that_was_chosen():
    case = tiny.cnn_case()
    painted = covered(case, (0.25, 0.5, 0.5, 0.25), "paint", "#ff8000").image[:, 20, 12]
    assert painted.tolist() == pytest.approx([1, 128 / 255, 0])


def test_covering_with_nothing_asks_the_same_question():
    case = tiny.cnn_case()
    assert covered(case, (0.5, 0.5, 0.0, 0.0), "black").fingerprint == case.fingerprint
