"""Every pixel belongs to one region, and every region has pixels."""

import pytest
import torch

from engine.attribution.heatmaps.partition import Partition
from engine.case import ImageCase
from engine.case.scoring import as_drawn
from engine.case.target import Target
from tests import tiny


@pytest.mark.parametrize("shape", ["superpixels", "grid"])
@pytest.mark.parametrize("regions", [4, 9, 50])
def test_regions_cover_the_image_and_none_is_empty(shape, regions):
    case = tiny.cnn_case()
    partition = Partition.of(case, shape, regions)
    assert partition.labels.shape == case.image.shape[1:]
    assert torch.bincount(partition.labels.flatten(), minlength=partition.count).min() > 0
    assert 0.4 * regions <= partition.count <= 1.6 * regions


def test_a_grid_of_four_is_the_four_quarters():
    labels = Partition.of(tiny.cnn_case(), "grid", 4).labels
    assert labels[0, 0] == 0
    assert labels[0, 31] == 1
    assert labels[31, 0] == 2
    assert [int((labels == index).sum()) for index in range(4)] == [256] * 4


def test_sums_and_values_go_back_and_forth():
    case = tiny.cnn_case()
    partition = Partition.of(case, "grid", 9)
    sums = partition.sums(case.image)
    assert sums.sum().item() == pytest.approx(case.image.sum().item(), rel=1e-5)
    slow = case.image[:, partition.labels == 4].sum().item()
    assert sums[4].item() == pytest.approx(slow, rel=1e-5)
    assert (partition.values(sums)[partition.labels == 4] == sums[4]).all()


def test_hidden_regions_show_the_cover_and_the_others_the_image():
    case = tiny.cnn_case()
    partition = Partition.of(case, "grid", 4)
    is_shown = torch.tensor([[True, False, True, False]])
    out = torch.empty_like(as_drawn(case, case.image))
    partition.drawing(case, is_shown, "blur")(0, out)
    left = partition.labels % 2 == 0
    assert torch.equal(out[:, left], case.image[:, left])
    assert torch.equal(out[:, ~left], case.baseline("blur")[:, ~left])


def test_the_same_image_is_cut_the_same_way_and_a_flat_one_too():
    case = tiny.cnn_case()
    twice = [Partition.of(case, "superpixels", 20).labels for _ in range(2)]
    assert torch.equal(*twice)
    flat = ImageCase(case.model, torch.full_like(case.image, 0.3), Target(0))
    assert Partition.of(flat, "superpixels", 16).count == 16
