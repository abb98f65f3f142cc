"""What the models of the extras are given, beside the libraries' own preprocessing."""

import numpy as np
import pytest
import torch
from PIL import Image

from engine.vision.case import model_input
from engine.vision.images import Crop, Picture
from engine.vision.images.samples import sample
from engine.vision.models import chest
from tests.tiny import cnn

pytestmark = pytest.mark.peer
SIDE = 224


def of_side(side):
    """A model that only has a size."""
    model = cnn()
    model.side = side
    return model


def grayed(name):
    """A photograph in shades of gray, (H, W) uint8."""
    return np.asarray(Image.fromarray(sample(name).pixels).convert("L"))


def given(gray, side):
    """What a chest X-ray model is given, (side, side) from −1024 to 1024."""
    picture = Picture(np.repeat(gray[..., None], 3, 2), gray.shape[::-1], (), "")
    pixels = model_input(picture, Crop(), of_side(side))[None]
    return chest.gray((pixels - 0.5) * 2048)[0, 0].numpy()


def test_an_x_ray_of_the_model_s_size_is_given_to_the_bit():
    xrv = pytest.importorskip("torchxrayvision")
    gray = grayed("chelsea")[:SIDE, : SIDE + 40]  # cropped by both, not resized
    expected = xrv.datasets.XRayCenterCrop()(xrv.datasets.normalize(gray, 255)[None])
    assert np.array_equal(given(gray, SIDE), expected[0])


def test_a_larger_x_ray_differs_by_the_filter_alone():
    xrv = pytest.importorskip("torchxrayvision")
    gray = grayed("chelsea")
    cut = xrv.datasets.XRayCenterCrop()(xrv.datasets.normalize(gray, 255)[None])
    expected, result = xrv.datasets.XRayResizer(SIDE)(cut)[0], given(gray, SIDE)
    assert np.corrcoef(expected.ravel(), result.ravel())[0, 1] > 0.98
    assert np.abs(expected - result).mean() < 2048 * 0.02


def both(picture):
    """What a photograph is to open_clip and to us, (3, side, side) in [0, 1] each."""
    open_clip = pytest.importorskip("open_clip")
    look = open_clip.image_transform(SIDE, is_train=False, mean=(0, 0, 0), std=(1, 1, 1))
    return look(Image.fromarray(picture.pixels)), model_input(picture, Crop(), of_side(SIDE))


@pytest.mark.parametrize("name", ["chelsea", "china"])
def test_a_square_photograph_is_given_to_the_bit_as_open_clip_gives_it(name):
    pixels = sample(name).pixels[:300, :300].copy()
    expected, result = both(Picture(pixels, (300, 300), (), ""))
    assert torch.equal(expected, result)


@pytest.mark.parametrize("name", ["chelsea", "china"])
def test_the_square_of_a_wide_photograph_lies_at_most_a_pixel_elsewhere(name):
    expected, result = both(sample(name))
    assert (expected - result).abs().mean() < 0.03
    assert torch.corrcoef(torch.stack([expected.ravel(), result.ravel()]))[0, 1] > 0.97
