"""Hiding parts of an image: by squares, by random grids, and the regions that others hide."""

from dataclasses import replace
from math import ceil

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from captum.attr import Occlusion as CaptumOcclusion

from engine.attribution.heatmaps.occlusion import Occlusion
from engine.attribution.heatmaps.partition import Partition, segmented
from engine.attribution.heatmaps.rise import RandomGrids, Rise
from engine.vision.case import ImageCase
from engine.vision.case.scoring import as_drawn
from engine.vision.case.target import Target
from tests import tiny


@pytest.fixture
def case():
    return tiny.linear_case()


@pytest.mark.parametrize(("side", "cover"), [(4, "black"), (2, "blur"), (1, "black")])
def test_squares_side_by_side_give_each_block_its_own_sum(case, side, cover):
    heat = Occlusion(side=side, overlap=0.0, cover=cover)(case)["map"].values
    gone = ((case.image - case.baseline(cover)) * case.model.network.weight).sum(0).numpy()
    blocks = gone.reshape(16 // side, side, 16 // side, side).sum((1, 3))
    np.testing.assert_allclose(heat, np.kron(blocks, np.ones((side, side))), atol=1e-4)


def test_a_flat_image_or_score_has_a_flat_map():
    case = tiny.cnn_case()
    mean = replace(case, image=case.baseline("mean"))
    for method in (Occlusion(side=6), Rise(masks=100)):
        np.testing.assert_allclose(method(mean)["map"].values, 0.0, atol=1e-6)


def test_overlapping_squares_are_averaged(case):
    heat = Occlusion(side=4, overlap=0.5, cover="black")(case)["map"].values
    pixel = (case.image * case.model.network.weight).sum(0)
    covering = [pixel[top : top + 4, left : left + 4].sum() for top in (2, 4) for left in (6, 8)]
    assert heat[5, 9] == pytest.approx(float(sum(covering)) / 4, abs=1e-4)


@pytest.mark.parametrize(("height", "width"), [(50, 37), (8, 8), (1, 9)])
def test_the_last_squares_reach_the_edge_and_none_hides_more_than_half(height, width):
    squares = Occlusion(side=32, overlap=0.25).squares(height, width)
    assert max(rows.stop for rows, _ in squares) == height
    assert max(columns.stop for _, columns in squares) == width
    assert len(squares) > 1


@pytest.mark.parametrize("side", [1, 6, 96])
@pytest.mark.parametrize("overlap", [0.0, 0.75])
def test_every_pixel_is_covered(case, side, overlap):
    assert np.isfinite(Occlusion(side=side, overlap=overlap)(case)["map"].values).all()


def test_it_agrees_with_captum_where_squares_tile_the_image():
    case = tiny.cnn_case()
    ours = Occlusion(side=8, overlap=0.0, cover="black")(case)["map"].values
    theirs = CaptumOcclusion(case.model).attribute(
        case.image[None], sliding_window_shapes=(3, 8, 8), strides=(3, 8, 8), target=3
    )[0, 0]
    np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-5)


def slow_masks(method, case):
    """Each mask by enlarging its grid as a picture and cutting it out."""
    random_grids = RandomGrids.random(method, case)
    height, width = case.image.shape[1:]
    size = tuple((method.cells + 1) * ceil(side / method.cells) for side in (height, width))
    for grid, (y, x) in zip(random_grids.grids, random_grids.shifts.tolist(), strict=True):
        grown = F.interpolate(grid[None, None], size=size, mode="bilinear", align_corners=False)
        yield grown[0, 0, y : y + height, x : x + width]


def test_it_is_the_paper_s_sum_written_out_mask_by_mask():
    case = tiny.cnn_case()
    method = Rise(masks=100, cells=5, cover="black")
    masks = torch.stack([*slow_masks(method, case)])
    scores = case.model.logits(masks[:, None] * case.image)[:, 3]
    slow = ((scores - scores.mean()).view(-1, 1, 1) * masks).sum(0) / (100 * 0.5)
    np.testing.assert_allclose(method(case)["map"].values, slow.numpy(), rtol=1e-3, atol=1e-7)


def test_masks_lie_between_hidden_and_shown_and_show_their_share():
    random_grids = RandomGrids.random(Rise(masks=500, cells=7, share=0.3), tiny.cnn_case())
    whole = torch.stack([random_grids.mask(index) for index in range(500)])
    assert whole.min() >= 0
    assert whole.max() <= 1 + 1e-6
    assert whole.mean().item() == pytest.approx(0.3, abs=0.02)
    assert whole.mean(0).std() < 0.05
    assert set(random_grids.shifts.flatten().tolist()) == set(range(ceil(32 / 7)))


def test_on_a_linear_model_it_finds_the_pixels_that_carry_the_score():
    weight = torch.zeros(3, 32, 32)
    weight[:, 4:12, 20:28] = 1.0
    model = tiny.classifier(tiny.Linear(weight), 32, "linear")
    case = ImageCase(model, torch.full((3, 32, 32), 0.5), Target(1))
    values = Rise(masks=1000, cover="black")(case)["map"].values
    inside, outside = values[4:12, 20:28].mean(), np.delete(values, range(20, 28), 1).mean()
    assert inside > 5 * abs(outside)
    row, column = np.unravel_index(values.argmax(), values.shape)
    assert 4 <= row < 12
    assert 20 <= column < 28


@pytest.mark.parametrize("shape", ["superpixels", "grid"])
@pytest.mark.parametrize("regions", [4, 9, 50])
def test_regions_cover_the_image_and_none_is_empty(shape, regions):
    case = tiny.cnn_case()
    partition = Partition.of(case, shape, regions)
    assert partition.labels.shape == case.image.shape[1:]
    assert torch.bincount(partition.labels.flatten(), minlength=partition.count).min() > 0
    assert 0.4 * regions <= partition.count <= 1.6 * regions


def test_regions_are_taken_from_half_of_those_asked_for_on(monkeypatch):
    tried = []

    def slic(image, *, compactness, **_):
        tried.append(compactness)
        return np.arange(image[..., 0].size).reshape(image.shape[:2]) % 2 * 3

    monkeypatch.setattr("skimage.segmentation.slic", slic)
    image = np.zeros((4, 6, 3))
    cut = [segmented.__wrapped__(image.tobytes(), image.shape, count) for count in (4, 5)]
    assert cut[0].labels.tolist() == [[0, 1] * 3] * 4
    assert cut[1] is None  # which are too few, however flat they are made
    assert tried == [10, 10, 100, 1000]


def test_regions_are_cut_alike_each_time_and_sums_and_covers_go_by_them():
    labels = Partition.of(tiny.cnn_case(), "grid", 4).labels
    assert labels[0, 0] == 0
    assert labels[0, 31] == 1
    assert labels[31, 0] == 2
    assert torch.bincount(labels.flatten()).tolist() == [256] * 4
    case = tiny.cnn_case()
    partition = Partition.of(case, "grid", 9)
    sums = partition.sums(case.image)
    assert sums.sum().item() == pytest.approx(case.image.sum().item(), rel=1e-5)
    slow = case.image[:, partition.labels == 4].sum().item()
    assert sums[4].item() == pytest.approx(slow, rel=1e-5)
    assert (partition.values(sums)[partition.labels == 4] == sums[4]).all()
    partition = Partition.of(case, "grid", 4)
    is_shown = torch.tensor([[True, False, True, False]])
    out = torch.empty_like(as_drawn(case, case.image))
    partition.drawing(case, is_shown, "blur")(0, out)
    left = partition.labels % 2 == 0
    assert torch.equal(out[:, left], case.image[:, left])
    assert torch.equal(out[:, ~left], case.baseline("blur")[:, ~left])
    assert torch.equal(*(Partition.of(case, "superpixels", 20).labels for _ in range(2)))
    flat = replace(case, image=torch.full_like(case.image, 0.3))
    assert Partition.of(flat, "superpixels", 16).count == 16
