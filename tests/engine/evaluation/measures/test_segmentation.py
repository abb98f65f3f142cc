"""Pixel AUROC, AP and AUPRO, written again slowly from their definitions."""

from itertools import pairwise

import numpy as np
import pytest

from engine.core.errors import BlindspotError
from engine.evaluation.measures.segmentation import aupro, pixel_ap, pixel_auroc

RNG = np.random.default_rng(4)


def drawn(side=9, count=3, steps=12):
    """Maps with many ties, masks of several regions that touch at corners, and what counts."""
    rng = np.random.default_rng(int(RNG.integers(1000)))
    masks = rng.random((count, side, side)) < 0.2
    maps = np.round(rng.random((count, side, side)) * steps + 3 * masks).astype(np.float32)
    return maps, masks, rng.random((count, side, side)) < 0.8


def regions_of(mask):
    """Sets of 8-connected pixels, by walking from each of them."""
    left, result = set(zip(*np.nonzero(mask), strict=True)), []
    while left:
        region, edge = set(), [next(iter(left))]
        while edge:
            y, x = edge.pop()
            if (y, x) in left:
                left.remove((y, x))
                region.add((y, x))
                edge += [(y + i, x + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
        result.append(region)
    return result


def slow_aupro(maps, masks, within, limit):
    """Every threshold in turn; the area in exact pieces of straight lines."""
    points = [(0.0, 0.0)]
    for line in sorted(set(maps[within].tolist()), reverse=True):
        overlaps = [
            np.mean([maps[at][place] >= line for place in region])
            for at in range(len(maps))
            for region in regions_of(masks[at] & within[at])
        ]
        outside = maps[within & ~masks]
        points.append((float(np.mean(outside >= line)), float(np.mean(overlaps))))
    area = 0.0
    for (x0, y0), (x1, y1) in pairwise(points):
        if x0 >= limit or x1 == x0:
            continue
        end = min(x1, limit)
        height = y0 + (y1 - y0) * (end - x0) / (x1 - x0)
        area += (end - x0) * (y0 + height) / 2
    return area / limit


@pytest.mark.parametrize("limit", [0.05, 0.3, 1.0])
def test_aupro_is_the_mean_overlap_of_every_region_at_every_threshold(limit):
    for _ in range(5):
        question = *drawn(), limit
        assert aupro(*question) == pytest.approx(slow_aupro(*question), abs=1e-12)


def test_at_the_limit_itself_the_area_ends_at_the_first_overlap_that_has_its_false_positives():
    masks = np.zeros((1, 5, 2), bool)
    masks[0, 0] = True
    # one of eight pixels outside lies above all of the region, whose two pixels follow
    maps = np.array([[[4, 3], [5, 2], [1, 1], [1, 1], [1, 1]]], np.float32)
    within = np.ones(masks.shape, bool)
    assert aupro(maps, masks, limit=1 / 8) == slow_aupro(maps, masks, within, 1 / 8) == 0


def test_auroc_is_the_share_of_pairs_and_ap_the_sum_of_steps():
    for _ in range(5):
        maps, masks, within = drawn()
        inside, outside = maps[within & masks], maps[within & ~masks]
        pairs = (inside[:, None] > outside) + 0.5 * (inside[:, None] == outside)
        assert pixel_auroc(maps, masks, within) == pytest.approx(pairs.mean(), abs=1e-12)
        area, before = 0.0, 0.0
        for line in sorted(set(maps[within].tolist()), reverse=True):
            hits, alarms = (inside >= line).sum(), (outside >= line).sum()
            area += (hits / len(inside) - before) * hits / (hits + alarms)
            before = hits / len(inside)
        assert pixel_ap(maps, masks, within) == pytest.approx(area, abs=1e-12)


def test_a_perfect_map_scores_one_and_a_flat_map_what_chance_gives():
    _, masks, within = drawn()
    perfect, flat = masks.astype(np.float32), np.zeros(masks.shape, np.float32)
    for measure, chance in ((pixel_auroc, 0.5), (pixel_ap, masks[within].mean()), (aupro, 0.15)):
        assert measure(perfect, masks, within) == pytest.approx(1)
        assert measure(flat, masks, within) == pytest.approx(chance)


def test_only_what_counts_counts():
    maps, masks, within = drawn()
    changed = np.where(within, maps, 1e6).astype(np.float32)
    other = np.where(within, masks, ~masks)
    for measure in (pixel_auroc, pixel_ap, aupro):
        assert measure(changed, other, within) == measure(maps, masks, within)
    air = np.pad(maps, ((0, 0), (9, 9), (9, 9)))
    around = np.pad(masks, ((0, 0), (9, 9), (9, 9)))
    assert pixel_auroc(air, around) > pixel_auroc(maps, masks) + 0.1  # air flatters every map


def test_small_regions_count_as_much_as_large_ones():
    masks = np.zeros((1, 12, 12), bool)
    masks[0, :6, :6], masks[0, 10, 10] = True, True
    large, small = np.zeros(masks.shape, np.float32), np.zeros(masks.shape, np.float32)
    large[0, :6, :6], small[0, 10, 10] = 1, 1
    assert aupro(large, masks) == pytest.approx(aupro(small, masks))
    assert pixel_ap(large, masks) > pixel_ap(small, masks) + 0.5


def test_what_does_not_fit_is_a_sentence():
    maps, masks, _ = drawn()
    for odd, words in (
        ((maps, masks[:, :-1]), "bring the masks to the maps' size"),
        ((maps, masks & False), "lies inside"),
        ((maps, masks | True), "lies outside"),
        ((np.where(masks, np.nan, maps), masks), "not finite"),
        ((maps, masks, masks & False), "lies inside"),
    ):
        for measure in (pixel_auroc, pixel_ap, aupro):
            with pytest.raises(BlindspotError, match=words):
                measure(*odd)
