"""The projection that QuadAttacK needs: closed form, optimality, and a reference solver."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import nnls

from engine.attribution.quadattack.polyhedron import Polyhedron, class_pairs


def drawn(seed, classes=12, features=16):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(classes, features)), rng.normal(size=classes), rng


def by_reference(shape, features):
    """The least-distance problem by Lawson and Hanson's NNLS (their chapter 23, LDP)."""
    lacking = shape.least - shape.rows @ features
    stacked = np.vstack([shape.rows.T, lacking])
    goal = np.zeros(len(stacked))
    goal[-1] = 1
    result, _ = nnls(stacked, goal, maxiter=100_000)
    rest = stacked @ result - goal
    return features - rest[:-1] / rest[-1]


@pytest.mark.parametrize("seed", range(8))
def test_of_two_classes_it_is_the_closed_form(seed):
    weight, bias, rng = drawn(seed, classes=2, features=7)
    features, margin = rng.normal(size=7), 0.2
    result = Polyhedron(weight, bias, [1], margin).nearest(features).point
    way, ahead = weight[1] - weight[0], bias[1] - bias[0]
    lacking = max(0.0, margin - way @ features - ahead)
    np.testing.assert_allclose(result, features + lacking * way / (way @ way), atol=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_it_is_optimal_and_equals_a_reference_solver(seed):
    classes, count = (12, 5) if seed % 2 else (40, 10)
    weight, bias, rng = drawn(seed, classes, 16 if seed % 2 else 64)
    order = rng.permutation(classes)[:count].tolist()
    shape = Polyhedron(weight, bias, order, 0.2)
    features = 3 * rng.normal(size=weight.shape[1])
    assert not shape.empty
    result = shape.nearest(features)
    slack = shape.rows @ result.point - shape.least
    assert result.residual < 1e-4
    assert slack.min() > -1e-4
    assert result.multipliers.min() >= 0
    assert np.abs(result.multipliers * slack).max() < 1e-4
    assert np.abs(result.point - features - shape.rows.T @ result.multipliers).max() < 1e-9
    assert np.abs(result.point - by_reference(shape, features)).max() < 1e-3
    logits = weight @ result.point + bias
    assert logits.argsort()[::-1][:count].tolist() == order
    assert all(logits[first] - logits[second] > 0.2 - 1e-4 for first, second in pairwise(order))


def test_many_classes_features_with_the_order_and_a_warm_start_meet_the_conditions():
    weight, bias, rng = drawn(3, 60, 64)
    shape = Polyhedron(weight, bias, [4, 2, 9], 0.2)
    features = rng.normal(size=64)
    for _ in range(5):
        features = features + 0.1 * rng.normal(size=64)
        warm = shape.nearest(features).point
        cold = Polyhedron(weight, bias, [4, 2, 9], 0.2).nearest(features).point
        np.testing.assert_allclose(warm, cold, atol=1e-6)
    weight, bias, rng = drawn(0, 1000, 1280)
    shape = Polyhedron(0.05 * weight, bias, rng.permutation(1000)[:10].tolist(), 0.2)
    assert shape.nearest(rng.normal(size=1280)).residual < 1e-4
    weight, bias, rng = drawn(1)
    shape = Polyhedron(weight, bias, [3, 5], 0.2)
    inside = shape.nearest(rng.normal(size=16)).point
    np.testing.assert_allclose(shape.nearest(inside).point, inside, atol=1e-6)


def test_pairs_say_who_must_lead_whom_and_impossible_orders_are_known():
    weight = np.array([[1.0], [0.0], [-1.0]])  # one feature: class 1 is never first by far
    assert Polyhedron(weight, np.zeros(3), [1], 0.2).empty
    assert not Polyhedron(weight, np.zeros(3), [0, 1], 0.2).empty
    ahead, behind = class_pairs([4, 1], 5)
    pairs = list(zip(ahead.tolist(), behind.tolist(), strict=True))
    assert pairs == [(4, 1), (1, 0), (1, 2), (1, 3)]
