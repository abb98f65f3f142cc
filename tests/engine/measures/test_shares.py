"""Shares of right answers: their interval, and what chance and luck reach."""

import numpy as np
import pytest

from engine.measures.shares import DEVIATIONS, confusion, luck, majority_share, wilson


def test_chance_is_the_share_of_the_most_frequent_class_and_confusion_counts_pairs():
    labels, predictions = np.array([2, 0, 2]), np.array([1, 0, 2])
    assert majority_share(labels) == pytest.approx(2 / 3)
    assert majority_share(labels[:0]) == 1
    assert confusion(predictions, labels, 3).tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 1]]


@pytest.mark.parametrize("seed", range(5))
def test_luck_is_the_mean_and_spread_over_all_orders_of_the_outputs(seed):
    rng = np.random.default_rng(seed)
    predictions, labels = rng.integers(0, 6, 200), rng.integers(0, 6, 200)
    orders = [rng.permutation(6) for _ in range(4000)]
    shares = np.array([(order[predictions] == labels).mean() for order in orders])
    expected = shares.mean() + DEVIATIONS * shares.std()
    assert luck(predictions, labels, 6) == pytest.approx(expected, abs=0.01)


def test_the_interval_is_wilsons():
    low, high = wilson(55, 500)
    z, p, n = 1.959964, 0.11, 500
    center, half = p + z * z / (2 * n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert (low, high) == pytest.approx(
        ((center - half) / (1 + z * z / n), (center + half) / (1 + z * z / n)), abs=1e-6
    )
    assert wilson(0, 0) == (0.0, 1.0)


def test_of_few_classes_and_of_no_images_no_luck_is_known():
    labels = np.arange(10)
    assert luck(labels % 5, labels % 5, 5) == luck(labels[:0], labels[:0], 6) == 0
    assert luck(labels % 6, labels % 6, 6) > 0
