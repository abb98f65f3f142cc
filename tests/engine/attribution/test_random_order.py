"""The band of random orders on a score that is a sum."""

import numpy as np
import pytest
import torch

from engine.attribution.heatmaps.partition import Partition
from engine.attribution.lima import LiMA, RandomOrder
from engine.attribution.lima.seeing import SAME, segment_image
from engine.case import ImageCase
from engine.case.target import Target
from engine.errors import BlindspotError
from tests import tiny

METHOD = RandomOrder(shape="grid", regions=16, orders=4)


def test_the_band_holds_what_a_sum_gives():
    """On a score that is a sum, shown and hidden of one order add up to both ends, so do areas."""
    case = tiny.linear_case()
    case.model.network.weight.data *= 0.002  # where the probability is all but linear
    result = METHOD(case)
    both = case.model.logits(torch.stack([torch.zeros_like(case.image), case.image]))
    ends = both.softmax(1)[:, 1].numpy()
    areas = result["areas"]
    assert areas["insertion"] + areas["deletion"] == pytest.approx(ends.sum(), abs=2e-3)
    for name, first in (("insertion", ends[0]), ("deletion", ends[1])):
        low, high = result[f"{name} low"].y, result[f"{name} high"].y
        assert (low <= high).all()
        assert [low[0], high[0]] == pytest.approx([first, first], abs=1e-6)
        inside = (low < high - 1e-9).sum()
        assert inside > 30


def test_its_curves_are_those_of_the_probability_however_the_score_is_read():
    cases = [tiny.cnn_case()]
    cases.append(ImageCase(cases[0].model, cases[0].image, Target(3, versus=0, reading="margin")))
    first, second = (METHOD(case) for case in cases)
    assert (first["areas"]["insertion"] == second["areas"]["insertion"]).all()
    assert 0 <= first["insertion low"].y.min() <= first["insertion high"].y.max() <= 1


def test_another_seed_draws_other_orders_of_the_same_regions():
    case = tiny.cnn_case()
    other = ImageCase(case.model, case.image, case.target, seed=1)
    first, second = (METHOD(question)["areas"]["insertion"] for question in (case, other))
    assert not np.array_equal(first, second)
    assert Partition.of(case, "grid", 16).count == Partition.of(other, "grid", 16).count


@pytest.mark.parametrize("kind", [LiMA, RandomOrder])
def test_an_image_that_is_its_own_cover_is_refused(kind):
    model = tiny.cnn()
    case = ImageCase(model, torch.zeros(3, 32, 32), Target(1))
    with pytest.raises(BlindspotError, match=r"same as what hides its regions \(black\)"):
        kind(shape="grid", regions=16)(case)


@pytest.mark.parametrize(("step", "refused"), [(0.99, True), (1.0, False)])
def test_half_a_step_of_one_number_is_enough_to_be_no_cover(step, refused):
    image = torch.zeros(3, 32, 32)
    image[1, 3, 4] = step * SAME
    case = ImageCase(tiny.cnn(), image, Target(1))
    if refused:
        with pytest.raises(BlindspotError, match="same as what hides"):
            segment_image(case, "grid", 16, "black")
    else:
        assert segment_image(case, "grid", 16, "black").partition.count == 16


@pytest.mark.parametrize("shape", ["grid", "superpixels"])
def test_the_band_is_the_least_and_most_of_its_orders_shown_region_by_region(shape):
    case = tiny.cnn_case()
    result = RandomOrder(shape=shape, regions=12, orders=3, cover="mean")(case)
    labels = Partition.of(case, shape, 12).labels
    count = int(labels.max()) + 1
    generator = np.random.default_rng(case.seed)
    area = np.linspace(0, 1, 51)
    assert result["insertion low"].x == pytest.approx(area)
    curves, areas = {"insertion": [], "deletion": []}, {"insertion": [], "deletion": []}
    for _ in range(3):
        ranks = torch.from_numpy(generator.permutation(count))[labels]
        curve = [(ranks < step) for step in range(count + 1)]
        mask_areas = [mask.double().mean().item() for mask in curve]
        for name, masks in (("insertion", curve), ("deletion", [~mask for mask in curve])):
            images = torch.stack(
                [torch.where(mask, case.image, case.baseline("mean")) for mask in masks]
            )
            p = case.model.logits(images).softmax(1)[:, case.target.index].numpy()
            curves[name].append(np.interp(area, mask_areas, p))
            areas[name].append(np.trapezoid(p, mask_areas))
    for name, curve in curves.items():
        assert result[f"{name} low"].y == pytest.approx(np.min(curve, 0), abs=1e-5)
        assert result[f"{name} high"].y == pytest.approx(np.max(curve, 0), abs=1e-5)
        assert result["areas"][name] == pytest.approx(areas[name], abs=1e-5)
