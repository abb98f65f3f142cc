"""Where the line stands on the curves, and how much lies where the head hardly looks."""

from __future__ import annotations

import numpy as np
import pytest

from engine.anomaly import KNN
from engine.anomaly.protocol.standing import apart_where_unseen, operating
from tests import tiny


@pytest.fixture(scope="module")
def found():
    return KNN()(tiny.familiar_case(tiny.cnn()))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_the_operating_point_lies_on_its_curve(found, share):
    scores = np.sort(np.concatenate([found["held"].values, found["unknown"].values]))
    line = float(scores[int(share * (len(scores) - 1))])
    for name, (x, y) in operating(found, line).items():
        curve = found[name]
        on_curve = np.isclose(curve.x, x, atol=1e-6) & np.isclose(curve.y, y, atol=1e-6)
        assert on_curve.any(), name


def test_a_line_above_everything_flags_nothing_and_makes_no_false_alarm(found):
    points = operating(found, 1e9)
    assert points["roc"] == (0.0, 0.0)
    assert points["pr"] == (0.0, 1.0)


def test_what_sets_an_image_apart_is_split_at_the_middle_of_the_weights():
    weight = np.array([4, 1, 3, 2], np.float32)
    activations, usual = np.array([1, 5, 0, 1], np.float32), np.array([0, 2, 0, 1], np.float32)
    assert apart_where_unseen(weight, activations, usual) == pytest.approx(0.75)
