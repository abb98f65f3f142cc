"""Small sets are what they say."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from engine.vision import data as data_sets
from engine.vision.data import load
from engine.vision.data.bars import STEPS, BarAngles, bar
from engine.vision.data.textured import CLASSES, COLORS, TexturedShapes, pattern, shape_mask
from engine.vision.data.units import gabor_units, on_off_units


@pytest.mark.parametrize(
    ("name", "count", "side", "parts"),
    [("digits", 1797, 8, (899, 180, 718)), ("mnist-5k", 5000, 28, (3500, 500, 1000))],
)
def test_digits_have_their_known_number_size_and_splits(name, count, side, parts):
    data = load(name)
    assert data.images.shape == (count, 1, side, side)
    sizes = [len(data.rows(split)) for split in ("train", "validation", "test")]
    assert sizes == pytest.approx(parts, abs=3)
    assert data.images.max() == 255
    assert load(name) is data


@pytest.mark.parametrize("name", ["digits", "mnist-5k"])
def test_digits_are_of_the_same_share_in_every_split_and_named_by_the_nearest_one(name):
    data = load(name)
    whole = np.bincount(data.labels) / len(data)
    for split in ("train", "validation", "test"):
        rows = data.rows(split)
        share = np.bincount(data.labels[rows], minlength=10) / len(rows)
        assert share == pytest.approx(whole, abs=0.006)
    train, test = data.rows("train"), data.rows("test")[::7]
    flat = data.images.reshape(len(data), -1).astype(np.float32)
    far = (flat[train] ** 2).sum(1) - 2 * flat[test] @ flat[train].T
    assert (data.labels[train][far.argmin(1)] == data.labels[test]).mean() > 0.9


@pytest.mark.parametrize("degrees", [0, 15, 45, 70, 90])
def test_a_bar_s_longest_axis_has_its_angle(degrees):
    image = bar(degrees, 0.5, -0.5)
    y, x = np.mgrid[:16, :16]
    axes = np.linalg.eigh(np.cov(np.stack([x, y]).reshape(2, -1), aweights=image.ravel()))[1]
    right, down = axes[:, -1]
    assert np.degrees(np.arctan2(down, right)) % 180 == pytest.approx(degrees, abs=1)
    assert (x * image).sum() / image.sum() == pytest.approx(8.0, abs=0.05)
    assert (y * image).sum() / image.sum() == pytest.approx(7.0, abs=0.05)


def test_each_class_of_bars_has_its_angles_and_noise_and_seed_are_settings():
    data = data_sets.load("bars")
    assert data.classes[:3] == ("0°", "5°", "10°")
    assert data.classes[-1] == "90°"
    for split, count in (("train", 60), ("validation", 10), ("test", 30)):
        assert (np.bincount(data.labels[data.rows(split)]) == [count] * STEPS).all()
    assert abs(data.truth["angle"] - 5 * data.labels).max() <= 1.25
    assert np.ptp(data.truth["angle"][data.labels == 4]) > 2
    plain = BarAngles(count=190, noise=0.0).make()
    assert (plain.images == 0).mean() > 0.7
    assert (BarAngles(count=190).make().images == 0).mean() < 0.7
    other = BarAngles(count=190, noise=0.0, seed=1).make()
    assert not np.array_equal(plain.images, other.images)
    assert np.array_equal(plain.images, BarAngles(count=380, noise=0.0).make().images[:190])


@pytest.fixture(scope="module")
def data():
    return load("textured:count=240")


def test_a_class_is_a_shape_a_color_and_a_texture_as_drawn(data):
    for row in range(24):
        shape, color, texture = (data.truth[name][row] for name in ("shape", "color", "texture"))
        assert data.classes[data.labels[row]] == f"{color} {shape}, {texture}"
        assert (shape, color, texture) == CLASSES[row % 12]
    for split, count in (("train", 14), ("validation", 2), ("test", 4)):
        assert (np.bincount(data.labels[data.rows(split)]) == [count] * 12).all()
    for image, mask, color in zip(
        data.images, data.truth["mask"], data.truth["color"], strict=True
    ):
        inner = [channel[mask].mean() for channel in image.astype(float)]
        outer = [channel[~mask].mean() for channel in image.astype(float)]
        assert (inner[0] > inner[2] + 30) == (color == "red") == (COLORS[color][0] > 0.5)
        assert np.ptp(outer) < 8
    assert (TexturedShapes(count=120).make().images == data.images[:120]).all()
    assert (TexturedShapes(count=120, seed=1).make().images != data.images[:120]).any()


def test_shapes_have_their_areas_and_stripes_one_direction_where_checks_have_two():
    y, x = np.mgrid[:201, :201] - 100.0
    areas = {shape: shape_mask(shape, y, x, 50.0).sum() for shape in ("disc", "square", "triangle")}
    assert areas["disc"] == pytest.approx(np.pi * 50**2, rel=0.02)
    assert areas["square"] == pytest.approx(90**2, rel=0.04)
    assert areas["triangle"] == pytest.approx(100 * 100 / 2, rel=0.04)
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


def stripes(angle, phase=0.0, side=18):
    at = torch.arange(side) - (side - 1) / 2
    y, x = torch.meshgrid(at, at, indexing="ij")
    along = x * np.cos(angle) + y * np.sin(angle)
    return torch.cos(2 * np.pi * along / 6 + phase)


def test_a_gabor_unit_answers_most_to_stripes_of_its_orientation_wherever_they_begin():
    units = gabor_units()
    assert len(units) == 60
    for phase in (0.0, 1.0, 2.5):
        images = torch.stack([stripes(np.pi * g / 4, phase) for g in range(4)])
        answers = units(images.float())  # (4, 60)
        assert (answers.argmax(0) == units.group).all()
        group_answers = answers[units.group, torch.arange(60)]
        assert group_answers.min() > 2 * answers.sort(0).values[-2].max()


def test_groups_of_units_are_equally_large_and_on_cells_answer_to_light():
    units = gabor_units(count=40, orientations=4)
    assert torch.bincount(units.group).tolist() == [10] * 4
    assert torch.equal(units.filters, gabor_units(count=40).filters)
    assert not torch.equal(units.filters, gabor_units(count=40, seed=1).filters)
    units = on_off_units()
    at = torch.arange(18) - 8.5
    spot = torch.exp(-(at[:, None] ** 2 + at[None] ** 2) / 4)
    light, dark = units(torch.stack([spot, -spot]))
    on = units.group == 0
    assert (light[on] > 0).all()
    assert (dark[~on] > 0).all()
    assert light[~on].max() == dark[on].max() == 0


@pytest.mark.parametrize("units", [gabor_units(8), on_off_units(8)])
def test_answers_can_be_climbed(units):
    image = torch.randn(2, 18, 18, generator=torch.Generator().manual_seed(0)).requires_grad_()
    units(image).sum().backward()
    assert torch.isfinite(image.grad).all()
    assert image.grad.abs().max() > 0
