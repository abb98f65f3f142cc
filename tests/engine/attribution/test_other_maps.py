"""Other methods' maps as orders of the regions that LiMA puts in order."""

import numpy as np
import pytest
import torch

from engine.attribution.heatmaps.partition import Partition
from engine.attribution.lima import LiMA, OtherMaps, RandomOrder
from engine.attribution.lima.other_maps import area_table, by_mean
from engine.run import recompute
from tests import tiny

METHOD = OtherMaps(shape="grid", regions=16, samples=200)


def test_exact_maps_order_the_parts_of_a_sum():
    """On a linear score the best order sorts the regions by what they add; three maps find it."""
    case = tiny.linear_case()
    case.model.network.weight.data *= 0.002  # where the probability is all but linear
    partition = Partition.of(case, "grid", 16)
    worth = partition.sums(case.model.network.weight.detach() * case.image)
    ends = case.model.logits(torch.stack([torch.zeros_like(case.image), case.image])).softmax(1)
    nothing, everything = ends[:, case.target.index].tolist()
    steps = np.concatenate([[0], np.cumsum(np.sort(worth.numpy())[::-1])]) / float(worth.sum())
    best = np.trapezoid(nothing + steps * (everything - nothing), dx=1 / partition.count)
    areas = METHOD(case)["areas"]
    for title in ("KernelSHAP", "Integrated gradients"):
        assert areas.cell(title, "insertion") == pytest.approx(best, abs=2e-3)
        assert areas.cell(title, "deletion") == pytest.approx(nothing + everything - best, abs=2e-3)
    assert "Grad-CAM" not in areas.rows  # it needs a map


def test_a_map_that_is_the_same_everywhere_puts_nothing_in_order():
    """The score of a model without weights never moves: nothing is lost, and there is no slope."""
    case = tiny.linear_case(seed=3)
    case.model.network.weight.data.zero_()
    rows = METHOD(case)["areas"].rows
    assert not {"Occlusion", "Integrated gradients"} & set(rows)


def test_its_share_of_progress_rises_from_map_to_map_to_the_end():
    """Four maps share four fifths alike, and the curves have what is left."""
    shares = []
    with recompute(lambda _case: True):  # a map that another test has asked for is computed again
        METHOD(tiny.linear_case(), lambda done, *_words: shares.append(done))
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    for number in (1, 2, 3, 4):
        assert min(abs(done - number * 0.2) for done in shares) < 1e-6


def test_a_region_counts_by_its_mean_whatever_its_size():
    labels = torch.tensor([[0, 0, 0], [1, 2, 2]])
    values = np.array([[1.0, 1, 1], [2, 1.2, 1.4]], np.float32)
    ranks = by_mean(Partition(labels), values)
    assert ranks.tolist() == [[2, 2, 2], [0, 1, 1]]


def test_the_table_has_the_search_s_areas_the_maps_and_the_mean_of_random_orders():
    case = tiny.cnn_case()
    result = LiMA(shape="grid", regions=16)(case)
    band, other = RandomOrder(shape="grid", regions=16)(case), METHOD(case)
    table = area_table(result, other, band)
    assert table.rows == (
        "LiMA",
        "KernelSHAP",
        "RISE",
        "Occlusion",
        "Integrated gradients",
        "Grad-CAM",
        "Random order, mean",
    )
    assert table.values[0] == pytest.approx(result["areas"].values)
    assert table.values[-1, 1] == pytest.approx(band["areas"]["deletion"].mean())
    assert table.values[2].tolist() == pytest.approx(
        [other["areas"].cell("RISE", way) for way in ("insertion", "deletion")]
    )
    assert table.values[0, 0] == table.values[:, 0].max()
