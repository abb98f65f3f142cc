"""On a linear model occlusion has a closed form, so it is checked to the digit."""

import numpy as np
import pytest
from captum.attr import Occlusion as CaptumOcclusion

from engine.attribution.heatmaps.occlusion import Occlusion
from engine.case import ImageCase
from engine.case.target import Target
from tests import tiny


@pytest.fixture
def case():
    return tiny.linear_case()


def test_squares_side_by_side_give_each_block_its_own_sum(case):
    heat = Occlusion(side=4, overlap=0.0, cover="black")(case)["map"].values
    block = (case.image * case.model.network.weight).sum(0)[4:8, 8:12].sum()
    np.testing.assert_allclose(heat[4:8, 8:12], block.item(), rtol=1e-4)


def test_blocks_add_up_to_the_score(case):
    heat = Occlusion(side=4, overlap=0.0, cover="black")(case)["map"].values
    assert heat.sum() / 16 == pytest.approx(case.score(case.image[None]).item(), rel=1e-4)


def test_squares_of_one_block_are_pixel_times_weight_less_what_hides_it(case):
    heat = Occlusion(side=2, overlap=0.0, cover="blur")(case)["map"].values
    gone = ((case.image - case.baseline("blur")) * case.model.network.weight).sum(0)
    blocks = gone.reshape(8, 2, 8, 2).sum((1, 3))
    np.testing.assert_allclose(heat[::2, ::2], blocks.numpy(), atol=1e-4)


def test_hiding_a_flat_image_with_its_own_mean_changes_nothing():
    case = tiny.cnn_case()
    mean = ImageCase(case.model, case.baseline("mean"), Target(1))
    np.testing.assert_allclose(Occlusion(side=6)(mean)["map"].values, 0.0, atol=1e-6)


def test_squares_of_one_pixel_give_weight_times_pixel(case):
    heat = Occlusion(side=1, overlap=0.0, cover="black")(case)["map"].values
    expected = (case.image * case.model.network.weight).sum(0).numpy()
    np.testing.assert_allclose(heat, expected, atol=1e-4)


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
    values = Occlusion(side=side, overlap=overlap)(case)["map"].values
    assert np.isfinite(values).all()


def test_it_agrees_with_captum_where_squares_tile_the_image():
    case = tiny.cnn_case()
    ours = Occlusion(side=8, overlap=0.0, cover="black")(case)["map"].values
    theirs = CaptumOcclusion(case.model).attribute(
        case.image[None], sliding_window_shapes=(3, 8, 8), strides=(3, 8, 8), target=3
    )[0, 0]
    np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-5)


def test_the_answer_is_about_the_contrast_that_was_asked():
    case = tiny.cnn_case()
    first, second, both = (
        Occlusion(side=8)(ImageCase(case.model, case.image, target))["map"].values
        for target in (Target(0), Target(3), Target(0, versus=3))
    )
    np.testing.assert_allclose(both, first - second, atol=1e-5)
    assert np.abs(both).max() > 0
