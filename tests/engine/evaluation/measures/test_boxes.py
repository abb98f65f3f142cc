"""Precision of boxes, written again slowly as COCO evaluates a single class."""

from fractions import Fraction

import numpy as np
import pytest

from engine.evaluation.measures.boxes import (
    OVERLAPS,
    ScoredBoxes,
    average_precision,
    box_figures,
    pairwise_iou,
)


def drawn(seed, images=6):
    """Whole-numbered boxes, some of them near known ones, with distinct confidences."""
    rng = np.random.default_rng(seed)
    truth = [random_boxes(rng, rng.integers(0, 4)) for _ in range(images)]
    image, places = [], []
    for at, known in enumerate(truth):
        near = known + rng.integers(-3, 4, known.shape) * [1, 1, 0.5, 0.5] // 1
        both = np.concatenate([near[rng.random(len(near)) < 0.8], random_boxes(rng, 2)])
        image += [at] * len(both)
        places.append(np.maximum(both, [0, 0, 1, 1]))
    order = rng.permutation(len(image))
    confidence = rng.permutation(len(image)).astype(float)
    return ScoredBoxes(np.array(image)[order], np.concatenate(places)[order], confidence), truth


def random_boxes(rng, count):
    corners, sizes = rng.integers(0, 40, (count, 2)), rng.integers(6, 20, (count, 2))
    return np.concatenate([corners, sizes], 1).astype(float)


def pixels(box):
    """The unit squares of a box of whole numbers."""
    x, y, w, h = (int(edge) for edge in box)
    return {(i, j) for i in range(x, x + w) for j in range(y, y + h)}


def slow_hits(found, truth, overlap):
    """Confidence and outcome of each box, by counting squares."""
    rest = {(at, k): pixels(box) for at, boxes in enumerate(truth) for k, box in enumerate(boxes)}
    outcomes = []
    for row in sorted(range(len(found.image)), key=lambda row: -found.confidence[row]):
        covered, best = pixels(found.places[row]), (Fraction(0), None)
        for (at, k), known in rest.items():
            if at == found.image[row] and (
                share := Fraction(len(covered & known), len(covered | known))
            ):
                best = max(best, (share, (at, k)), key=lambda pair: pair[0])
        hit = best[1] is not None and best[0] >= Fraction(str(overlap))
        if hit:
            del rest[best[1]]
        outcomes.append((int(found.image[row]), hit))
    return outcomes


def slow_ap(outcomes, count):
    """The best precision at or beyond each recall, by trying every cut."""
    points, right = [], 0
    for at, (_, hit) in enumerate(outcomes, 1):
        right += hit
        points.append((Fraction(right, count), Fraction(right, at)))
    area, before = Fraction(0), Fraction(0)
    for recall in sorted({recall for recall, _ in points}):
        area += (recall - before) * max(p for r, p in points if r >= recall)
        before = recall
    return float(area)


@pytest.mark.parametrize("seed", range(20))
def test_figures_are_those_of_coco_s_evaluation_written_again(seed):
    result, truth = drawn(seed)
    count = sum(map(len, truth))
    got = box_figures(result, truth)
    outcomes = {overlap: slow_hits(result, truth, overlap) for overlap in (0.3, *OVERLAPS)}
    areas = {threshold: slow_ap(outcome, count) for threshold, outcome in outcomes.items()}
    assert got.map30 == pytest.approx(areas[0.3], abs=1e-12)
    assert got.map50 == pytest.approx(areas[0.5], abs=1e-12)
    mean = np.mean([areas[overlap] for overlap in OVERLAPS])
    assert got.map50_95 == pytest.approx(mean, abs=1e-12)
    assert got.hits30 == sum(hit for _, hit in outcomes[0.3])
    assert got.hits30 + got.false30 == len(result.image)
    with_boxes = {at for at, boxes in enumerate(truth) if len(boxes)}
    assert got.acc50 == len({at for at, hit in outcomes[0.5] if hit}) / len(with_boxes)


def test_the_boxes_drawn_here_hit_and_miss():
    results = [box_figures(*drawn(seed)) for seed in range(20)]
    assert 0.1 < np.mean([result.map30 for result in results]) < 0.9
    assert sum(result.hits30 for result in results) > 50
    assert sum(result.false30 for result in results) > 50


def test_the_known_boxes_themselves_are_perfect_and_nothing_found_is_zero():
    _, truth = drawn(3)
    image = np.repeat(np.arange(len(truth)), [len(boxes) for boxes in truth])
    perfect = box_figures(ScoredBoxes(image, np.concatenate(truth), 1.0 * image), truth)
    assert (perfect.map30, perfect.map50_95, perfect.acc50, perfect.false30) == (1, 1, 1, 0)
    nothing = ScoredBoxes(np.empty(0, np.int64), np.empty((0, 4)), np.empty(0))
    none = box_figures(nothing, truth)
    assert (none.map30, none.acc50, none.hits30) == (0, 0, 0)
    assert np.isnan(box_figures(nothing, [np.empty((0, 4))] * 2).map30)


def test_confidence_counts_by_its_order_alone_and_shuffled_it_costs_precision_and_no_hits():
    result, truth = drawn(5, images=30)
    same = ScoredBoxes(result.image, result.places, np.exp(result.confidence / 10))
    assert box_figures(same, truth) == box_figures(result, truth)
    pairs = zip(result.image, result.places, strict=True)
    sure = np.array([max(pairwise_iou(p[None], truth[i])[0], default=0.0) for i, p in pairs])
    mixed = np.random.default_rng(0).permutation(sure)
    sharp, shuffled = (
        box_figures(ScoredBoxes(result.image, result.places, confidence), truth)
        for confidence in (sure, mixed)
    )
    assert sharp.map50 > shuffled.map50 + 0.2
    assert abs(sharp.hits30 - shuffled.hits30) <= 2  # of two boxes on one lesion one counts


def test_two_boxes_on_one_lesion_are_one_hit_and_one_false_box():
    box = np.array([[0.2, 0.2, 0.2, 0.2]])
    twice = ScoredBoxes(np.zeros(2, int), np.repeat(box, 2, 0), np.array([0.9, 0.8]))
    got = box_figures(twice, [box])
    assert (got.hits30, got.false30, got.map30) == (1, 1, 1.0)
    assert average_precision(np.array([False, True]), 1) == 0.5
    assert pairwise_iou(box, np.zeros((1, 4)))[0, 0] == 0
