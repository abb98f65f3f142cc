"""What every localizer shares: scale, threshold, boxes, and which images are normal."""

from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy import ndimage as ndi
from torch.nn import functional as F

from engine.anomaly import LOCALIZERS, Conformal, DictAS, PaDiM, PatchCore
from engine.anomaly.localizers.localizer import place_of
from engine.anomaly.localizers.patches import (
    DEPTHS,
    GRID,
    WIDTH,
    layers_at,
    maps_of,
    narrowed,
    oddities,
)
from engine.anomaly.localizers.regions import boxes_above
from engine.core.errors import BadData, DoesNotFit
from tests import tiny
from tests.engine.anomaly.localizers import cells

TRIED = tuple(kind() for kind in LOCALIZERS)
every = pytest.mark.parametrize("method", TRIED, ids=lambda method: method.name)
REFERENCE_IMAGES = 40
case = partial(cells.case, network=cells.Rich)


@pytest.fixture(scope="module")
def normal():
    return cells.data(cells.images(20 + REFERENCE_IMAGES), 20)


@pytest.fixture(scope="module")
def odd():
    return cells.with_lesion(cells.images(1, seed=7)[0])


@every
def test_the_threshold_keeps_its_promise_on_new_normal_images(method, normal):
    """False alarms are images in which anything at all lies above the threshold."""
    alarms = []
    for image in cells.images(100, seed=11):
        result = method(case(normal, image))
        highest, threshold = (result["figures"][name][0] for name in ("highest", "threshold"))
        alarms.append(highest > threshold)
        assert result["mask"].values.any() == alarms[-1]
    low, high = Conformal(result["held"].values.astype(float)).band(method.alpha, 0.99)
    noise = 2.6 * np.sqrt(high * (1 - high) / len(alarms))
    assert max(low - noise, 0) <= np.mean(alarms) <= high + noise


@every
def test_a_lesion_stands_above_the_threshold_in_a_box_of_its_own(method, normal, odd):
    result = method(case(normal, odd))
    row = {name: float(result["figures"][name][0]) for name in result["figures"].order}
    assert row["below"] == 1.0
    assert row["p"] == pytest.approx(1 / (REFERENCE_IMAGES + 1)) == pytest.approx(row["smallest p"])
    second = np.sort(result["held"].values)[-2]  # 5 % of 41 are two
    assert row["threshold"] == pytest.approx(second, rel=1e-6)
    assert (row["left"], row["top"]) == pytest.approx((24 / 32, 12 / 32), abs=0.1)
    box = {name: float(result["boxes"][name][0]) for name in result["boxes"].order}
    assert box["left"] <= 22 / 32 < 26 / 32 <= box["left"] + box["width"]
    assert box["top"] <= 10 / 32 < 14 / 32 <= box["top"] + box["height"]
    assert box["highest"] == pytest.approx(row["highest"])


def test_the_finding_names_the_place_and_counts_the_normal_images_that_are_less_odd(normal, odd):
    method, image_case = PatchCore(), case(normal, odd)
    assert method.finding(image_case, method(image_case)) == (
        "The oddest place is the middle right, above what 40 of 40 normal images reach anywhere."
    )
    calm = case(normal, cells.images(1, seed=12)[0])
    answer = method(calm)
    below = int((answer["held"].values < answer["map"].values.max()).sum())
    words = method.finding(calm, answer)
    assert words.startswith("Nothing stands out: the oddest place is the ")
    assert f"above what {below} of 40 normal images" in words
    strict = replace(method, alpha=0.02)
    sentence = strict.finding(image_case, strict(image_case))
    assert sentence.endswith("too few for a threshold at 2 % false alarms.")
    places = [place_of(*at) for at in ((0.5, 0.5), (0.67, 0.33), (0.33, 0.66), (0.34, 1.0))]
    assert places == ["middle", "upper right", "middle left", "lower middle"]


def test_boxes_are_those_of_the_regions_the_highest_first():
    values = ndi.gaussian_filter(np.random.default_rng(2).random((60, 80)), 3).astype(np.float32)
    line = float(np.quantile(values, 0.9))
    table = boxes_above(values, line, "distance")
    left = values > line
    for at in range(len(table)):
        top, start = (round(table[n][at] * s) for n, s in (("top", 60), ("left", 80)))
        rows = slice(top, top + round(table["height"][at] * 60))
        columns = slice(start, start + round(table["width"][at] * 80))
        peak = np.argwhere(values == table["highest"][at])[0]
        assert rows.start <= peak[0] < rows.stop
        assert columns.start <= peak[1] < columns.stop
        labels = ndi.label(values > line, np.ones((3, 3)))[0]
        region = labels == labels[tuple(peak)]
        assert np.argwhere(region).min(0).tolist() == [rows.start, columns.start]
        assert (np.argwhere(region).max(0) + 1).tolist() == [rows.stop, columns.stop]
        assert table["area"][at] == pytest.approx(region.mean())
        left &= ~region
    assert (np.diff(table["highest"]) <= 0).all()
    assert not len(table) or ndi.label(left, np.ones((3, 3)))[1] == 0 or len(table) == 10
    assert len(boxes_above(values, 2.0, "distance")) == 0


@every
def test_more_normal_images_keep_the_first_ones_and_the_held_out_ones(method, normal, odd):
    few, more = (replace(method, normals=n)(case(normal, odd)) for n in (5, 15))
    assert few["figures"]["fitted"][0] == 5
    assert more["figures"]["fitted"][0] == 15
    assert few["held"].labels == more["held"].labels
    assert len({*few["patches"]["image 1"]}) <= 5
    if not isinstance(method, DictAS):  # it looks up as many as ever
        assert {*more["patches"]["image 1"]} - {*few["patches"]["image 1"]}


def test_the_image_s_own_group_is_left_out_and_each_group_is_held_out_once(odd):
    groups = np.arange(60) // 3
    normal = cells.data(cells.images(60), 30, group=groups)
    result = PatchCore(normals=100)(case(normal, odd, group=2))
    image_numbers = np.array([int(label) // 2 for label in result["held"].labels])
    assert len(image_numbers) == len(set(groups[image_numbers])) == 10
    assert set(groups[image_numbers]) == set(range(10, 20))
    assert not {patch // 2 for patch in result["patches"]["image 1"]} & {6, 7, 8}
    assert result["figures"]["fitted"][0] == 27


@pytest.mark.parametrize("blur", [0.0, 1.8, 5.0])
def test_a_map_is_enlarged_linearly_and_blurred_by_a_gaussian_whatever_is_mapped_with_it(blur):
    grids = torch.from_numpy(np.random.default_rng(3).random((3, 7, 9), np.float32))
    method = PatchCore(blur=blur)
    result = method.smooth(grids, 64)
    large = F.interpolate(grids[:, None].double(), (64, 64), mode="bilinear")[:, 0].numpy()
    expected = ndi.gaussian_filter(large, blur / 100 * 64, axes=(1, 2)) if blur else large
    np.testing.assert_allclose(result, expected, atol=1e-6)
    np.testing.assert_allclose(method.smooth(torch.full((1, 7, 9), 2.0), 64), 2.0, rtol=1e-6)
    np.testing.assert_allclose(method.smooth(grids[1:2], 64)[0], result[1], rtol=1e-6)


# ---------------------------------------------------------------- what cannot be had


def test_no_normal_image_and_one_are_sentences(odd):
    none = cells.images(0).reshape(0, 3, 32, 32)
    with pytest.raises(BadData, match="no normal image: at least two"):
        case(cells.data(none), odd)
    with pytest.raises(BadData, match="one normal image: at least two"):
        case(cells.data(cells.images(1)), odd)
    pixels = np.stack([odd, cells.images(1)[0]])
    with pytest.raises(BadData, match="too few normal images beside this one"):
        PatchCore()(case(cells.data(pixels), odd))


@every
def test_two_normal_images_give_a_map_and_no_promise(method, odd):
    result = method(case(cells.data(cells.images(2)), odd))
    words = "With 1 normal images no false-alarm rate"
    assert any(words in label for label in result["notes"].labels)
    assert np.isfinite(result["map"].values).all()
    assert result["figures"]["smallest p"][0] == 0.5
    assert result["figures"]["threshold"][0] == pytest.approx(result["held"].values[0])


@every
def test_identical_normal_images_and_a_constant_image_are_mapped_and_the_first_are_said(
    method, odd
):
    result = method(case(cells.data(np.repeat(cells.images(1), 20, 0)), odd))
    assert any("are identical" in label for label in result["notes"].labels)
    assert np.isfinite(result["map"].values).all()
    even = method(case(cells.data(cells.images(20)), np.full((3, 32, 32), 128, np.uint8)))
    assert np.isfinite(even["map"].values).all()
    assert not any("are identical" in label for label in even["notes"].labels)
    normal = cells.data(np.repeat(cells.images(1), 20, 0))
    alike = PatchCore()(case(normal, cells.with_lesion(cells.images(1)[0])))
    assert alike["figures"]["threshold"][0] == 0 == alike["map"].values.min()
    assert np.array_equal(alike["mask"].values, alike["map"].values > 0)  # not what reaches it


def test_scans_mixed_with_photographs_are_said_and_images_of_another_size_are_resized(odd):
    pixels = cells.images(20)
    pixels[::2] = pixels[::2, :1]
    result = PatchCore()(case(cells.data(pixels), odd))
    assert result["notes"].labels[0].startswith("10 of 20 normal images have color")
    # channels that differ by 4 of 255 on average have no color, by a little more they have
    even = np.full((3, 3, 2, 2), 90, np.uint8)
    even[:, 1] += np.array([4, 4, 0], np.uint8)[:, None, None]
    slightly = case(cells.data(even), odd)
    assert oddities(slightly, np.arange(3)) == []
    even[1, 1, 0, 0] += 1
    assert oddities(slightly, np.arange(3))[0].startswith("1 of 3 normal images have color")
    assert oddities(slightly, np.array([1, 1])) == [
        "All normal images are identical, so nothing is known of how they vary."
    ]
    other = cells.images(20)[:, :, ::2, ::2]
    assert PatchCore()(case(cells.data(other), odd))["map"].values.shape == (32, 32)


# ---------------------------------------------------------------- layers


def test_two_layers_of_neighboring_resolutions_are_compared_by_depth():
    named = [[layer.name for layer in layers_at(tiny.cnn(), depth)] for depth in DEPTHS]
    assert named == [["act1"], ["act1", "act2"], ["act2"]]
    tokens = [[layer.name for layer in layers_at(tiny.vit(), depth)] for depth in DEPTHS]
    assert tokens[0] != tokens[-1]
    with pytest.raises(DoesNotFit, match="no layer whose output is a map"):
        layers_at(tiny.mlp(), "middle")
    assert "layers whose output is a map" in PaDiM.unmet(tiny.familiar_case(tiny.mlp()))


@pytest.mark.parametrize(
    ("sides", "names"), [((8,), "a ab b"), ((16, 8, 4), "bd df f"), ((2, 32, 8, 16), "dh hf fb")]
)
def test_the_last_layer_of_a_resolution_counts_and_depths_go_from_the_finest_on(sides, names):
    """Layers a and b, c and d, … are of one resolution each; with a single one all count."""
    pairs = zip("abcdefgh", np.repeat(sides, 2), strict=False)
    layers = [SimpleNamespace(name=name, is_map=True, cells=(side, side)) for name, side in pairs]
    model = SimpleNamespace(layers=[*layers, SimpleNamespace(name="z", is_map=False, cells=(9, 9))])
    chosen = ["".join(layer.name for layer in layers_at(model, depth)) for depth in DEPTHS]
    assert chosen == names.split()


def test_patches_are_bounded_in_number_and_width():
    wide = tiny.classifier(tiny.random_weights(Wide()), 80)
    maps = maps_of(wide, tiny.image(80)[None], layers_at(wide, "middle"))
    assert maps[-1].shape == (1, WIDTH, GRID, GRID)
    many = torch.randn(1, 2 * WIDTH, 8, 8, generator=tiny.seeded())
    assert float(narrowed(many).norm() / many.norm()) == pytest.approx(1, abs=0.05)


def test_features_that_are_not_finite_are_a_sentence(normal, odd):
    image_case = case(normal, odd)
    broken = cells.model()
    broken.network.pool = Broken()
    broken.__dict__.pop("fingerprint", None)
    with pytest.raises(DoesNotFit, match="not finite"):
        maps_of(broken, image_case.image[None], layers_at(broken, "middle"))


class Wide(tiny.Cnn):
    """Its last map has 300 channels on 80 × 80 places."""

    def __init__(self):
        super().__init__()
        self.pool, self.conv2 = tiny.nn.Identity(), tiny.nn.Conv2d(8, 300, 1)
        self.fc = tiny.nn.Linear(300, 4)


class Broken(tiny.nn.Module):
    def forward(self, images):
        return tiny.nn.functional.avg_pool2d(images, 4) / 0 * 0
