"""Textured shapes: what the truth says is what is drawn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from engine.data import load
from engine.data.textured import CLASSES, COLORS, TexturedShapes, pattern, shape_mask


@pytest.fixture(scope="module")
def data():
    return load("textured:count=240")


def test_a_class_is_a_shape_a_color_and_a_texture(data):
    for row in range(24):
        shape, color, texture = (data.truth[name][row] for name in ("shape", "color", "texture"))
        assert data.classes[data.labels[row]] == f"{color} {shape}, {texture}"
        assert (shape, color, texture) == CLASSES[row % 12]
    for split, count in (("train", 14), ("validation", 2), ("test", 4)):
        assert (np.bincount(data.labels[data.rows(split)]) == [count] * 12).all()


def test_the_color_is_inside_the_mask_and_gray_is_outside(data):
    for image, mask, color in zip(
        data.images, data.truth["mask"], data.truth["color"], strict=True
    ):
        inner = [channel[mask].mean() for channel in image.astype(float)]
        outer = [channel[~mask].mean() for channel in image.astype(float)]
        assert (inner[0] > inner[2] + 30) == (color == "red") == (COLORS[color][0] > 0.5)
        assert np.ptp(outer) < 8


def test_shapes_have_their_areas():
    y, x = np.mgrid[:201, :201] - 100.0
    areas = {shape: shape_mask(shape, y, x, 50.0).sum() for shape in ("disc", "square", "triangle")}
    assert areas["disc"] == pytest.approx(np.pi * 50**2, rel=0.02)
    assert areas["square"] == pytest.approx(90**2, rel=0.04)
    assert areas["triangle"] == pytest.approx(100 * 100 / 2, rel=0.04)


def test_stripes_change_along_one_direction_and_checks_along_two():
    y, x = np.mgrid[:64, :64].astype(float)
    for seed in range(5):
        shares = {}
        for texture in ("stripes", "checks"):
            result = pattern(texture, y, x, np.random.default_rng(seed))
            assert set(np.unique(result)) <= {-1.0, 0.0, 1.0}
            slopes = np.gradient(gaussian_filter(result, 1.0))
            least, most = np.linalg.eigvalsh(np.cov(np.reshape(slopes, (2, -1))))
            shares[texture] = least / most
        assert shares["stripes"] < 0.1
        assert shares["checks"] > 0.5


def test_the_seed_is_a_setting_and_more_images_begin_with_the_same(data):
    assert (TexturedShapes(count=120).make().images == data.images[:120]).all()
    assert (TexturedShapes(count=120, seed=1).make().images != data.images[:120]).any()
