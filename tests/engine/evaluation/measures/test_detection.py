"""Measures of detectors: slow re-derivations, limits, and the libraries' own numbers."""

from itertools import product

import numpy as np
import pytest
from scipy.spatial import ConvexHull
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from engine.core.errors import BlindspotError
from engine.evaluation.measures import detection

RNG = np.random.default_rng(0)
KNOWN = np.round(RNG.normal(0, 1, 60), 1)  # rounded, so that there are ties
UNKNOWN = np.round(RNG.normal(1, 1, 45), 1)
RIGHT = RNG.random(60) < 0.8
BOTH = np.concatenate([KNOWN, UNKNOWN])
IS_UNKNOWN = np.repeat([0, 1], [60, 45])


def pairs(known, unknown):
    """The share of pairs of which the unknown one scores more; ties are halves."""
    return np.mean([(u > k) + 0.5 * (u == k) for k, u in product(known, unknown)])


def test_auroc_counts_pairs_and_ties_half():
    assert detection.auroc(KNOWN, UNKNOWN) == pytest.approx(pairs(KNOWN, UNKNOWN))
    assert detection.auroc(KNOWN, UNKNOWN) == pytest.approx(roc_auc_score(IS_UNKNOWN, BOTH))


@pytest.mark.parametrize(
    ("known", "unknown", "area"), [([0, 1], [2, 3], 1.0), ([2, 3], [0, 1], 0.0), ([1], [1], 0.5)]
)
def test_auroc_at_its_limits(known, unknown, area):
    assert detection.auroc(np.array(known), np.array(unknown)) == area


def test_the_hull_of_curves_is_the_upper_half_of_all_their_points_convex_hull():
    curves = [detection.roc(KNOWN, UNKNOWN), detection.roc(UNKNOWN[:30], KNOWN[:30] + 0.8)]
    x, y = detection.roc_hull(curves)
    points = np.concatenate([np.stack([curve.x, curve.y], 1) for curve in curves])
    whole = ConvexHull(np.concatenate([points, [[1, 0]]]))  # its lower half is the corner
    assert np.trapezoid(y, x) == pytest.approx(whole.volume)
    assert (np.diff(np.diff(y) / np.diff(x).clip(1e-12)) <= 1e-9).all()
    assert (x[0], y[-1]) == (0, 1)


def test_the_hull_of_a_useless_detector_is_the_diagonal_and_of_a_perfect_one_the_corner():
    useless, perfect = (
        detection.roc(np.arange(3.0), scores) for scores in (np.arange(3.0), np.full(2, 9.0))
    )
    assert np.trapezoid(*detection.roc_hull([useless])[::-1]) == pytest.approx(0.5)
    assert np.trapezoid(*detection.roc_hull([useless, perfect])[::-1]) == pytest.approx(1)


def test_errors_are_told_by_pairs_of_a_wrong_and_a_right_answer():
    expected = pairs(KNOWN[RIGHT], KNOWN[~RIGHT])
    assert detection.error_auroc(KNOWN, RIGHT) == pytest.approx(expected)
    for alike in (RIGHT | True, RIGHT & False):
        assert np.isnan(detection.error_auroc(KNOWN, alike))
        assert detection.error_auroc(KNOWN, alike, 0.5) == 0.5


def test_the_roc_is_scikit_learn_s_and_its_area_is_the_auroc():
    rates = detection.roc(KNOWN, UNKNOWN)
    false, true, _ = roc_curve(IS_UNKNOWN, BOTH, drop_intermediate=False)
    assert rates.x == pytest.approx(false)
    assert rates.y == pytest.approx(true)
    assert np.trapezoid(rates.y, rates.x) == pytest.approx(detection.auroc(KNOWN, UNKNOWN))
    for level, x, y in zip(rates.thresholds, rates.x, rates.y, strict=True):
        assert (x, y) == pytest.approx(((level <= KNOWN).mean(), (level <= UNKNOWN).mean()))


@pytest.mark.parametrize("sizes", [None, (200, 150), (61, 347)])
def test_fpr95_in_both_conventions_is_found_by_trying_every_line(sizes):
    """With ties, and without any, where each image has a line of its own."""
    rng = np.random.default_rng(1)
    known, unknown = (KNOWN, UNKNOWN) if sizes is None else map(rng.normal, (0, 1), (1, 1), sizes)
    lines = np.unique(np.concatenate([known, unknown]))
    results = [line for line in lines if (line <= unknown).mean() >= 0.95]
    assert detection.fpr95(known, unknown) == (max(results) <= known).mean()
    valid_lines = [line for line in lines if (line >= known).mean() >= 0.95]
    assert detection.fpr95(known, unknown, "known") == (min(valid_lines) >= unknown).mean()
    assert detection.fpr95(known, unknown) != detection.fpr95(known, unknown, "known")


def test_twenty_images_need_nineteen():
    assert detection.count_at_95(20) == 19
    assert detection.count_at_95(21) == 20
    for count in range(1, 2000):
        assert detection.count_at_95(count) == -(-19 * count // 20)


@pytest.mark.parametrize("positive", ["unknown", "known"])
def test_recall_and_precision_are_those_of_what_is_flagged_at_each_threshold(positive):
    curve = detection.precision_recall(KNOWN, UNKNOWN, positive)
    result, others = (UNKNOWN, KNOWN) if positive == "unknown" else (-KNOWN, -UNKNOWN)
    assert (curve.thresholds[0], curve.x[0], curve.y[0]) == (np.inf, 0, 1)
    assert (np.diff(curve.thresholds[1:]) < 0).all()
    for level, x, y in list(zip(curve.thresholds, curve.x, curve.y, strict=True))[1:]:
        right, wrong = (level <= result).sum(), (level <= others).sum()
        assert (x, y) == pytest.approx((right / len(result), right / (right + wrong)))


@pytest.mark.parametrize("positive", ["unknown", "known"])
def test_aupr_by_steps_is_scikit_learn_s_average_precision(positive):
    truth, scores = (IS_UNKNOWN, BOTH) if positive == "unknown" else (1 - IS_UNKNOWN, -BOTH)
    steps = detection.aupr(KNOWN, UNKNOWN, positive, steps=True)
    assert steps == pytest.approx(average_precision_score(truth, scores))
    assert abs(detection.aupr(KNOWN, UNKNOWN, positive) - steps) < 0.02


def test_aupr_moves_with_the_share_of_unknown_images_and_auroc_does_not():
    many = np.tile(KNOWN, 5)
    assert detection.auroc(many, UNKNOWN) == pytest.approx(detection.auroc(KNOWN, UNKNOWN))
    assert detection.aupr(many, UNKNOWN) < detection.aupr(KNOWN, UNKNOWN) - 0.1


def test_oscr_is_written_again_with_a_loop():
    rates = detection.oscr(KNOWN, RIGHT, UNKNOWN)
    for line, x, y in zip(rates.thresholds, rates.x, rates.y, strict=True):
        assert x == pytest.approx((line >= UNKNOWN).mean())
        assert y == pytest.approx(((line >= KNOWN) & RIGHT).mean())


def test_a_perfect_detector_s_auoscr_is_the_accuracy_and_none_is_above_it():
    assert detection.auoscr(KNOWN, RIGHT, UNKNOWN + 100) == pytest.approx(RIGHT.mean())
    for seed in range(20):
        rng = np.random.default_rng(seed)
        area = detection.auoscr(rng.normal(size=60), RIGHT, rng.normal(size=45))
        assert area <= RIGHT.mean() + 1e-12


def test_where_every_answer_is_right_auoscr_is_auroc_without_its_ties():
    known, unknown = RNG.normal(0, 1, 60), RNG.normal(1, 1, 45)
    area = detection.auoscr(known, np.ones(60, bool), unknown)
    assert area == pytest.approx(detection.auroc(known, unknown))


def test_oosa_counts_right_accepted_and_rejected_images():
    line = 0.5
    good = sum(k <= line and r for k, r in zip(KNOWN, RIGHT, strict=True))
    good += sum(u > line for u in UNKNOWN)
    assert detection.oosa(KNOWN, RIGHT, UNKNOWN, line) == pytest.approx(good / 105)


def test_the_best_line_is_found_by_trying_every_one():
    tried = [detection.oosa(KNOWN, RIGHT, UNKNOWN, line) for line in np.unique(BOTH)]
    best = detection.best_threshold(KNOWN, RIGHT, UNKNOWN)
    assert detection.oosa(KNOWN, RIGHT, UNKNOWN, best) == pytest.approx(max(tried))


def test_the_best_line_of_scores_that_tell_nothing_rejects_everything():
    question = np.ones(2), np.array([True, False]), np.ones(3)
    best = detection.best_threshold(*question)
    assert best == -np.inf
    assert detection.oosa(*question, best) == pytest.approx(3 / 5)


@pytest.mark.parametrize(
    ("known", "unknown", "words"),
    [
        ([], [1.0], "no known images"),
        ([1.0], [], "no unknown images"),
        ([np.nan, 1.0], [1.0], "known images is not a finite"),
        ([1.0], [0.0, np.inf], "unknown images is not a finite"),
    ],
)
def test_nothing_to_measure_by_is_a_sentence(known, unknown, words):
    with pytest.raises(BlindspotError, match=words):
        detection.auroc(np.array(known), np.array(unknown))
