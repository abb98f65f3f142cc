"""Calibration derived again slowly; shares of right answers, and what chance and luck reach."""

from itertools import permutations
from math import ceil, exp, log, nan

import numpy as np
import pytest

from engine.core.errors import BlindspotError
from engine.evaluation.measures.calibration import (
    BINS,
    COLDEST,
    HOTTEST,
    calibration,
    fitted_temperature,
)
from engine.vision.shares import DEVIATIONS, confusion, luck, majority_share, wilson


def drawn(count=300, classes=5, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(0, 2, (count, classes)).astype(np.float32), rng.integers(classes, size=count)


def calibrated():
    """Logits, and labels drawn from their probabilities."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1.5, (20_000, 4))
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return logits, (rng.random((len(logits), 1)) > chances.cumsum(1)).sum(1)


def slowly(logits, labels):
    """Image by image, in plain Python."""
    bins = [[] for _ in range(BINS)]
    brier = nll = 0.0
    sure = []
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        top = max(row)
        powers = [exp(value - top) for value in row]
        chances = [power / sum(powers) for power in powers]
        answer = max(range(len(row)), key=chances.__getitem__)
        confidence, hit = chances[answer], float(answer == label)
        bins[min(max(ceil(confidence * BINS) - 1, 0), BINS - 1)].append((confidence, hit))
        sure.append((confidence, hit))
        brier += sum((p - (k == label)) ** 2 for k, p in enumerate(chances))
        nll -= log(chances[label])
    gaps = [
        (abs(sum(h for _, h in group) - sum(c for c, _ in group)) / len(group), len(group))
        for group in bins
        if group
    ]
    ordered = sorted(sure, key=lambda pair: pair[0])
    even = [ordered[k * len(sure) // BINS : (k + 1) * len(sure) // BINS] for k in range(BINS)]
    adaptive = sum(
        abs(sum(h for _, h in group) - sum(c for c, _ in group)) for group in even if group
    )
    return {
        "ece": sum(gap * count for gap, count in gaps) / len(labels),
        "mce": max(gap for gap, _ in gaps),
        "adaptive_ece": adaptive / len(labels),
        "brier": brier / len(labels),
        "nll": nll / len(labels),
        "accuracy": sum(h for _, h in sure) / len(labels),
        "counts": [len(group) for group in bins],
        "confidence": [sum(c for c, _ in group) / len(group) if group else nan for group in bins],
        "hits": [sum(h for _, h in group) / len(group) if group else nan for group in bins],
    }


@pytest.mark.parametrize("seed", range(4))
def test_every_figure_is_that_of_a_plain_derivation(seed):
    logits, labels = drawn(seed=seed)
    if seed % 2:  # right where it is unsure, so that some bins are too sure and some not enough
        labels = np.where(logits.max(1) < 2.5, logits.argmax(1), labels)
    result = calibration(logits, labels)
    for name, value in slowly(logits, labels).items():
        assert getattr(result, name) == pytest.approx(value, abs=1e-6, nan_ok=True), name
    assert result.counts.sum() == len(labels)


def test_of_twenty_classes_that_are_all_alike_the_confidence_is_in_the_lowest_bin():
    result = calibration(np.zeros((10, 20)), np.arange(10))
    assert result.counts.tolist() == [10] + [0] * (BINS - 1)
    assert result.confidence[0] == pytest.approx(1 / 20)
    assert result.hits[0] == result.accuracy == 1 / 10  # the first of equal ones is the answer


def test_logits_of_any_size_have_log_probabilities():
    result = calibration(np.array([[10_000.0, 0], [0, -10_000.0]]), np.array([1, 0]))
    assert result.nll == pytest.approx(5_000)
    assert result.brier == pytest.approx(1)


def test_a_temperature_is_looked_for_between_its_bounds():
    """Where every answer is right no heat is too cold, where answers are chance none too hot."""
    logits = np.random.default_rng(0).normal(0, 1, (500, 3))
    assert fitted_temperature(logits, logits.argmax(1)) == pytest.approx(COLDEST, rel=1e-3)
    assert fitted_temperature(logits, logits.argmin(1)) == pytest.approx(HOTTEST, rel=1e-3)


def test_it_does_not_depend_on_batches_and_a_shift_of_all_logits_changes_nothing():
    logits, labels = drawn()
    order = np.random.default_rng(1).permutation(len(labels))
    first, second = calibration(logits, labels), calibration(logits[order] + 7, labels[order])
    assert first.ece == pytest.approx(second.ece, abs=1e-6)
    assert first.brier == pytest.approx(second.brier, abs=1e-6)


def test_sure_and_right_is_perfect_and_sure_and_wrong_is_the_worst():
    logits = np.eye(3)[[0, 1, 2, 0]] * 100
    good = calibration(logits, np.array([0, 1, 2, 0]))
    assert (good.ece, good.mce, good.accuracy) == (0, 0, 1)
    bad = calibration(logits, np.array([1, 2, 0, 1]))
    assert (bad.ece, bad.mce, bad.brier) == pytest.approx((1, 1, 2))


def test_labels_drawn_from_the_probabilities_are_calibrated_and_sharper_ones_are_not():
    logits, labels = calibrated()
    assert calibration(logits, labels).ece < 0.02
    assert calibration(logits * 3, labels).ece > 0.1
    assert calibration(logits * 3, labels, 3.0).ece == pytest.approx(
        calibration(logits, labels).ece
    )


def test_the_fitted_temperature_is_where_the_likelihood_is_flat():
    logits, labels = drawn(seed=3)
    labels = np.where(np.arange(len(labels)) % 3 > 0, logits.argmax(1), labels)
    heat = fitted_temperature(logits, labels)
    fitted_nll = calibration(logits, labels, heat).nll
    assert fitted_nll <= calibration(logits, labels, heat * 1.01).nll
    assert fitted_nll <= calibration(logits, labels, heat / 1.01).nll


def test_without_images_there_is_nothing_to_say():
    with pytest.raises(BlindspotError, match="at least one image"):
        calibration(np.zeros((0, 3)), np.zeros(0, int))
    with pytest.raises(BlindspotError, match="validation images"):
        fitted_temperature(np.zeros((0, 3)), np.zeros(0, int))


@pytest.mark.parametrize("heat", [0.08, 0.3, 0.7, 1.6, 3.0, 9.0])
def test_a_temperature_is_found_below_one_as_well_as_above(heat):
    logits, labels = calibrated()
    assert fitted_temperature(logits * heat, labels) == pytest.approx(heat, rel=0.05)


def test_chance_is_the_share_of_the_most_frequent_class_and_confusion_counts_pairs():
    labels, predictions = np.array([2, 0, 2]), np.array([1, 0, 2])
    assert majority_share(labels) == pytest.approx(2 / 3)
    assert majority_share(labels[:0]) == 1
    assert confusion(predictions, labels, 3).tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 1]]


@pytest.mark.parametrize("seed", range(5))
def test_luck_is_the_mean_and_spread_over_all_orders_of_the_outputs(seed):
    rng = np.random.default_rng(seed)
    predictions, labels = rng.integers(0, 6, 200), rng.integers(0, 6, 200)
    orders = np.array([*permutations(range(6))])
    shares = (orders[:, predictions] == labels).mean(1)
    expected = shares.mean() + DEVIATIONS * shares.std()
    assert luck(predictions, labels, 6) == pytest.approx(expected)


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
