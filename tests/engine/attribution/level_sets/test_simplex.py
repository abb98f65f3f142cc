"""The triangle on a linear model, where every point can be worked out by hand."""

import numpy as np
import pytest
import torch

from engine.attribution.level_sets.simplex import FALLS, Simplex, barycentric, corners, statistics
from tests import tiny
from tests.engine.attribution.level_sets import slowly

WALK = {"eta": 0.05, "steps": 60, "epsilon": None, "noise": 0}


@pytest.fixture(scope="module")
def answered():
    case, confidence = slowly.linear_pair(targets=2)
    return case, confidence, Simplex(cells=6, **WALK)(case)


def by_hand(source, a, b, cells):
    """Every (i, j) with its blend."""
    for i in range(cells + 1):
        for j in range(cells + 1 - i):
            yield (i, j), source + i / cells * (a - source) + j / cells * (b - source)


def test_on_a_linear_model_every_point_is_the_blend_s_own_confidence(answered):
    case, confidence, result = answered
    source = case.source.image.double().numpy()
    spots = [slowly.linear_end(case, target, 0.05, 60) for target in case.others]
    raw = [target.double().numpy() for target in case.others]
    for name, ends in (("blind spots", spots), ("raw targets", raw)):
        triangle = result[name]
        expected = [confidence(image) for _, image in by_hand(source, *ends, 6)]
        assert len(triangle.values) == len(expected) == 28
        np.testing.assert_allclose(triangle.values, expected, atol=1e-4)
        np.testing.assert_allclose(triangle.images, np.stack([source, *ends]), atol=5e-4)
    flat, steep = (np.ptp(result[name].values) for name in ("blind spots", "raw targets"))
    assert flat < 1e-4
    assert steep > 0.05


def test_whoever_shows_it_can_blend_by_the_weights(answered):
    case, _, result = answered
    triangle = result["raw targets"]
    blends = torch.tensor(
        np.einsum("nk,kchw->nchw", triangle.weights, triangle.images.astype("f4"))
    )
    confidences = case.model.logits(blends).softmax(1)[:, case.source.target.index]
    np.testing.assert_allclose(triangle.values, confidences, atol=2e-3)
    np.testing.assert_allclose(triangle.weights.sum(1), 1, atol=1e-6)


def test_the_statistics_are_those_of_a_plain_loop(answered):
    _, _, result = answered
    for row, name in enumerate(("blind spots", "raw targets")):
        p = {}
        for weights, value in zip(result[name].weights, result[name].values, strict=True):
            _, i, j = np.rint(weights * 6).astype(int)
            p[i, j] = value
        source = p[0, 0]
        paths = [p[i, 0] for i in range(7)] + [p[0, j] for j in range(7)]
        expected = [
            source,
            sum(p.values()) / len(p),
            *(sum(value > source - fall for value in p.values()) / len(p) for fall in FALLS),
            sum(paths) / 14,
            min(paths) - source,
        ]
        np.testing.assert_allclose(result["statistics"].values[row], expected, rtol=1e-5, atol=1e-6)
    assert len(result["statistics"].order) == len(result["statistics"].units) == 8


def test_points_go_from_the_source_by_whole_steps_to_both_ends():
    assert barycentric(2).tolist() == [
        [2, 0, 0],
        [1, 0, 1],
        [0, 0, 2],
        [1, 1, 0],
        [0, 1, 1],
        [0, 2, 0],
    ]


def test_the_statistics_of_six_points_by_hand():
    """In the order above: a share counts what lies above its bound and not at it."""
    values = np.array([0.75, 0.5, 0.25, 0.75, 0.5, 1.0], np.float32)
    result = statistics(values, barycentric(2))
    to_b, to_a = 0.75 + 0.5 + 0.25, 0.75 + 0.75 + 1.0
    shares = [1 / 6, 3 / 6, 3 / 6, 5 / 6]  # above 0.75, 0.65, 0.55 and 0.45
    expected = [0.75, 3.75 / 6, *shares, (to_a + to_b) / 6, 0.25 - 0.75]
    assert result == pytest.approx(np.array(expected), rel=1e-6)


def test_the_corners_keep_lengths_and_angle():
    images = torch.stack([tiny.image(seed=seed) for seed in (1, 2, 3)])
    images[2] = images[0] + 0.5 * (images[1] - images[0]) + 0.1 * (images[2] - images[0])
    s, a, b = corners(images).double()
    length = (images[1] - images[0]).norm()
    for first, second, (i, j) in ((s, a, (0, 1)), (s, b, (0, 2)), (a, b, (1, 2))):
        distance = (images[i] - images[j]).norm() / length
        assert float((first - second).norm()) == pytest.approx(float(distance), rel=1e-4)
    assert s.tolist() == [0, 0]
    assert a.tolist() == [1, 0]
